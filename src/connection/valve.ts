import type { Clock } from '../clock.js';
import type { EventLog } from '../log/log.js';

export interface ValveDeps {
  readonly clock: Clock;
  readonly log: Pick<EventLog, 'head' | 'endangeredBefore'>;
  readonly connections: Iterable<Lagging>;
  readonly sessions: { readonly open: number; readonly busy: number };
  /** How long the one has waited for its turn who waits longest, in ms. */
  readonly longestWait: () => number;
  /** The place of the oldest event of which not all whom it concerns have been told; Infinity: there is none. */
  readonly oldestUntold: () => number;
  /** Keeps the backlog at the broker, or takes it again. */
  readonly hold: (held: boolean) => void;
}

/** A connection, as far as the valve looks at it. */
export interface Lagging {
  /** Whether it has a session that is busy, and owed something from before a position although it keeps up and takes what it is given. */
  lagsBehind(position: number, now: number): boolean;
  /** It has been waited for long enough: it doesn't lag any more, as far as the valve is concerned. */
  giveUpOn(): void;
}

/** Late by more than this means that more comes in than goes out. */
const OVERLOAD_MS = 500;
const LOOK_MS = 100;
/** Between two looks by the clock a burst can fill a small log. */
const LOOK_EVENTS = 512;
/** So many of all sessions have to lag, and in any case so many: a few slow ones can't hold up everybody else. */
const LAGGING = { share: 0.1, least: 3 };
/** Who still lags after so long is slow, and isn't waited for any more. */
const PATIENCE_MS = 2000;

/**
 * Overload shows at the broker, as a backlog, instead of as clients that fall off the log here. More comes in than
 * goes out when somebody waits too long for a turn, or when a tenth of all sessions lag although they take what they
 * are given: by time, or by so much that some will soon fall off the log. For the last of the latter it is held on: let go
 * as soon as fewer than a tenth lagged, an overload pushed 2 to 32 of 500 off a small log, a few at a time, in ten runs of
 * ten. Not for the last of those who are merely late, or one slow client could stretch each hold to the full.
 */
export class Valve {
  readonly #deps: ValveDeps;
  /** Where the head was at the last looks by the clock, oldest first. */
  readonly #heads: number[] = [];
  #isHeld = false;
  /** Since when sessions that lag are waited for, monotonic ms; Infinity: they aren't. */
  #waitingSince = Infinity;
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
    if (++this.#appended % LOOK_EVENTS === 0 && this.#deps.log.endangeredBefore > 0) this.#look();
  }

  /** A new attachment of the feed begins unheld. */
  reset(): void {
    this.#isHeld = false;
    this.#waitingSince = Infinity;
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
    const { longestWait, oldestUntold, log } = this.#deps;
    const held =
      this.#waitForThoseWhoLag() ||
      longestWait() > OVERLOAD_MS ||
      // Those count as idle as long as they aren't told.
      oldestUntold() <= log.endangeredBefore;
    if (held === this.#isHeld) return;
    this.#isHeld = held;
    this.#deps.hold(held);
  }

  #waitForThoseWhoLag(): boolean {
    const now = this.#deps.clock.monotonic();
    const lagging = this.#thoseWhoLag(now);
    if (lagging.length === 0) {
      this.#waitingSince = Infinity;
      return false;
    }
    this.#waitingSince = Math.min(this.#waitingSince, now);
    if (now - this.#waitingSince < PATIENCE_MS) return true;
    for (const connection of lagging) connection.giveUpOn();
    this.#waitingSince = Infinity;
    return false;
  }

  /** None, if they are too few. Those who are waited for already needn't be many, if they are about to fall off. */
  #thoseWhoLag(now: number): readonly Lagging[] {
    const { log, sessions } = this.#deps;
    const many = Math.min(sessions.open, Math.max(LAGGING.least, sessions.open * LAGGING.share));
    const late = this.#heads.length < OVERLOAD_MS / LOOK_MS ? 0 : (this.#heads[0] ?? 0);
    const lagging = this.#behind(Math.max(late, log.endangeredBefore), many, now);
    const isWaiting = this.#waitingSince < Infinity;
    return isWaiting && lagging.length === 0 ? this.#behind(log.endangeredBefore, 1, now) : lagging;
  }

  #behind(position: number, enough: number, now: number): readonly Lagging[] {
    const { connections, sessions } = this.#deps;
    if (sessions.busy < Math.max(1, enough)) return [];
    const lagging: Lagging[] = [];
    for (const connection of connections) if (connection.lagsBehind(position, now)) lagging.push(connection);
    return lagging.length >= enough ? lagging : [];
  }
}
