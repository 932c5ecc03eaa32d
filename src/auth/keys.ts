import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { AuthConfigError } from './options.js';

/** What jsonwebtoken can verify; `none` is deliberately not among them. */
export const ALGORITHMS = [
  'HS256',
  'HS384',
  'HS512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** A key together with the only algorithms that it may ever be used with (RFC 8725 §3.1). */
export interface VerificationKey {
  readonly key: KeyObject;
  readonly algorithms: readonly Algorithm[];
}

/** RFC 8725 §3.5: an HMAC secret must have at least the strength of its hash; the library takes one byte. */
const MIN_SECRET_BYTES = 32;
/** RFC 7518 §3.3. jsonwebtoken checks this when signing only. */
const MIN_RSA_BITS = 2048;

const HMAC: readonly Algorithm[] = ['HS256', 'HS384', 'HS512'];
const RSA: readonly Algorithm[] = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const CURVES: ReadonlyMap<string, Algorithm> = new Map([
  ['prime256v1', 'ES256'],
  ['secp384r1', 'ES384'],
  ['secp521r1', 'ES512'],
]);
/** Keys of RSA-PSS certificates carry their hash; without one jsonwebtoken refuses every token. */
const PSS_HASHES: ReadonlyMap<string, Algorithm> = new Map([
  ['sha256', 'PS256'],
  ['sha384', 'PS384'],
  ['sha512', 'PS512'],
]);

/** The algorithm of this exact name: names are case-sensitive (RFC 7515 §4.1.1), so `None` and `rs256` are nothing. */
export function toAlgorithm(name: unknown): Algorithm | undefined {
  return ALGORITHMS.find(algorithm => algorithm === name);
}

/** The algorithms that the operator allows; an empty list means all. Names that can't be checked are faults. */
export function allowedAlgorithms(names: readonly string[]): readonly Algorithm[] {
  if (names.length === 0) return ALGORITHMS;
  return names.map(name => {
    const algorithm = toAlgorithm(name);
    if (algorithm === undefined) {
      throw new AuthConfigError(
        `JWT_ALGORITHMS: ${JSON.stringify(name)} is not supported; use some of ${ALGORITHMS.join(', ')}`,
      );
    }
    return algorithm;
  });
}

/** Key and algorithms from `JWT_SECRET`. Its bytes are its UTF-8, as everywhere; base64 isn't decoded. */
export function secretKey(secret: string, names: readonly string[]): VerificationKey {
  const bytes = Buffer.from(secret, 'utf8');
  if (bytes.length < MIN_SECRET_BYTES) {
    throw new AuthConfigError(
      `JWT_SECRET has ${bytes.length} bytes, at least ${MIN_SECRET_BYTES} are needed; \`openssl rand -base64 48\` makes a good one`,
    );
  }
  // A public key used as an HMAC secret lets everybody who has it sign tokens (the confusion of CVE-2015-9235).
  if (secret.includes('-----BEGIN ')) {
    throw new AuthConfigError(
      'JWT_SECRET holds a PEM key; put it into a file and set JWT_PUBLIC_KEY_FILE instead',
    );
  }
  return { key: createSecretKey(bytes), algorithms: narrow(HMAC, names, 'a secret (JWT_SECRET)') };
}

/** Key and algorithms from a PEM: one public key, or a certificate (whose dates and issuer aren't looked at). */
export function pemKey(pem: string, names: readonly string[]): VerificationKey {
  if (/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(pem)) {
    throw new AuthConfigError(
      'JWT_PUBLIC_KEY_FILE holds a private key, which has no place here; extract the public one with `openssl pkey -in <file> -pubout`',
    );
  }
  const blocks = pem.split('-----BEGIN ').length - 1;
  if (blocks > 1) {
    // OpenSSL takes the first and silently drops the rest: a rotation would fail without a word.
    throw new AuthConfigError(
      `JWT_PUBLIC_KEY_FILE holds ${blocks} PEM blocks, one is wanted; for several keys set JWT_JWKS_URL`,
    );
  }
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    throw new AuthConfigError(
      'JWT_PUBLIC_KEY_FILE holds no readable PEM public key ("-----BEGIN PUBLIC KEY-----")',
    );
  }
  const able = algorithmsOf(key);
  if (able.kind === 'unusable') {
    throw new AuthConfigError(
      `JWT_PUBLIC_KEY_FILE holds ${able.reason}; use RSA of 2048 bits or more, or EC P-256, P-384 or P-521`,
    );
  }
  return { key, algorithms: narrow(able.algorithms, names, 'the key in JWT_PUBLIC_KEY_FILE') };
}

/** For a key set: the keys say themselves what they can do, but none of them may be symmetric. */
export function keySetAlgorithms(names: readonly string[]): readonly Algorithm[] {
  const allowed = allowedAlgorithms(names);
  const publicOnly = ALGORITHMS.filter(algorithm => !HMAC.includes(algorithm));
  const symmetric = allowed.filter(algorithm => HMAC.includes(algorithm));
  if (names.length > 0 && symmetric.length > 0) {
    throw new AuthConfigError(
      `JWT_ALGORITHMS: ${symmetric.join(', ')} can't be used with JWT_JWKS_URL; a key set has public keys only`,
    );
  }
  return publicOnly.filter(algorithm => allowed.includes(algorithm));
}

export type Ability =
  | { readonly kind: 'usable'; readonly algorithms: readonly Algorithm[] }
  | { readonly kind: 'unusable'; readonly reason: string };

/** What a public key can verify, by its type, size and curve. */
export function algorithmsOf(key: KeyObject): Ability {
  const details = key.asymmetricKeyDetails ?? {};
  const type = key.asymmetricKeyType ?? 'unknown';
  if (type === 'rsa' || type === 'rsa-pss') {
    const bits = details.modulusLength ?? 0;
    if (bits < MIN_RSA_BITS) return { kind: 'unusable', reason: `an RSA key of ${bits} bits` };
    if (type === 'rsa') return { kind: 'usable', algorithms: RSA };
    const algorithm = PSS_HASHES.get(details.hashAlgorithm ?? '');
    if (algorithm === undefined || details.mgf1HashAlgorithm !== details.hashAlgorithm) {
      return { kind: 'unusable', reason: 'an RSA-PSS key without usable parameters' };
    }
    return { kind: 'usable', algorithms: [algorithm] };
  }
  if (type === 'ec') {
    const curve = details.namedCurve ?? 'unknown';
    const algorithm = CURVES.get(curve);
    if (algorithm === undefined)
      return { kind: 'unusable', reason: `an EC key on the unsupported curve ${curve}` };
    return { kind: 'usable', algorithms: [algorithm] };
  }
  // jsonwebtoken knows no EdDSA: it throws a plain Error for each token.
  return { kind: 'unusable', reason: `a key of the unsupported type ${type}` };
}

/**
 * Mixed families, or an algorithm that the key can't do, stop the start instead of being dropped: each is either
 * a misunderstanding or the first half of an algorithm confusion.
 */
function narrow(able: readonly Algorithm[], names: readonly string[], what: string): readonly Algorithm[] {
  if (names.length === 0) return able;
  const allowed = allowedAlgorithms(names);
  const wrong = allowed.filter(algorithm => !able.includes(algorithm));
  if (wrong.length > 0) {
    throw new AuthConfigError(
      `JWT_ALGORITHMS: ${wrong.join(', ')} can't be used with ${what}, which can do ${able.join(', ')}`,
    );
  }
  return allowed;
}
