import type { Audience } from '../../src/log/event.js';
import { meansTopic } from '../support/topics.js';

/** One message to the broker. Two with the same id and content are one event published twice. */
export interface Publication {
  readonly number: number;
  readonly id: string;
  readonly content: number;
  readonly audience: Audience;
  /** When the broker got it, ms from the beginning. */
  readonly at: number;
  readonly expiresAt: number;
  /** Bytes that its data is padded with. */
  readonly size: number;
}

/** What one pod took, in its order, and where its epochs begin (null). Positions count from 1. */
export class Order {
  readonly slots: (Publication | null)[] = [];
  readonly places = new Map<Publication, number>();
  readonly epochs: { readonly boundary: number; readonly published: number }[] = [];

  get head(): number {
    return this.slots.length;
  }

  /** `published`: how many publications came before, and are nobody's business any more. */
  begin(published: number): void {
    this.epochs.push({ boundary: this.slots.push(null), published });
  }

  /** One that is dropped (a duplicate, expired) counts as dealt with from here on. */
  add(one: Publication, dropped: boolean): void {
    this.places.set(one, dropped ? this.head : this.slots.push(one));
  }
}

/** What a cursor says: a place in a pod's order, as closely as it can be known from outside. */
export interface Mark {
  readonly order: Order;
  readonly epoch: Order['epochs'][number] | undefined;
  /** How far the pod was when it was first seen. */
  readonly head: number;
  low: number;
  high: number;
  /** What the session that got it had come with, on whichever pod. */
  readonly base: Mark | null;
}

/** Whether "complete up to here" takes a publication in. */
export function spans(mark: Mark, one: Publication, alone: boolean): boolean {
  if (one.number < (mark.epoch?.published ?? 0) || (mark.order.places.get(one) ?? Infinity) <= mark.high)
    return true;
  return !alone && mark.base !== null && spans(mark.base, one, false);
}

/** From where something counts: never at or before `after`; surely what `known` doesn't take in. */
export interface Since {
  after: number;
  known: Mark | null;
}

export type Due = 'no' | 'may' | 'must';
export type Who = { readonly tenant: string; readonly user: string; readonly grants: readonly string[] };

/** One session: who it is, what it may see and from where on. */
export class Person {
  readonly order: Order;
  readonly tenant: string;
  readonly user: string;
  readonly start: Since;
  readonly subscriptions = new Map<string, Since>();
  grants: readonly string[];

  constructor(order: Order, who: Who, start: Since) {
    this.order = order;
    this.tenant = who.tenant;
    this.user = who.user;
    this.grants = who.grants;
    this.start = start;
  }

  due(one: Publication, position: number): Due {
    const valid = this.#reasons(one).filter(({ after }) => position > after);
    if (valid.length === 0) return 'no';
    const isHere = (mark: Mark) => mark.order === this.order;
    return valid.some(({ known }) => known === null || !spans(known, one, isHere(known))) ? 'must' : 'may';
  }

  /** Whether it is concerned by a publication from where it began, not just from where it subscribed to something. */
  begins(one: Publication): boolean {
    return this.#reasons(one).includes(this.start);
  }

  #reasons({ audience }: Publication): Since[] {
    if (audience.kind !== 'all' && audience.tenant !== this.tenant) return [];
    const reasons = audience.kind !== 'some' || audience.users.includes(this.user) ? [this.start] : [];
    if (audience.kind === 'some')
      for (const [pattern, since] of this.subscriptions)
        if (audience.topics.some(topic => meansTopic(pattern, topic))) reasons.push(since);
    return reasons;
  }
}
