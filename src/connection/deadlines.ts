import type { Clock } from '../clock.js';

/** Somebody with something to do at a certain time. */
export interface Due {
  /** The tick that it waits for, or null. Owned by the wheel. */
  tick: number | null;
  /** Called once when its time has come. */
  due(now: number): void;
}

const TICK_MS = 20;

/**
 * One timer for the deadlines of all connections, a deadline each: auth, ping, pong, token. A timer each for these
 * cost 906 B a connection, a place on the wheel 84.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #ticks = new Map<number, Set<Due>>();
  #last: number;
  /** Whether the next turn has its timer. */
  #running = false;
  /** In a turn the wheel moves by itself: nobody may move it past ticks that are still to be served. */
  #turning = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#last = Math.floor(clock.monotonic() / TICK_MS);
  }

  get size(): number {
    let sum = 0;
    for (const waiting of this.#ticks.values()) sum += waiting.size;
    return sum;
  }

  /** Sets or moves the one deadline, in monotonic ms; up to a tick late, never early. */
  set(one: Due, at: number): void {
    const tick = Math.max(Math.ceil(at / TICK_MS), this.#last + 1);
    if (one.tick === tick) return;
    this.clear(one);
    one.tick = tick;
    const waiting = this.#ticks.get(tick);
    if (waiting === undefined) this.#ticks.set(tick, new Set([one]));
    else waiting.add(one);
    if (this.#running || this.#turning) return;
    // After a time without deadlines the wheel stands still; it starts at the present, not where it stopped.
    this.#last = Math.max(this.#last, Math.min(tick - 1, Math.floor(this.#clock.monotonic() / TICK_MS)));
    this.#run();
  }

  clear(one: Due): void {
    if (one.tick === null) return;
    const waiting = this.#ticks.get(one.tick);
    waiting?.delete(one);
    if (waiting?.size === 0) this.#ticks.delete(one.tick);
    one.tick = null;
  }

  /** At the next tick, not a tick from now: what was set in between would be late by up to two. */
  #run(): void {
    this.#running = true;
    this.#clock.after(
      Math.max(0, Math.ceil((this.#last + 1) * TICK_MS - this.#clock.monotonic())),
      this.#turn,
    );
  }

  readonly #turn = (): void => {
    this.#running = false;
    this.#turning = true;
    const now = this.#clock.monotonic();
    const until = Math.floor(now / TICK_MS);
    while (this.#last < until) {
      const tick = ++this.#last;
      const waiting = this.#ticks.get(tick);
      if (waiting === undefined) continue;
      this.#ticks.delete(tick);
      for (const one of waiting) {
        if (one.tick !== tick) continue;
        one.tick = null;
        one.due(now);
      }
    }
    this.#turning = false;
    if (this.#ticks.size > 0) this.#run();
  };
}
