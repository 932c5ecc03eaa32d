import type { Entry } from './entry.js';

const SMALLEST = 8;
/** The high bit marks a place as taken. */
const TAKEN = 1 << 31;

/**
 * The entries of a ring by their ids: open addressing with linear probing (Knuth, TAOCP 3, 6.4, algorithms L and R).
 * For an id that isn't there, which nearly every event brings, a `Map` of 100,000 follows a chain of strings that
 * are all out of the cache: with setting and deleting it was 8 % of taking an event in. Here the hashes alone tell.
 */
export class Ids {
  readonly #seed: number;
  #hashes = new Int32Array(SMALLEST);
  #entries = places(SMALLEST);
  #size = 0;

  /** @param seed a secret number, so that nobody who publishes can know which ids fall together */
  constructor(seed: number) {
    this.#seed = seed;
  }

  find(id: string): Entry | undefined {
    const hash = hashOf(id, this.#seed);
    const mask = this.#hashes.length - 1;
    for (let at = hash & mask; this.#hashes[at] !== 0; at = (at + 1) & mask) {
      if (this.#hashes[at] === hash && this.#entries[at]?.id === id) return this.#entries[at];
    }
    return undefined;
  }

  /** `entry`: none with its id is there. */
  add(entry: Entry): void {
    if (++this.#size * 2 > this.#hashes.length) this.#resize(this.#hashes.length * 2);
    this.#put(hashOf(entry.id, this.#seed), entry);
  }

  /** `entry`: is there. */
  delete(entry: Entry): void {
    const mask = this.#hashes.length - 1;
    let hole = hashOf(entry.id, this.#seed) & mask;
    while (this.#entries[hole] !== entry) hole = (hole + 1) & mask;
    // Whoever stands behind the hole because its own place was taken moves up, else it would no longer be found.
    for (let at = (hole + 1) & mask; this.#hashes[at] !== 0; at = (at + 1) & mask) {
      const hash = this.#hashes[at] ?? 0;
      if (((at - hash) & mask) < ((at - hole) & mask)) continue;
      this.#hashes[hole] = hash;
      this.#entries[hole] = this.#entries[at];
      hole = at;
    }
    this.#hashes[hole] = 0;
    this.#entries[hole] = undefined;
    if (--this.#size * 8 < this.#hashes.length && this.#hashes.length > SMALLEST)
      this.#resize(this.#hashes.length / 2);
  }

  #put(hash: number, entry: Entry): void {
    const mask = this.#hashes.length - 1;
    let at = hash & mask;
    while (this.#hashes[at] !== 0) at = (at + 1) & mask;
    this.#hashes[at] = hash;
    this.#entries[at] = entry;
  }

  #resize(length: number): void {
    const hashes = this.#hashes;
    const entries = this.#entries;
    this.#hashes = new Int32Array(length);
    this.#entries = places(length);
    for (let at = 0; at < hashes.length; at++) {
      const entry = entries[at];
      if (entry !== undefined) this.#put(hashes[at] ?? 0, entry);
    }
  }
}

/** At once: `Array.from` goes through them one by one, some ms for 100,000 entries. */
function places(length: number): (Entry | undefined)[] {
  const list: (Entry | undefined)[] = [];
  list.length = length;
  return list;
}

/** FNV-1a over the characters, which an id has in 7 bits, and its high half folded into the low one, which counts. */
function hashOf(id: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  return (hash ^ (hash >>> 15)) | TAKEN;
}
