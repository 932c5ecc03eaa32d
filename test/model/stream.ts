import type { StreamPlace } from '../../src/connection/feed.js';
import type { Publication } from './model.js';

/** One message on its way to a pod. */
export interface Arrival {
  /** Null: a message that is no event. */
  readonly one: Publication | null;
  /** Null: it is in the pod's own queue. */
  readonly place: StreamPlace | null;
  /** When the broker got it, ms from the beginning. */
  readonly at: number;
  /** How many publications came before it. */
  readonly before: number;
}

/** The numbers that a stream gives to its messages. Created anew it begins with 0 again, and has other messages. */
export class Stream {
  #next = 0;
  #generation = 1;

  /** `skips`: offsets that the broker keeps for itself. */
  place(skips: number): StreamPlace {
    const offset = this.#next + skips;
    this.#next = offset + 1;
    return { offset, digest: this.#generation * 1_000_003 + offset };
  }

  createAnew(): void {
    this.#next = 0;
    this.#generation++;
  }
}
