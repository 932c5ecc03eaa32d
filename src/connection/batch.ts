import type { Entry } from '../log/entry.js';
import { textFrame } from '../protocol/frame.js';
import type { JoinedRuns } from './joined.js';

/**
 * The frames that leave for one browser in one write. Neighbours in a slab are one stretch already; what isn't is
 * copied together, because one write of 64 kB costs less than a vector of 200.
 */
export class Batch {
  readonly #parts: Buffer[] = [];
  /** The stretch of a slab that is being extended. */
  #slab: Buffer | null = null;
  #start = 0;
  #end = 0;
  readonly #copies: boolean;
  readonly #joined: JoinedRuns;
  /** All that is in it, as long as that is events alone. */
  #run: Entry[] | null = [];
  bytes = 0;
  events = 0;

  /** `copies`: never hand out views on slabs. A browser that takes its time would keep the whole slab in memory. */
  constructor(copies: boolean, joined: JoinedRuns) {
    this.#copies = copies;
    this.#joined = joined;
  }

  addEntry(entry: Entry): void {
    if (this.#slab !== entry.slab.bytes || this.#end !== entry.start) {
      this.#closeStretch();
      this.#slab = entry.slab.bytes;
      this.#start = entry.start;
    }
    this.#end = entry.end;
    this.#run?.push(entry);
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

  join(): Buffer {
    this.#closeStretch();
    const [only] = this.#parts;
    if (this.#parts.length === 1 && only !== undefined && !this.#copies) return only;
    const concat = () => Buffer.concat(this.#parts, this.bytes);
    return this.#run !== null && this.#run.length > 1 ? this.#joined.join(this.#run, concat) : concat();
  }

  #add(frame: Buffer): void {
    this.#run = null;
    this.#closeStretch();
    this.#parts.push(frame);
    this.bytes += frame.length;
  }

  #closeStretch(): void {
    if (this.#slab !== null) this.#parts.push(this.#slab.subarray(this.#start, this.#end));
    this.#slab = null;
  }
}
