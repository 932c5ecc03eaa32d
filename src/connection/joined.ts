import type { Entry } from '../log/entry.js';

/** Runs remembered at most: those of one turn of the event loop are what counts. */
const MAX_RUNS = 32;

/**
 * Frames that aren't neighbours, copied together once for all connections that are due the same run: subscribers of
 * one topic in a burst of many.
 */
export class JoinedRuns {
  /** By the sequence number of the last entry. */
  readonly #runs = new Map<number, { readonly entries: readonly Entry[]; readonly bytes: Buffer }>();

  join(entries: readonly Entry[], concat: () => Buffer): Buffer {
    const key = entries.at(-1)?.sequence ?? 0;
    const known = this.#runs.get(key);
    if (known !== undefined && isSame(known.entries, entries)) return known.bytes;
    const bytes = concat();
    this.#runs.delete(key);
    this.#runs.set(key, { entries, bytes });
    if (this.#runs.size > MAX_RUNS) {
      const [oldest] = this.#runs.keys();
      if (oldest !== undefined) this.#runs.delete(oldest);
    }
    return bytes;
  }

  /** Lets go of the slabs and copies that the remembered runs keep in memory. */
  clear(): void {
    this.#runs.clear();
  }
}

function isSame(a: readonly Entry[], b: readonly Entry[]): boolean {
  return a.length === b.length && a.every((entry, index) => entry === b[index]);
}
