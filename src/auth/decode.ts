import { isUtf8 } from 'node:buffer';
import type { TokenFault } from '../connection/authenticate.js';
import { type Algorithm, toAlgorithm } from './keys.js';

/** Enough for a thousand grants' worth of ordinary tokens; 64 KB would cost 1.5 ms each, before any key is looked at. */
export const MAX_TOKEN_LENGTH = 8192;

/** Claims as parsed: own properties only, whatever their names (`__proto__` too); never to be merged into anything. */
export type Claims = Readonly<Record<string, unknown>>;

/** A token taken apart. Nothing in it is to be believed before its signature is checked. */
export interface DecodedToken {
  readonly algorithm: Algorithm;
  readonly keyId: string | null;
  readonly claims: Claims;
}

export type Decoded =
  | { readonly kind: 'token'; readonly token: DecodedToken }
  | { readonly kind: 'refused'; readonly fault: TokenFault };

/** The signature part may be empty: `alg: none` should be refused as what it is. */
const COMPACT_JWS = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*$/;

/**
 * Kinds of JWT that identity providers sign with the same keys and that must never pass for an access token
 * (RFC 8725 §3.11). Any other `typ`, or none, is taken: most issuers write `JWT` whatever they issue. ID tokens can't
 * be told by their header at all (and for some providers they are the access tokens); against them stands the
 * audience, which for an ID token is the client's id (OpenID Connect Core §2).
 */
const OTHER_KINDS: ReadonlySet<string> = new Set([
  'logout+jwt',
  'secevent+jwt',
  'dpop+jwt',
  'kb+jwt',
  'oauth-authz-req+jwt',
  'token-introspection+jwt',
  'client-authentication+jwt',
  'entity-statement+jwt',
]);

/** Takes a token apart and refuses what no key could make good. Pure; never throws. */
export function decodeToken(text: string): Decoded {
  if (text.length > MAX_TOKEN_LENGTH) return refused('too_long');
  const [, headerPart, payloadPart] = COMPACT_JWS.exec(text) ?? [];
  if (headerPart === undefined || payloadPart === undefined) return refused('malformed');

  const header = parseObject(headerPart);
  if (header === null) return refused('malformed');
  // RFC 7515 §4.1.11: an extension that must be understood and isn't. jsonwebtoken ignores both of them.
  if (Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64')) return refused('critical_header');
  const typ = own(header, 'typ');
  if (typ !== undefined && (typeof typ !== 'string' || isOtherKind(typ))) return refused('malformed');
  const keyId = own(header, 'kid');
  if (keyId !== undefined && typeof keyId !== 'string') return refused('malformed');
  const algorithm = toAlgorithm(own(header, 'alg'));
  if (algorithm === undefined) return refused('algorithm');

  // Before the signature, because jsonwebtoken throws a TypeError or a raw SyntaxError of its own on such payloads.
  const claims = parseObject(payloadPart);
  if (claims === null) return refused('bad_payload');
  return { kind: 'token', token: { algorithm, keyId: keyId ?? null, claims } };
}

/** An own property: a claim called `constructor` must not be found in every token. */
export function own(object: Claims, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

export function isObject(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Of duplicate members the last one counts: RFC 7519 §4 allows that, and the signer is trusted. */
function parseObject(part: string): Claims | null {
  const bytes = Buffer.from(part, 'base64url');
  // Decoding would turn every invalid byte into U+FFFD, and two different names into one.
  if (!isUtf8(bytes)) return null;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** `typ` is a media type: compared without case, `application/` may be left out (RFC 7515 §4.1.9). */
function isOtherKind(typ: string): boolean {
  return OTHER_KINDS.has(typ.toLowerCase().replace(/^application\//, ''));
}

function refused(fault: TokenFault): Decoded {
  return { kind: 'refused', fault };
}
