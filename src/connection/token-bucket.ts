/** How many messages a client may send: `perSecond` in the long run, `burst` at once. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: number;

  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAt = now;
  }

  /** Takes one, if there is one. `now` in monotonic ms. */
  take(now: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#filledAt) / 1000) * this.#perSecond);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

const STRIKES = 3;
const WINDOW_MS = 60_000;

/** Counts a client's faults: the third within 60 s is one too many. */
export class Strikes {
  /** The last three: a flood must not make it longer. */
  readonly #times: number[] = [];

  /** Whether this one is the last. `now` in monotonic ms. */
  strike(now: number): boolean {
    this.#times.push(now);
    if (this.#times.length > STRIKES) this.#times.shift();
    const [first = now] = this.#times;
    return this.#times.length === STRIKES && now - first < WINDOW_MS;
  }
}
