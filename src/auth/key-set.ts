import { createPublicKey } from 'node:crypto';
import { type Claims, isObject, own } from './decode.js';
import { type Algorithm, algorithmsOf, type VerificationKey } from './keys.js';

/** Why a key of a set isn't used: the closed list, for the log. */
export type SkipReason =
  | 'not_an_object'
  | 'not_for_signatures'
  | 'private_key'
  | 'symmetric_key'
  | 'unsupported'
  | 'unreadable'
  | 'algorithm'
  | 'duplicate';

/** The usable keys of a JSON Web Key Set (RFC 7517), each pinned to its algorithms. */
export interface KeySet {
  readonly keys: readonly NamedKey[];
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
}

export interface NamedKey extends VerificationKey {
  readonly id: string | null;
}

export type KeyChoice =
  | { readonly kind: 'key'; readonly key: VerificationKey }
  /** Known, but not for this algorithm; fetching the set again wouldn't help. */
  | { readonly kind: 'other_algorithm' }
  /** The token names no key and there are several. */
  | { readonly kind: 'ambiguous' }
  | { readonly kind: 'unknown' };

/**
 * Reads a key set. `null`: this is none. Keys that can't be used are skipped, not errors: sets rightly hold
 * encryption keys and algorithms of other clients. A set without any usable key is a valid set, which revokes all.
 */
export function parseKeySet(text: string, allowed: readonly Algorithm[]): KeySet | null {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return null;
  }
  const list = isObject(document) ? own(document, 'keys') : undefined;
  if (!Array.isArray(list)) return null;

  const keys: NamedKey[] = [];
  const skipped: Partial<Record<SkipReason, number>> = {};
  for (const entry of list) {
    const read = readKey(entry, allowed);
    const result = typeof read !== 'string' && isDuplicate(read, keys) ? 'duplicate' : read;
    if (typeof result === 'string') skipped[result] = (skipped[result] ?? 0) + 1;
    else keys.push(result);
  }
  return { keys, skipped };
}

/** The key that a token's header asks for. A token without `kid` is fine where only one key can be meant. */
export function chooseKey(set: KeySet, algorithm: Algorithm, id: string | null): KeyChoice {
  const named = id === null ? set.keys : set.keys.filter(key => key.id === id);
  const [first, ...others] = named.filter(key => key.algorithms.includes(algorithm));
  if (first === undefined) return { kind: id !== null && named.length > 0 ? 'other_algorithm' : 'unknown' };
  return others.length > 0 ? { kind: 'ambiguous' } : { kind: 'key', key: first };
}

function readKey(entry: unknown, allowed: readonly Algorithm[]): NamedKey | SkipReason {
  if (!isObject(entry)) return 'not_an_object';
  const type = own(entry, 'kty');
  if (type === 'oct') return 'symmetric_key';
  if (Object.hasOwn(entry, 'd')) return 'private_key';
  const use = own(entry, 'use');
  const operations = own(entry, 'key_ops');
  if (use !== undefined && use !== 'sig') return 'not_for_signatures';
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return 'not_for_signatures';
  }
  const members = type === 'RSA' ? ['n', 'e'] : type === 'EC' ? ['crv', 'x', 'y'] : null;
  if (members === null) return 'unsupported';
  const id = own(entry, 'kid');
  if (id !== undefined && typeof id !== 'string') return 'unreadable';

  const jwk = pick(entry, ['kty', ...members]);
  if (jwk === null) return 'unreadable';
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const able = algorithmsOf(key);
    if (able.kind === 'unusable') return 'unsupported';
    const declared = own(entry, 'alg');
    const algorithms = able.algorithms.filter(
      algorithm => allowed.includes(algorithm) && (declared === undefined || declared === algorithm),
    );
    return algorithms.length > 0 ? { id: id ?? null, key, algorithms } : 'algorithm';
  } catch {
    return 'unreadable';
  }
}

/** Two keys of one name and one algorithm: the first counts, so that the order of the set decides and not the token. */
function isDuplicate(key: NamedKey, keys: readonly NamedKey[]): boolean {
  if (key.id === null) return false;
  return keys.some(
    other => other.id === key.id && other.algorithms.some(algorithm => key.algorithms.includes(algorithm)),
  );
}

/** Only the members that make up a public key reach OpenSSL. */
function pick(entry: Claims, names: readonly string[]): Record<string, string> | null {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = own(entry, name);
    if (typeof value !== 'string') return null;
    picked[name] = value;
  }
  return picked;
}
