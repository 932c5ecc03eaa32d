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

/** As long as those who wait in the name of one tenant rest between two rounds, at most. */
const MAX_REST_MS = 100;

/**
 * Those who wait in the name of one tenant, served in rounds: a round is over when all have been visited who waited
 * when it began.
 *
 * If it was a round of many, and as many have been woken meanwhile, more comes in than can be sent one by one: the next
 * round waits for as long as this one took. What comes until then leaves in the same write, most of which costs the
 * same for one event and for ten. Without it a burst for 5,000 clients cost more the faster we were: more rounds.
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
  /** When it began, and how many have been woken since. */
  #begun = 0;
  #woken = 0;
  #rest = 0;

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

  /** How long it has to rest before it is served again, ms. */
  get rest(): number {
    return this.#rest;
  }

  /** Somebody has something to send who had nothing. */
  wake(one: Visited, now: number): void {
    this.#woken++;
    this.add(one, now);
  }

  /** Somebody has more to send. */
  add(one: Visited, now: number): void {
    one.waitsSince = now;
    this.#waiting.push(one);
  }

  crowd(crowd: Crowd): void {
    this.#crowds.push(crowd);
  }

  /** Its turn begins. */
  begin(now: number): void {
    this.#rest = 0;
    this.#isForCrowds = !this.#isForCrowds;
    if (this.#left === 0) this.#beginRound(now);
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

  /** To be asked after each visit: whether it has to rest now. */
  endsRound(now: number): boolean {
    if (this.#left > 0) return false;
    if (this.#size >= this.#many && this.#woken >= this.#many)
      this.#rest = Math.min(MAX_REST_MS, now - this.#begun);
    else this.#beginRound(now);
    return this.#rest > 0;
  }

  #beginRound(now: number): void {
    this.#size = this.#left = this.#waiting.length;
    this.#begun = now;
    this.#woken = 0;
  }
}
