import type { Entry } from '../log/entry.js';

/** Runs remembered at most: those of one turn of the event loop are what counts. */
const MAX_RUNS = 32;

/**
 * What is made once for all connections that are due the same: views on slabs, and frames that aren't neighbours copied
 * together, for subscribers of one topic in a burst of many.
 */
export class SharedFrames {
  #view: {
    readonly slab: Buffer;
    readonly start: number;
    readonly end: number;
    readonly bytes: Buffer;
  } | null = null;
  /** By the sequence number of the last entry. */
  readonly #runs = new Map<number, { readonly entries: readonly Entry[]; readonly bytes: Buffer }>();

  /** A stretch of a slab. All who are due the same event ask for the same one, one after the other. */
  view(slab: Buffer, start: number, end: number): Buffer {
    const known = this.#view;
    if (known?.slab === slab && known.start === start && known.end === end) return known.bytes;
    const bytes = slab.subarray(start, end);
    this.#view = { slab, start, end, bytes };
    return bytes;
  }

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
    this.#view = null;
    this.#runs.clear();
  }
}

function isSame(a: readonly Entry[], b: readonly Entry[]): boolean {
  return a.length === b.length && a.every((entry, index) => entry === b[index]);
}
