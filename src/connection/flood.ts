export interface FloodLimits {
  /** So many times what can be sent one by one has to come in. */
  readonly times: number;
  /** So many have to wait: for fewer there is little to be saved. */
  readonly waiting: number;
  /** So long a time is looked at. */
  readonly windowMs: number;
  /** Fewer visits say little about what one costs. */
  readonly visits: number;
  /** One counts for so much at most. */
  readonly visitMs: number;
}

/**
 * With just as much coming in as can be sent nothing piles up, and a pause would only hold it back. Shorter windows would
 * have gaps, as a broker delivers in spurts. A visit that sends some live events takes 15 to 50 µs. Those that take longer
 * send pages of history, to which a pause would join nothing, or met a collection: with their full time 300 who caught up
 * took 5.4 s instead of 1.4 (simulated).
 */
export const FLOOD: FloodLimits = { times: 2, waiting: 200, windowMs: 20, visits: 32, visitMs: 0.05 };

/** From so many visits on, those so far count half. */
const MANY_VISITS = 1024;

/** Whether more comes in for somebody than could be sent one by one, if nothing else were done. */
export class Flood {
  readonly #limits: FloodLimits;
  #visits = 0;
  #visitsMs = 0;
  /** When the window under way began, monotonic ms, and how many deliveries have come since. */
  #begun: number;
  #told = 0;
  /** Per ms, in the last window and in the one before. A single event for many, or a gap, is in one of them only. */
  #last = 0;
  #before = 0;

  constructor(limits: FloodLimits, now: number) {
    this.#limits = limits;
    this.#begun = now;
  }

  /** There was something new for so many. */
  told(count: number, now: number): void {
    this.#look(now);
    this.#told += count;
  }

  /** Somebody was sent something, which took so long. */
  visited(ms: number): void {
    this.#visits++;
    this.#visitsMs += Math.min(ms, this.#limits.visitMs);
    if (this.#visits < MANY_VISITS) return;
    this.#visits /= 2;
    this.#visitsMs /= 2;
  }

  /** How long sending to so many takes, ms; 0: that isn't known yet. */
  msToSend(count: number): number {
    return this.#visits < this.#limits.visits ? 0 : (count * this.#visitsMs) / this.#visits;
  }

  /** For two windows on end. */
  isOn(now: number): boolean {
    this.#look(now);
    return this.msToSend(Math.min(this.#last, this.#before)) >= this.#limits.times;
  }

  /** For two windows on end. */
  isOver(now: number): boolean {
    this.#look(now);
    return this.msToSend(Math.max(this.#last, this.#before)) < this.#limits.times;
  }

  #look(now: number): void {
    const ms = now - this.#begun;
    if (ms < this.#limits.windowMs) return;
    this.#before = this.#last;
    this.#last = this.#told / ms;
    this.#told = 0;
    this.#begun = now;
  }
}
