import type { Clock } from '../clock.js';
import { Deque } from '../log/deque.js';
import type { FloodLimits } from './flood.js';
import { type Crowd, Turn, type Visited } from './turn.js';

/**
 * One turn of the event loop goes to sending for at least so long, then I/O gets its chance. If I/O took longer, sending
 * may take as long, within bounds: what is to be sent mustn't wait for ever, nor what comes in. With twice as much of both,
 * and for handshakes, live events waited longer in storms: see `Admission`.
 */
const BUDGET_MS = { least: 0.5, most: 1 };
/** A tenant's turn. By time, not by visits: replaying a page of history costs thirty times as much as a live event. */
const SLICE_MS = 0.25;

export interface SchedulerDeps {
  /** Runs a task once the I/O of this turn is done, so that what arrives together leaves together. */
  readonly defer: (task: () => void) => void;
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
  /** When a tenant pauses: see `Turn`. */
  readonly flood: FloodLimits;
}

/**
 * Who sends when. Everything that leaves does so from here: live events, replay and catch-up, pings, replies. Tenants
 * take turns: one tenant's broadcast to 9,500 sockets held up another's single event by 84 ms when served in one go,
 * and by less than 1 ms so.
 */
export class Scheduler {
  readonly #turns = new Map<string, Turn>();
  readonly #order = new Deque<Turn>();
  /** Turns that pause, and what ends that. They aren't in the order meanwhile. */
  readonly #pauses = new Map<string, () => void>();
  readonly #deps: SchedulerDeps;
  #deferred = false;
  /** When the run that is to come was asked for: what has passed since then went to I/O. */
  #deferredAt = 0;
  /** The clock as last read in this run: exact enough for how long somebody waits. */
  #time = 0;

  constructor(deps: SchedulerDeps) {
    this.#deps = deps;
  }

  /** How long the one has waited who waits longest, in ms. Who can't take anything at the moment doesn't wait. */
  get longestWait(): number {
    let since = Infinity;
    for (const turn of this.#turns.values()) since = Math.min(since, turn.since);
    return Math.max(0, this.#deps.clock.monotonic() - since);
  }

  /** Those of crowds not counted. */
  get waiting(): number {
    let sum = 0;
    for (const turn of this.#turns.values()) sum += turn.waiting;
    return sum;
  }

  /** There is something new for somebody, or one who couldn't take any more can go on. */
  schedule(one: Visited): void {
    if (one.waitsSince !== null) return;
    const now = this.#lookAtTheClock();
    this.#turnOf(one.turn).add(one, now);
    this.#deferRun();
  }

  /** There was something new for so many of one tenant, each of whom has been scheduled now or waited already. */
  told(tenant: string, count: number): void {
    this.#turns.get(tenant)?.told(count, this.#deps.clock.monotonic());
  }

  scheduleAll(crowd: Crowd): void {
    this.#lookAtTheClock();
    this.#turnOf(crowd.turn).crowd(crowd);
    this.#pauses.get(crowd.turn)?.();
    this.#deferRun();
  }

  /** Something has been scheduled that would come too late after a pause; null: for all tenants. */
  hurry(tenant: string | null): void {
    for (const name of tenant === null ? this.#turns.keys() : [tenant]) {
      this.#turns.get(name)?.hurry();
      this.#pauses.get(name)?.();
    }
  }

  /** Lets go of timers. */
  stop(): void {
    for (const end of this.#pauses.values()) end();
  }

  readonly #run = (): void => {
    this.#deferred = false;
    const begun = this.#deps.clock.monotonic();
    const until = begun + Math.min(BUDGET_MS.most, Math.max(BUDGET_MS.least, begun - this.#deferredAt));
    this.#time = begun;
    while (this.#time < until) {
      const turn = this.#order.shift();
      if (turn === undefined) return;
      const pauseMs = this.#serve(turn, Math.min(until, this.#time + SLICE_MS));
      if (turn.isEmpty) this.#turns.delete(turn.name);
      else if (pauseMs > 0) this.#pause(turn, pauseMs);
      else this.#order.push(turn);
    }
    if (this.#order.length > 0) this.#deferRun();
  };

  /** How long it has to pause now, at most. */
  #serve(turn: Turn, until: number): number {
    turn.begin(this.#time);
    for (;;) {
      if (turn.isEmpty) return 0;
      const one = turn.next();
      if (one !== null && one.visit() && one.waitsSince === null) this.#turnOf(one.turn).add(one, this.#time);
      this.#time = this.#deps.clock.monotonic();
      const pauseMs = turn.visited(this.#time);
      if (pauseMs > 0 || this.#time >= until) return pauseMs;
    }
  }

  #pause(turn: Turn, ms: number): void {
    const until = this.#time + ms;
    let stop = () => {};
    const end = () => {
      stop();
      this.#pauses.delete(turn.name);
      this.#lookAtTheClock();
      this.#order.push(turn);
      this.#deferRun();
    };
    const look = () => {
      const now = this.#deps.clock.monotonic();
      if (now >= until || turn.isFloodOver(now)) end();
      else goOn(until - now);
    };
    const goOn = (ms: number) => {
      stop = this.#deps.clock.after(Math.min(this.#deps.flood.windowMs, ms), look);
    };
    this.#pauses.set(turn.name, end);
    goOn(ms);
  }

  #turnOf(name: string): Turn {
    let turn = this.#turns.get(name);
    if (turn === undefined) {
      turn = new Turn(name, this.#deps.flood, this.#time);
      this.#turns.set(name, turn);
      this.#order.push(turn);
    }
    return turn;
  }

  /** Once is enough between two runs. */
  #lookAtTheClock(): number {
    if (!this.#deferred) this.#time = this.#deps.clock.monotonic();
    return this.#time;
  }

  #deferRun(): void {
    if (this.#deferred) return;
    this.#deferred = true;
    this.#deferredAt = this.#time;
    this.#deps.defer(this.#run);
  }
}
