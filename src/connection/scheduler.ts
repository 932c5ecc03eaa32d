import type { Clock } from '../clock.js';
import { Deque } from '../log/deque.js';
import { type Crowd, Turn, type Visited } from './turn.js';

export type { Crowd, Visited };

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
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
  /** So many of one tenant are a crowd: see `Turn`. */
  readonly many: number;
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
    for (const turn of this.#turns.values()) since = Math.min(since, turn.since);
    return Math.max(0, this.#deps.clock.monotonic() - since);
  }

  /** Those of crowds not counted. */
  get waiting(): number {
    let sum = 0;
    for (const turn of this.#turns.values()) sum += turn.waiting;
    return sum;
  }

  schedule(one: Visited): void {
    if (one.waitsSince !== null) return;
    if (!this.#deferred) this.#time = this.#deps.clock.monotonic();
    this.#turnOf(one.turn).wake(one, this.#time);
    this.#deferRun();
  }

  scheduleAll(crowd: Crowd): void {
    if (!this.#deferred) this.#time = this.#deps.clock.monotonic();
    this.#turnOf(crowd.turn).crowd(crowd);
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
      if (turn.isEmpty) this.#turns.delete(turn.name);
      else if (turn.rest > 0) this.#letRest(turn);
      else this.#order.push(turn);
    }
    if (this.#order.length > 0) this.#deferRun();
  };

  #serve(turn: Turn, until: number): void {
    turn.begin(this.#time);
    do {
      if (turn.isEmpty) return;
      const one = turn.next();
      if (one !== null && one.visit() && one.waitsSince === null) this.#turnOf(one.turn).add(one, this.#time);
      this.#time = this.#deps.clock.monotonic();
    } while (!turn.endsRound(this.#time) && this.#time < until);
  }

  #letRest(turn: Turn): void {
    this.#deps.clock.after(turn.rest, () => {
      if (!this.#deferred) this.#time = this.#deps.clock.monotonic();
      this.#order.push(turn);
      this.#deferRun();
    });
  }

  #turnOf(name: string): Turn {
    let turn = this.#turns.get(name);
    if (turn === undefined) {
      turn = new Turn(name, this.#deps.many);
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
