export interface FloodLimits {
  /** So many times what can be sent one by one has to come in. */
  readonly times: number;
  /** So many have to wait: for fewer there is little to be saved. */
  readonly waiting: number;
  /** So long a time is looked at. */
  readonly windowMs: number;
  /** Fewer visits say little about what one costs. */
  readonly visits: number;
}

/**
 * With just as much coming in as can be sent nothing piles up, and a pause would only hold it back. Shorter windows would
 * have gaps, as a broker delivers in spurts.
 */
export const FLOOD: FloodLimits = { times: 2, waiting: 200, windowMs: 20, visits: 32 };

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
  /** In the last window, per ms. */
  #inflow = 0;

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
    this.#visitsMs += ms;
    if (this.#visits < MANY_VISITS) return;
    this.#visits /= 2;
    this.#visitsMs /= 2;
  }

  /** How long sending to so many takes, ms; 0: that isn't known yet. */
  msToSend(count: number): number {
    return this.#visits < this.#limits.visits ? 0 : (count * this.#visitsMs) / this.#visits;
  }

  isOn(now: number): boolean {
    this.#look(now);
    return this.msToSend(this.#inflow) >= this.#limits.times;
  }

  #look(now: number): void {
    const ms = now - this.#begun;
    if (ms < this.#limits.windowMs) return;
    this.#inflow = this.#told / ms;
    this.#told = 0;
    this.#begun = now;
  }
}
