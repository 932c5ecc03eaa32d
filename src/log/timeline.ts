/** How often a checkpoint is kept at most, and how many; past that the older half is thinned out. */
const INTERVAL_MS = 250;
const CAPACITY = 16_384;

/**
 * Which sequence number the log stood at at a given time: how a position of another pod, which names a time, is
 * found here. Answers are never later than the truth: going back too far costs duplicates, too little loses events.
 */
export class Timeline {
  #walls: number[];
  #sequences: number[];
  /** The latest time that was ever named. */
  #latest: number;

  /** From `wall` on the log has everything; it stood at `sequence` then. */
  constructor(wall: number, sequence: number) {
    this.#walls = [wall];
    this.#sequences = [sequence];
    this.#latest = wall;
  }

  /** Where coverage begins (wall clock, ms). */
  get startsAt(): number {
    return this.#walls[0] ?? Infinity;
  }

  /** The latest time that was ever named (wall clock, ms): about now. */
  get latest(): number {
    return this.#latest;
  }

  /**
   * The log stood at `sequence` until just before `wall`. A clock that was set back adds nothing until it has caught
   * up: the older checkpoint then answers, which is too far back, never too little.
   */
  note(wall: number, sequence: number): void {
    if (wall <= this.#latest) return;
    this.#latest = wall;
    const last = this.#walls.length - 1;
    if (wall - (this.#walls[last] ?? 0) < INTERVAL_MS || sequence === this.#sequences[last]) return;
    this.#walls.push(wall);
    this.#sequences.push(sequence);
    if (this.#walls.length > CAPACITY) this.#thin();
  }

  /** The newest checkpoint at or before `wall`; undefined before coverage begins. */
  atOrBefore(wall: number): number | undefined {
    const index = this.#indexAfter(wall) - 1;
    return index < 0 ? undefined : this.#sequences[index];
  }

  /** The oldest checkpoint after `wall`: everything received by then is at or below it; undefined when there is none yet. */
  after(wall: number): number | undefined {
    return this.#sequences[this.#indexAfter(wall)];
  }

  #indexAfter(wall: number): number {
    let low = 0;
    let high = this.#walls.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#walls[middle] ?? Infinity) <= wall) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #thin(): void {
    const half = CAPACITY >> 1;
    const keep = (_: number, index: number) => index >= half || index % 2 === 0;
    this.#walls = this.#walls.filter(keep);
    this.#sequences = this.#sequences.filter(keep);
  }
}
