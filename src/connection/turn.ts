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

/** Instead of a tenant, for events to all of them and for connections without a session. No tenant's name is empty. */
export const EVERYBODY = '';

/**
 * Of one tenant so many, waiting and then woken in one round, are more than can be sent to one by one. With more writes
 * than need be the clients' side is kept busy, and some of them fall back.
 */
export const MANY = 200;
const MAX_PAUSE_MS = 100;
/**
 * So many have to be told of something new for each who is woken by it: the others waited already, and get it with what
 * they wait for. With fewer a pause joins nothing: simulated, a hiccup of 0.2 s was enough for 5,000 clients at 60 % of what
 * can be sent to wait for ever (`scheduler.test.ts`). In (c) of the bench 3 runs of 30 had a median latency of 50 to 170
 * ms instead of 1, which would fit. It comes to about 1 and the share of what can be sent, so with 2 whoever isn't
 * overloaded gets over it.
 */
const JOINED = 2;

/**
 * Those who wait in the name of one tenant, served in rounds: a round is over when all have been visited who waited
 * when it began.
 *
 * If it was a round of many, and as many have been woken meanwhile, and twice as many been told of something new, more
 * comes in than can be sent one by one: before the next round comes a pause as long as this one was. What comes until then
 * leaves in the same write, most of which costs the same for one event and for ten. Without it a burst for 5,000 clients
 * cost more the faster we were: more rounds. Crowds don't pause: they may have to come round several times.
 */
export class Turn {
  readonly name: string;
  readonly #many: number;
  readonly #waiting = new Deque<Visited>();
  readonly #crowds = new Deque<Crowd>();
  /**
   * Crowds alternate with those who wait by themselves, so that a reply doesn't stand behind a broadcast. By time, too:
   * alternating by visits, a broadcast to 8,000 among 1,000 that caught up took 2.7 s instead of 0.2 (simulated).
   */
  #isForCrowds = false;
  /** How many waited when the round under way began, and how many of them still do. */
  #size = 0;
  #left = 0;
  /** When it began; how many have been woken since, and how many told of something new, waiting already or not. */
  #begun = 0;
  #woken = 0;
  #told = 0;
  #pauseMs = 0;
  /** Something is to be sent that won't bear a pause. */
  #hurries = false;

  constructor(name: string, many: number) {
    this.name = name;
    this.#many = many;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#crowds.length === 0;
  }

  /** Those of crowds not counted. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Since when the one waits who waits longest, monotonic ms; Infinity: nobody does. */
  get since(): number {
    return Math.min(this.#waiting.first()?.waitsSince ?? Infinity, this.#crowds.first()?.since ?? Infinity);
  }

  /** How long it has to pause before it is served again, ms. */
  get pauseMs(): number {
    return this.#pauseMs;
  }

  /** Somebody has something new to send. */
  wake(one: Visited, now: number): void {
    this.#woken++;
    this.add(one, now);
  }

  /** There was something new for so many. */
  told(count: number): void {
    this.#told += count;
  }

  /** Somebody has more to send, or can go on. */
  add(one: Visited, now: number): void {
    one.waitsSince = now;
    this.#waiting.push(one);
  }

  crowd(crowd: Crowd): void {
    this.#crowds.push(crowd);
  }

  hurry(): void {
    this.#hurries = true;
  }

  /** Its turn begins. */
  begin(now: number): void {
    this.#isForCrowds = !this.#isForCrowds;
    if (this.#left === 0) this.#beginRound(now);
    this.#pauseMs = 0;
  }

  /** Null: there was none, or one who needn't be visited. */
  next(): Visited | null {
    const crowd = this.#crowds.first();
    if (crowd === undefined || (this.#waiting.length > 0 && !this.#isForCrowds)) {
      const one = this.#waiting.shift() ?? null;
      if (one === null) return null;
      one.waitsSince = null;
      this.#left--;
      return one;
    }
    const one = crowd.next();
    if (crowd.isOver) this.#crowds.shift();
    return one?.waitsSince === null ? one : null;
  }

  /** To be asked after each visit: whether it has to pause now. */
  mustPause(now: number): boolean {
    if (this.#left > 0) return false;
    const isFlooded = this.#size >= this.#many && this.#woken >= this.#many;
    const isWorthIt = this.#told >= this.#woken * JOINED;
    if (isFlooded && isWorthIt && !this.#hurries && this.#crowds.length === 0)
      this.#pauseMs = Math.min(MAX_PAUSE_MS, now - this.#begun);
    if (this.#pauseMs === 0) this.#beginRound(now);
    return this.#pauseMs > 0;
  }

  #beginRound(now: number): void {
    this.#size = this.#left = this.#waiting.length;
    this.#begun = now;
    this.#woken = 0;
    this.#told = 0;
    this.#hurries = false;
  }
}
