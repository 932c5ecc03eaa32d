import type { Clock } from '../clock.js';
import { Deque } from '../log/deque.js';
import { type Crowd, EVERYBODY, type Visited } from './turn.js';

export interface BroadcastLimits {
  /** How long after a broadcast the next one to the same tenant waits at most. 0: none waits. */
  readonly ms: number;
  /** An event for so many connections at once, and more, is a broadcast. */
  readonly least: number;
  /** Sets of fewer are told at once all the same: an event may name 1,000 users. */
  readonly leastInOne: number;
}

/**
 * Shorter than two frames of a screen. At 100 events a second for each of 1,000 clients three leave in one write, for
 * 0.6 times the CPU. For fewer clients there is little to be saved: 30 writes a second to each of 600 are a seventh of a
 * core.
 */
export const BROADCAST: BroadcastLimits = { ms: 33, least: 600, leastInOne: 64 };

/** Somebody who may be told of a broadcast. */
export interface Recipient extends Visited {
  /** Events up to this place in the log may be for it. False: it has got so far already, or is gone. */
  told(place: number): boolean;
}

export interface BroadcastDeps {
  readonly clock: Pick<Clock, 'after' | 'monotonic'>;
  readonly ms: number;
  readonly log: { readonly head: number; readonly endangeredBefore: number };
  readonly schedule: (crowd: Crowd) => void;
}

/**
 * Events for so many that telling them all would hold up everybody else: 8,000 took 5 ms. So they are told one by one,
 * in the tenant's turns, each with the visit in which it is sent.
 *
 * A tenant that has just had a broadcast gets what comes next together, a moment later: most of what a write costs is
 * the same for one event and for ten. All that waits begins at the same time. One after the other would be kinder to
 * each, but costs more: turns of the event loop for a few writes each, and receivers that fall asleep in between.
 */
export class Broadcasts {
  readonly #deps: BroadcastDeps;
  readonly #tenants = new Map<string, Tenant>();

  constructor(deps: BroadcastDeps) {
    this.#deps = deps;
  }

  /** Tenants that have a broadcast under way, or had one a moment ago. */
  get size(): number {
    return this.#tenants.size;
  }

  /** Where the oldest event stands of which not all have been told; Infinity: there is none. */
  get oldest(): number {
    let oldest = Infinity;
    for (const { untold } of this.#tenants.values())
      oldest = Math.min(oldest, untold.first()?.first ?? Infinity);
    return oldest;
  }

  /** The same for one tenant. Who was idle there until now may be owed what stands here, and nothing before it. */
  oldestOf(name: string): number {
    if (this.#tenants.size === 0) return Infinity;
    const [own, all] = [this.#tenants.get(name), this.#tenants.get(EVERYBODY)];
    return Math.min(own?.untold.first()?.first ?? Infinity, all?.untold.first()?.first ?? Infinity);
  }

  /** Here is a new event for all of a tenant's `members` that are there when they are told. */
  tell(name: string, members: ReadonlySet<Recipient>, mayWait: boolean): void {
    const tenant = this.#tenant(name);
    const { head } = this.#deps.log;
    const earlier = tenant.notBegun(members);
    if (earlier === null) {
      const now = this.#deps.clock.monotonic();
      tenant.untold.push(new Broadcast(name, members, head, now, () => this.#isThrough(tenant)));
    } else {
      earlier.last = head;
    }
    if (!mayWait || !tenant.isResting) this.#begin(tenant);
  }

  /** To be called after each event: nothing waits until what it is about is gone from the log. */
  hurry(): void {
    if (this.#tenants.size === 0) return;
    const { endangeredBefore } = this.#deps.log;
    for (const tenant of this.#tenants.values())
      if (tenant.firstWaiting <= endangeredBefore) this.#begin(tenant);
  }

  /** Lets go of its timers. */
  stop(): void {
    for (const tenant of this.#tenants.values()) tenant.wakeUp();
  }

  #tenant(name: string): Tenant {
    let tenant = this.#tenants.get(name);
    if (tenant === undefined) {
      tenant = new Tenant(name);
      this.#tenants.set(name, tenant);
    }
    return tenant;
  }

  #begin(tenant: Tenant): void {
    if (tenant.firstWaiting === Infinity) return;
    for (const broadcast of tenant.takeWaiting()) this.#deps.schedule(broadcast);
    tenant.wakeUp();
    const { clock, ms } = this.#deps;
    if (ms > 0) tenant.rest(clock.after(ms, () => this.#goOn(tenant)));
  }

  #goOn(tenant: Tenant): void {
    tenant.wakeUp();
    this.#begin(tenant);
    this.#forget(tenant);
  }

  #isThrough(tenant: Tenant): void {
    tenant.shift();
    this.#forget(tenant);
  }

  #forget(tenant: Tenant): void {
    if (tenant.untold.length === 0 && !tenant.isResting) this.#tenants.delete(tenant.name);
  }
}

class Tenant {
  readonly name: string;
  /** Oldest first. */
  readonly untold = new Deque<Broadcast>();
  /** So many of them have been handed on. */
  #handedOn = 0;
  #stopResting: (() => void) | null = null;

  constructor(name: string) {
    this.name = name;
  }

  /** It has had a broadcast a moment ago. */
  get isResting(): boolean {
    return this.#stopResting !== null;
  }

  /** The place of the first event that waits; Infinity: none does. */
  get firstWaiting(): number {
    return this.untold.at(this.#handedOn)?.first ?? Infinity;
  }

  rest(stop: () => void): void {
    this.#stopResting = stop;
  }

  wakeUp(): void {
    this.#stopResting?.();
    this.#stopResting = null;
  }

  /** Of an earlier event, none of whose recipients has been told yet: they get the next one with it. */
  notBegun(members: ReadonlySet<Recipient>): Broadcast | null {
    for (let index = this.untold.length - 1; index >= 0; index--) {
      const broadcast = this.untold.at(index);
      if (broadcast === undefined || broadcast.hasBegun) return null;
      if (broadcast.members === members) return broadcast;
    }
    return null;
  }

  *takeWaiting(): Generator<Broadcast> {
    while (this.#handedOn < this.untold.length) {
      const broadcast = this.untold.at(this.#handedOn++);
      if (broadcast !== undefined) yield broadcast;
    }
  }

  /** The oldest is through: they are served in order. */
  shift(): void {
    this.untold.shift();
    this.#handedOn--;
  }
}

/** One event, and with it those that come before anybody has been told. */
class Broadcast implements Crowd {
  readonly turn: string;
  readonly members: ReadonlySet<Recipient>;
  /** Where the first of these events stands, and the last. */
  readonly first: number;
  last: number;
  readonly since: number;
  readonly #onOver: () => void;
  #members: Iterator<Recipient> | null = null;
  #left = 0;
  #isOver = false;

  constructor(turn: string, members: ReadonlySet<Recipient>, at: number, since: number, onOver: () => void) {
    this.turn = turn;
    this.members = members;
    this.first = at;
    this.last = at;
    this.since = since;
    this.#onOver = onOver;
  }

  get hasBegun(): boolean {
    return this.#members !== null;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Members that go meanwhile aren't met any more. Those that come meanwhile stand behind the others and aren't owed
   * anything: it ends before them, or one that subscribes anew all the time would keep it from ending.
   */
  next(): Visited | null {
    if (this.#members === null) {
      this.#members = this.members.values();
      this.#left = this.members.size;
    }
    const { value, done } = this.#members.next();
    if (done === true || --this.#left < 0) {
      this.#isOver = true;
      this.#onOver();
      return null;
    }
    return value.told(this.last) ? value : null;
  }
}
