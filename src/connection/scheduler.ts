import type { Clock } from '../clock.js';
import { Deque } from '../log/deque.js';

/** Somebody who may have something to send. */
export interface Visited {
  /** The tenant whose turn it counts as when it is scheduled; it may change between visits. */
  readonly turn: string;
  /** Since when it waits for a visit, monotonic ms; null: it doesn't. Owned by the scheduler. */
  waitsSince: number | null;
  /** Sends some of what is due. True: there is more that could go at once. */
  visit(): boolean;
}

/** Many of one tenant, who are found one by one. */
export interface Crowd {
  readonly turn: string;
  /** Since when its first one waits, monotonic ms. */
  readonly since: number;
  /** Whether all have been found. */
  readonly isOver: boolean;
  /** Looks for another one. Null: that one needn't be visited, or there was none. */
  next(): Visited | null;
}

interface Turn {
  readonly name: string;
  readonly waiting: Deque<Visited>;
  readonly crowds: Deque<Crowd>;
  /**
   * They alternate with those who wait by themselves, so that a reply doesn't stand behind a broadcast. By time, too:
   * alternating by visits, a broadcast to 8,000 among 1,000 that caught up took 2.7 s instead of 0.2 (simulated).
   */
  isForCrowds: boolean;
}

/**
 * One turn of the event loop goes to sending for at least so long, then I/O gets its chance. If I/O took longer, sending
 * may take as long: in a storm of connects, 40 ms of handshakes to 1 ms of sending let live events wait for 140 ms.
 */
const BUDGET_MS = { least: 1, most: 2 };
/** A tenant's turn. By time, not by visits: replaying a page of history costs thirty times as much as a live event. */
const SLICE_MS = 0.25;

export interface SchedulerDeps {
  /** Runs a task once the I/O of this turn is done, so that what arrives together leaves together. */
  readonly defer: (task: () => void) => void;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/**
 * Who sends when. Everything that leaves does so from here: live events, replay and catch-up, pings, replies. Tenants
 * take turns: one tenant's broadcast to 9,500 sockets held up another's single event by 84 ms when served in one go,
 * and by less than 1 ms so.
 */
export class Scheduler {
  readonly #turns = new Map<string, Turn>();
  readonly #order = new Deque<Turn>();
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
    for (const { waiting, crowds } of this.#turns.values()) {
      since = Math.min(since, waiting.first()?.waitsSince ?? Infinity, crowds.first()?.since ?? Infinity);
    }
    return Math.max(0, this.#deps.clock.monotonic() - since);
  }

  /** Those of crowds not counted. */
  get waiting(): number {
    let sum = 0;
    for (const turn of this.#turns.values()) sum += turn.waiting.length;
    return sum;
  }

  schedule(one: Visited): void {
    if (one.waitsSince !== null) return;
    if (!this.#deferred) this.#time = this.#deps.clock.monotonic();
    this.#add(one);
    this.#deferRun();
  }

  scheduleAll(crowd: Crowd): void {
    if (!this.#deferred) this.#time = this.#deps.clock.monotonic();
    this.#turnOf(crowd.turn).crowds.push(crowd);
    this.#deferRun();
  }

  readonly #run = (): void => {
    this.#deferred = false;
    const begun = this.#deps.clock.monotonic();
    const until = begun + Math.min(BUDGET_MS.most, Math.max(BUDGET_MS.least, begun - this.#deferredAt));
    this.#time = begun;
    while (this.#time < until) {
      const turn = this.#order.shift();
      if (turn === undefined) return;
      this.#serve(turn, Math.min(until, this.#time + SLICE_MS));
      if (turn.waiting.length > 0 || turn.crowds.length > 0) this.#order.push(turn);
      else this.#turns.delete(turn.name);
    }
    if (this.#order.length > 0) this.#deferRun();
  };

  #serve(turn: Turn, until: number): void {
    turn.isForCrowds = !turn.isForCrowds;
    do {
      if (turn.waiting.length === 0 && turn.crowds.length === 0) return;
      const one = this.#next(turn);
      if (one !== null && one.visit() && one.waitsSince === null) this.#add(one);
      this.#time = this.#deps.clock.monotonic();
    } while (this.#time < until);
  }

  /** Null: there was none, or one who needn't be visited. */
  #next(turn: Turn): Visited | null {
    const crowd = turn.crowds.first();
    if (crowd === undefined || (turn.waiting.length > 0 && !turn.isForCrowds)) {
      const one = turn.waiting.shift() ?? null;
      if (one !== null) one.waitsSince = null;
      return one;
    }
    const one = crowd.next();
    if (crowd.isOver) turn.crowds.shift();
    return one?.waitsSince === null ? one : null;
  }

  #add(one: Visited): void {
    one.waitsSince = this.#time;
    this.#turnOf(one.turn).waiting.push(one);
  }

  #turnOf(name: string): Turn {
    let turn = this.#turns.get(name);
    if (turn === undefined) {
      turn = { name, waiting: new Deque(), crowds: new Deque(), isForCrowds: false };
      this.#turns.set(name, turn);
      this.#order.push(turn);
    }
    return turn;
  }

  #deferRun(): void {
    if (this.#deferred) return;
    this.#deferred = true;
    this.#deferredAt = this.#time;
    this.#deps.defer(this.#run);
  }
}
