import { createSecretKey, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';

/** The secret of tests; long enough for `JWT_SECRET`. */
export const TEST_SECRET = 'a-secret-for-tests-and-nothing-else-0123456789';

/** As a string it would be tried as a PEM first, for each token: 1.1 ms instead of some µs. */
const TEST_KEY = createSecretKey(Buffer.from(TEST_SECRET));

export interface TokenWishes {
  /** HMAC secret; `TEST_SECRET` if neither this nor `privateKey` is given. */
  readonly secret?: string;
  /** Signs RS256, ES256, …; wants `algorithm`. */
  readonly privateKey?: KeyObject;
  /** HS256 unless given. */
  readonly algorithm?: jwt.Algorithm;
  readonly keyId?: string;
  readonly user?: string | number;
  readonly tenant?: string | number;
  readonly topics?: readonly string[] | string;
  readonly issuer?: string;
  readonly audience?: string | string[];
  /** An hour unless given; negative for an expired token. */
  readonly expiresInSeconds?: number;
  /** Wall clock ms that the token is issued at; the real clock unless given. */
  readonly now?: number;
  /** Further claims; they win over the above. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** A signed token: user "7" of tenant "acme" without topics, for an hour, unless wished otherwise. */
export function mintToken(wishes: TokenWishes = {}): string {
  const now = Math.floor((wishes.now ?? Date.now()) / 1000);
  const claims = {
    sub: wishes.user ?? '7',
    tenant: wishes.tenant ?? 'acme',
    ...(wishes.topics === undefined ? {} : { topics: wishes.topics }),
    ...(wishes.issuer === undefined ? {} : { iss: wishes.issuer }),
    ...(wishes.audience === undefined ? {} : { aud: wishes.audience }),
    iat: now,
    exp: now + (wishes.expiresInSeconds ?? 3600),
    ...wishes.claims,
  };
  return jwt.sign(claims, wishes.privateKey ?? wishes.secret ?? TEST_KEY, {
    algorithm: wishes.algorithm ?? 'HS256',
    ...(wishes.keyId === undefined ? {} : { keyid: wishes.keyId }),
  });
}
