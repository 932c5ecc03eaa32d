import type { Clock } from '../clock.js';
import type { EventLog } from '../log/log.js';

export interface ValveDeps {
  readonly clock: Clock;
  readonly log: Pick<EventLog, 'head' | 'endangeredBefore'>;
  readonly connections: Iterable<Lagging>;
  /** How long the one has waited for its turn who waits longest, in ms. */
  readonly longestWait: () => number;
  /** Keeps the backlog at the broker, or takes it again. */
  readonly hold: (held: boolean) => void;
}

/** A connection, as far as the valve looks at it. */
export interface Lagging {
  readonly isOpen: boolean;
  /** Whether it is owed something from before a position although it takes what it is given. */
  lagsBehind(position: number, now: number): boolean;
}

/** Late by more than this means that more comes in than goes out. */
const OVERLOAD_MS = 500;
const LOOK_MS = 100;
/** Between two looks by the clock a burst can fill a small log. */
const LOOK_EVENTS = 512;
/** So many of all sessions, or more, have to lag: a few slow ones can't hold up everybody else. */
const LAGGING_SHARE = 0.1;

/**
 * Overload shows at the broker, as a backlog, instead of as clients that fall off the log here. More comes in than
 * goes out when somebody waits too long for a turn, or when a tenth of all sessions lag although they take what they
 * are given: by time, or by so much that some will soon fall off the log.
 */
export class Valve {
  readonly #deps: ValveDeps;
  /** Where the head was at the last looks by the clock, oldest first. */
  readonly #heads: number[] = [];
  #isHeld = false;
  #appended = 0;
  #stop: () => void = () => {};

  constructor(deps: ValveDeps) {
    this.#deps = deps;
    this.#watch();
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** To be called after each event that was taken in. */
  appended(): void {
    if (++this.#appended % LOOK_EVENTS === 0) this.#look();
  }

  /** A new attachment of the feed begins unheld. */
  reset(): void {
    this.#isHeld = false;
  }

  /** Lets go of its timer. */
  stop(): void {
    this.#stop();
  }

  #watch(): void {
    this.#stop = this.#deps.clock.after(LOOK_MS, () => {
      this.#heads.push(this.#deps.log.head);
      if (this.#heads.length > OVERLOAD_MS / LOOK_MS) this.#heads.shift();
      this.#look();
      this.#watch();
    });
  }

  #look(): void {
    const held = this.#deps.longestWait() > OVERLOAD_MS || this.#mostLag();
    if (held === this.#isHeld) return;
    this.#isHeld = held;
    this.#deps.hold(held);
  }

  #mostLag(): boolean {
    const { clock, log, connections } = this.#deps;
    const now = clock.monotonic();
    const late = this.#heads.length < OVERLOAD_MS / LOOK_MS ? 0 : (this.#heads[0] ?? 0);
    const position = Math.max(late, log.endangeredBefore);
    let open = 0;
    let lagging = 0;
    for (const connection of connections) {
      if (!connection.isOpen) continue;
      open++;
      if (connection.lagsBehind(position, now)) lagging++;
    }
    return lagging > 0 && lagging >= open * LAGGING_SHARE;
  }
}
