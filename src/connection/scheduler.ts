import { Deque } from '../log/deque.js';

/** Somebody who may have something to send. */
export interface Visited {
  /** The tenant whose turn it counts as; the same for as long as it is scheduled. */
  readonly turn: string;
  /** Since when it waits for a visit, monotonic ms; null: it doesn't. Owned by the scheduler. */
  waitsSince: number | null;
  /** Sends some of what is due. True: there is more that could go at once. */
  visit(): boolean;
}

interface Turn {
  readonly name: string;
  readonly waiting: Deque<Visited>;
}

/** One turn of the event loop goes to sending for so long, then I/O gets its chance. */
const BUDGET_MS = 1;
/** Reading the clock costs as much as a small visit saves. */
const VISITS_PER_LOOK = 8;

/**
 * Who sends when. Everything that leaves does so from here: live events, replay and catch-up, pings, replies. Tenants
 * take turns, a visit each: one tenant's broadcast to 9,500 sockets held up another's single event by 84 ms when
 * served in one go, and by less than 1 ms so.
 */
export class Scheduler {
  readonly #turns = new Map<string, Turn>();
  readonly #order = new Deque<Turn>();
  readonly #defer: (task: () => void) => void;
  readonly #now: () => number;
  #deferred = false;
  /** The clock as last read in this run: exact enough for how long somebody waits. */
  #time = 0;

  /** `defer` runs a task once the I/O of this turn is done, so that what arrives together leaves together. */
  constructor(defer: (task: () => void) => void, now: () => number) {
    this.#defer = defer;
    this.#now = now;
  }

  /** How long the one has waited who waits longest, in ms. Who can't take anything at the moment doesn't wait. */
  get longestWait(): number {
    let since = Infinity;
    for (const turn of this.#turns.values())
      since = Math.min(since, turn.waiting.first()?.waitsSince ?? Infinity);
    return Math.max(0, this.#now() - since);
  }

  get waiting(): number {
    let sum = 0;
    for (const turn of this.#turns.values()) sum += turn.waiting.length;
    return sum;
  }

  schedule(one: Visited): void {
    if (one.waitsSince !== null) return;
    if (!this.#deferred) this.#time = this.#now();
    let turn = this.#turns.get(one.turn);
    if (turn === undefined) {
      turn = { name: one.turn, waiting: new Deque() };
      this.#turns.set(one.turn, turn);
      this.#order.push(turn);
    }
    this.#add(one, turn);
    this.#deferRun();
  }

  readonly #run = (): void => {
    this.#deferred = false;
    this.#time = this.#now();
    const until = this.#time + BUDGET_MS;
    for (let visits = 1; this.#time < until; visits++) {
      const turn = this.#order.shift();
      if (turn === undefined) return;
      const one = turn.waiting.shift();
      if (one !== undefined) {
        one.waitsSince = null;
        if (one.visit() && one.waitsSince === null) this.#add(one, turn);
      }
      if (turn.waiting.length > 0) this.#order.push(turn);
      else this.#turns.delete(turn.name);
      if (visits % VISITS_PER_LOOK === 0) this.#time = this.#now();
    }
    if (this.#order.length > 0) this.#deferRun();
  };

  #add(one: Visited, turn: Turn): void {
    one.waitsSince = this.#time;
    turn.waiting.push(one);
  }

  #deferRun(): void {
    if (this.#deferred) return;
    this.#deferred = true;
    this.#defer(this.#run);
  }
}
