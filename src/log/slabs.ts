/** A block of frames, written front to back. */
export interface Slab {
  readonly bytes: Buffer;
  used: number;
  /** How many entries have their frame in it. */
  entries: number;
}

const SMALLEST = 1024;
const LARGEST = 256 * 1024;
/** What a block costs besides its bytes: without it, 10,000 rings of one small block each would hold 3 MB that nobody counts. */
const BLOCK_BYTES = 300;

/**
 * The frames of one ring, in blocks instead of a Buffer each: half the memory, and a run of consecutive frames is
 * one stretch of bytes that can be written as it is. Rings are first in, first out, so blocks go in order too;
 * blocks shared between rings would be pinned by the quietest tenant in them.
 */
export class Slabs {
  #current: Slab | undefined;
  /** Bytes held, unused ends of blocks included: what the process really has in memory. */
  #held = 0;

  get held(): number {
    return this.#held;
  }

  /** Room for one frame: the slab and where in it. A block is sized by what the ring holds, so that small rings stay small. */
  reserve(length: number): { slab: Slab; start: number } {
    let slab = this.#current;
    if (slab === undefined || slab.bytes.length - slab.used < length) {
      const wanted = Math.min(LARGEST, Math.max(SMALLEST, this.#held >> 2));
      slab = { bytes: Buffer.allocUnsafeSlow(Math.max(wanted, length)), used: 0, entries: 0 };
      this.#current = slab;
      this.#held += slab.bytes.length + BLOCK_BYTES;
    }
    const start = slab.used;
    slab.used += length;
    slab.entries++;
    return { slab, start };
  }

  /** One entry of that slab is gone; with its last entry the slab goes. */
  release(slab: Slab): void {
    slab.entries--;
    if (slab.entries > 0) return;
    if (slab === this.#current) this.#current = undefined;
    this.#held -= slab.bytes.length + BLOCK_BYTES;
  }
}
