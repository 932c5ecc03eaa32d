/** Steps of 1.1 %. */
const BINS_PER_OCTAVE = 64;
const OCTAVES = 36;

/** Percentiles of any number of times in constant memory: keeping each would make the client what is measured. */
export class Histogram {
  #bins = new Uint32Array(BINS_PER_OCTAVE * OCTAVES);
  #count = 0;
  #max = 0;

  get count() {
    return this.#count;
  }

  /** @param {number} micros */
  add(micros) {
    const value = Math.max(0, micros);
    const bin = Math.min(this.#bins.length - 1, Math.floor(Math.log2(value + 1) * BINS_PER_OCTAVE));
    this.#bins[bin] = (this.#bins[bin] ?? 0) + 1;
    this.#count++;
    if (value > this.#max) this.#max = value;
  }

  /**
   * @param {number} share 0 to 1
   * @returns {number} milliseconds; NaN where nothing was added
   */
  at(share) {
    if (this.#count === 0) return Number.NaN;
    let left = Math.ceil(share * this.#count);
    for (const [bin, count] of this.#bins.entries()) {
      left -= count;
      if (left <= 0 && count > 0) return Math.min(this.#max, 2 ** ((bin + 1) / BINS_PER_OCTAVE) - 1) / 1000;
    }
    return this.max;
  }

  /** Milliseconds. */
  get max() {
    return this.#max / 1000;
  }
}
