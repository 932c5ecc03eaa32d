import type { Entry } from '../log/entry.js';
import { appended } from '../log/short-list.js';
import { textFrame } from '../protocol/frame.js';
import type { SharedFrames } from './shared-frames.js';

/** Never added to: `appended` makes a list of its own for the first. */
const NO_PARTS: Buffer[] = [];
const NO_RUN: Entry[] = [];

/**
 * The frames that leave for one browser in one write. Neighbours in a slab are one stretch already; what isn't is
 * copied together, because one write of 64 kB costs less than a vector of 200.
 *
 * One for all browsers, who are served one after the other: a new one for each was a fifth of what a delivery allocates.
 */
export class Batch {
  #parts: Buffer[] = NO_PARTS;
  /** The stretch of a slab that is being extended. */
  #slab: Buffer | null = null;
  #start = 0;
  #end = 0;
  #copies = false;
  readonly #shared: SharedFrames;
  /** All that is in it, as long as that is events alone. */
  #run: Entry[] | null = NO_RUN;
  bytes = 0;
  events = 0;

  constructor(shared: SharedFrames) {
    this.#shared = shared;
  }

  /**
   * Begins the next browser's. `copies`: never hand out views on slabs. A browser that takes its time would keep the whole
   * slab in memory.
   */
  begin(copies: boolean): void {
    this.#copies = copies;
    this.bytes = 0;
    this.events = 0;
    // Not empty only if sending the last one failed.
    this.#clear();
  }

  addEntry(entry: Entry): void {
    if (this.#slab !== entry.slab.bytes || this.#end !== entry.start) {
      this.#closeStretch();
      this.#slab = entry.slab.bytes;
      this.#start = entry.start;
    }
    this.#end = entry.end;
    if (this.#run !== null) this.#run = appended(this.#run, entry);
    this.bytes += entry.end - entry.start;
    this.events++;
  }

  /** An event's frame of this connection's own. */
  addCopy(frame: Buffer): void {
    this.#add(frame);
    this.events++;
  }

  addMessage(text: string): void {
    this.#add(textFrame(text));
  }

  /** To be called once; it holds nothing any more then, and can only begin anew. */
  join(): Buffer {
    this.#closeStretch();
    const frames = this.#joined();
    this.#clear();
    return frames;
  }

  #joined(): Buffer {
    const [only] = this.#parts;
    if (this.#parts.length === 1 && only !== undefined && !this.#copies) return only;
    const run = this.#run;
    if (run === null || run.length < 2) return this.#concat();
    return this.#shared.join(run, () => this.#concat());
  }

  #clear(): void {
    this.#parts = NO_PARTS;
    this.#slab = null;
    this.#run = NO_RUN;
  }

  #concat(): Buffer {
    return Buffer.concat(this.#parts, this.bytes);
  }

  #add(frame: Buffer): void {
    this.#run = null;
    this.#closeStretch();
    this.#parts = appended(this.#parts, frame);
    this.bytes += frame.length;
  }

  #closeStretch(): void {
    if (this.#slab === null) return;
    this.#parts = appended(this.#parts, this.#shared.view(this.#slab, this.#start, this.#end));
    this.#slab = null;
  }
}
