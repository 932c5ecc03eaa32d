import type { Clock } from '../clock.js';
import type { Visited } from './scheduler.js';

export interface LingerLimits {
  /** How long after it was visited a client waits for its next event at most. 0: nobody waits. */
  readonly ms: number;
  /** For events that may concern so many connections and more. */
  readonly least: number;
}

/**
 * Shorter than two frames of a screen. At 100 events a second for each of 1,000 clients three leave in one write, for
 * 0.6 times the CPU. For fewer clients there is little to be saved: 30 writes a second to each of 600 are a seventh of a
 * core.
 */
export const LINGER: LingerLimits = { ms: 33, least: 600 };

export interface LingerDeps {
  readonly clock: Pick<Clock, 'after'>;
  readonly ms: number;
  readonly log: { readonly head: number; readonly endangeredBefore: number };
  readonly schedule: (one: Visited) => void;
}

/**
 * Who has just been sent something gets what comes next together, a moment later: most of what a write costs is the
 * same for one event and for ten. Who hasn't been visited for that moment gets an event at once.
 *
 * All who linger stop at the same time. One after the other would be kinder to each, but costs more: turns of the
 * event loop for a few writes each, and receivers that fall asleep in between.
 */
export class Linger {
  readonly #deps: LingerDeps;
  readonly #lingering = new Set<Visited>();
  /** Where the oldest event stands that one of them is owed. */
  #from = 0;
  /** Who was visited up to then doesn't linger for the event that is being told of, monotonic ms. */
  #visitedUpTo = Infinity;
  #stopWaiting: () => void = () => {};

  constructor(deps: LingerDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#lingering.size;
  }

  /** Here comes a live event for many. `now`: monotonic ms. */
  begin(now: number): void {
    this.#visitedUpTo = now - this.#deps.ms;
  }

  /** To be called then for each connection that it may concern: thousands of times in a row. */
  event(one: Visited): void {
    if (one.waitsSince !== null || this.#lingering.has(one)) return;
    const left = one.visitedAt - this.#visitedUpTo;
    const { clock, log, schedule } = this.#deps;
    if (left <= 0) {
      schedule(one);
      return;
    }
    this.#lingering.add(one);
    if (this.#lingering.size > 1) return;
    this.#from = log.head;
    this.#stopWaiting = clock.after(left, () => this.#release());
  }

  /** It is to be visited anyway, or is gone. */
  forget(one: Visited): void {
    if (this.#lingering.size > 0 && this.#lingering.delete(one) && this.#lingering.size === 0)
      this.#stopWaiting();
  }

  /** To be called after each event: nobody lingers until what it is owed is gone from the log. */
  hurry(): void {
    if (this.#lingering.size > 0 && this.#from <= this.#deps.log.endangeredBefore) this.#release();
  }

  /** Lets go of its timer. */
  stop(): void {
    this.#stopWaiting();
  }

  #release(): void {
    this.#stopWaiting();
    const released = [...this.#lingering];
    this.#lingering.clear();
    for (const one of released) this.#deps.schedule(one);
  }
}
