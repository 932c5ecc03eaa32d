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
 * 0.7 times the CPU. An event for few goes at once: there is little to be saved, and it may be somebody's own doing.
 */
export const LINGER: LingerLimits = { ms: 33, least: 64 };

export interface LingerDeps {
  readonly clock: Clock;
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
  #stopWaiting: () => void = () => {};

  constructor(deps: LingerDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#lingering.size;
  }

  /** To be called for each connection that a live event for many may concern. */
  event(one: Visited): void {
    if (one.waitsSince !== null || this.#lingering.has(one)) return;
    const { clock, ms, log, schedule } = this.#deps;
    const left = ms === 0 ? 0 : one.visitedAt + ms - clock.monotonic();
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
    if (this.#lingering.delete(one) && this.#lingering.size === 0) this.#stopWaiting();
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
