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
  /** All that is in it, if that is one event; if it is several; else neither. */
  #lone: Entry | null = null;
  #run: Entry[] = NO_RUN;
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
    this.#note(entry);
    if (this.#slab !== entry.slab.bytes || this.#end !== entry.start) {
      this.#closeStretch();
      this.#slab = entry.slab.bytes;
      this.#start = entry.start;
    }
    this.#end = entry.end;
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
    const frames = this.#joined();
    this.#clear();
    return frames;
  }

  /** Most often there is one event, for which no list is made. */
  #joined(): Buffer {
    if (this.#parts.length === 0 && this.#slab !== null && !this.#copies) return this.#stretch(this.#slab);
    this.#closeStretch();
    const [only] = this.#parts;
    if (this.#parts.length === 1 && only !== undefined && !this.#copies) return only;
    return this.#run.length === 0 ? this.#concat() : this.#shared.join(this.#run, () => this.#concat());
  }

  #clear(): void {
    this.#parts = NO_PARTS;
    this.#slab = null;
    this.#lone = null;
    this.#run = NO_RUN;
  }

  #note(entry: Entry): void {
    if (this.bytes === 0) {
      this.#lone = entry;
    } else if (this.#lone !== null) {
      this.#run = [this.#lone, entry];
      this.#lone = null;
    } else if (this.#run.length > 0) {
      this.#run.push(entry);
    }
  }

  #concat(): Buffer {
    return Buffer.concat(this.#parts, this.bytes);
  }

  #add(frame: Buffer): void {
    this.#lone = null;
    this.#run = NO_RUN;
    this.#closeStretch();
    this.#parts = appended(this.#parts, frame);
    this.bytes += frame.length;
  }

  #closeStretch(): void {
    if (this.#slab === null) return;
    this.#parts = appended(this.#parts, this.#stretch(this.#slab));
    this.#slab = null;
  }

  #stretch(slab: Buffer): Buffer {
    return this.#shared.view(slab, this.#start, this.#end);
  }
}
