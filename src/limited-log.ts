import type { Clock } from './clock.js';

const INTERVAL_MS = 10_000;

/**
 * Lines that an outsider can cause in any number: the first at once, then at most one per kind and 10 s, with how
 * many there were since the last.
 */
export class LimitedLog<K extends string> {
  readonly #clock: Clock;
  readonly #write: (kind: K, times: number) => void;
  readonly #kinds = new Map<K, { lastAt: number; held: number }>();

  constructor(clock: Clock, write: (kind: K, times: number) => void) {
    this.#clock = clock;
    this.#write = write;
  }

  note(kind: K): void {
    const now = this.#clock.monotonic();
    const state = this.#kinds.get(kind) ?? { lastAt: -Infinity, held: 0 };
    this.#kinds.set(kind, state);
    state.held++;
    if (now - state.lastAt < INTERVAL_MS) return;
    this.#write(kind, state.held);
    state.lastAt = now;
    state.held = 0;
  }
}
