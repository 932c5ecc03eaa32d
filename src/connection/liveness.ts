/** Deadlines are kept to within a tick of 20 ms; who looks this late was held up. */
const STALL_MS = 500;

/**
 * Whether the peer still lives. A probe goes out with every ping; from then on a sign of life is due within the
 * timeout. Signs are pongs and messages, and bytes that it has taken: a slow reader's pong waits behind its backlog.
 */
export class Liveness {
  readonly #intervalMs: number;
  readonly #timeoutMs: number;
  #nextPingAt: number;
  #answerDueAt = Infinity;

  /** `phase`, 0 to 1, spreads the pings of all connections over the interval. All times in monotonic ms. */
  constructor(intervalMs: number, timeoutMs: number, now: number, phase: number) {
    this.#intervalMs = intervalMs;
    this.#timeoutMs = timeoutMs;
    this.#nextPingAt = now + intervalMs * phase;
  }

  /** When to look again. */
  get due(): number {
    return Math.min(this.#nextPingAt, this.#answerDueAt);
  }

  alive(): void {
    this.#answerDueAt = Infinity;
  }

  isDead(now: number): boolean {
    if (now < this.#answerDueAt) return false;
    // We are late ourselves: timers run before what has come in meanwhile is read. Read it first.
    const isLate = now - this.#answerDueAt >= STALL_MS;
    if (isLate) this.#answerDueAt = now + STALL_MS / 2;
    return !isLate;
  }

  /**
   * Whether it is time for a ping; if so, the probe that goes with it is taken as sent. It leaves when its connection has
   * its turn, so the timeout has to be longer than that can take.
   */
  takePing(now: number): boolean {
    if (now < this.#nextPingAt) return false;
    this.#nextPingAt += this.#intervalMs;
    if (this.#nextPingAt <= now) this.#nextPingAt = now + this.#intervalMs;
    this.#answerDueAt = Math.min(this.#answerDueAt, now + this.#timeoutMs);
    return true;
  }
}
