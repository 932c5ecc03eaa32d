import type { Entry } from './entry.js';
import { roomFor } from './room.js';

const SMALLEST = 8;
/** The high bit marks a place as taken. */
const TAKEN = 1 << 31;

/**
 * The entries of a ring by their ids: open addressing with linear probing (Knuth, TAOCP 3, 6.4, algorithms L and R).
 * For an id that isn't there, which nearly every event brings, a `Map` of 100,000 follows a chain of strings that
 * are all out of the cache: with setting and deleting it was 8 % of taking an event in. Here the hashes alone tell.
 */
export class Ids {
  #hashes = new Int32Array(SMALLEST);
  #entries = roomFor<Entry>(SMALLEST);
  #size = 0;

  /** `hash`: the id's. */
  find(id: string, hash: number): Entry | undefined {
    const mask = this.#hashes.length - 1;
    for (let at = hash & mask; this.#hashes[at] !== 0; at = (at + 1) & mask) {
      if (this.#hashes[at] === hash && this.#entries[at]?.id === id) return this.#entries[at];
    }
    return undefined;
  }

  /** `entry`: none with its id is there. */
  add(entry: Entry): void {
    if (++this.#size * 2 > this.#hashes.length) this.#resize(this.#hashes.length * 2);
    this.#put(entry);
  }

  /** `entry`: is there. */
  delete(entry: Entry): void {
    const mask = this.#hashes.length - 1;
    let hole = entry.idHash & mask;
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

  #put(entry: Entry): void {
    const mask = this.#hashes.length - 1;
    let at = entry.idHash & mask;
    while (this.#hashes[at] !== 0) at = (at + 1) & mask;
    this.#hashes[at] = entry.idHash;
    this.#entries[at] = entry;
  }

  #resize(length: number): void {
    const entries = this.#entries;
    this.#hashes = new Int32Array(length);
    this.#entries = roomFor(length);
    for (let at = 0; at < entries.length; at++) {
      const entry = entries[at];
      if (entry !== undefined) this.#put(entry);
    }
  }
}

/**
 * FNV-1a over the characters, which an id has in 7 bits, and its high half folded into the low one, which counts.
 *
 * @param seed a secret number, so that nobody who publishes can know which ids fall together
 */
export function hashOf(id: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  return (hash ^ (hash >>> 15)) | TAKEN;
}
