import type { KeyObject } from 'node:crypto';
import type { TokenFault } from '../connection/authenticate.js';
import type { Algorithm, VerificationKey } from './keys.js';

export type KeyAnswer =
  | { readonly kind: 'key'; readonly key: KeyObject }
  | { readonly kind: 'refused'; readonly fault: TokenFault };

/** Where the key for a token comes from. */
export interface KeySource {
  /** Tokens of any other algorithm are refused before a key is looked for. */
  readonly algorithms: readonly Algorithm[];
  /** Never rejects. `id` is the token's `kid`: a name to compare, nothing more. */
  find(algorithm: Algorithm, id: string | null): Promise<KeyAnswer>;
  close(): void;
}

/** One key for all tokens; their `kid` doesn't matter. */
export function fixedKey(key: VerificationKey): KeySource {
  const answer: Promise<KeyAnswer> = Promise.resolve({ kind: 'key', key: key.key });
  return { algorithms: key.algorithms, find: () => answer, close() {} };
}
