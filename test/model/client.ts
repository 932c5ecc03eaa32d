import assert from 'node:assert/strict';
import type { AuthOutcome, Identity } from '../../src/connection/authenticate.js';
import type { Connection } from '../../src/connection/connection.js';
import type { Hub } from '../../src/connection/hub.js';
import { adopt, subscribe } from './grants.js';
import { Judge, type PodView } from './judge.js';
import type { Ledger } from './ledger.js';
import { Person, type Publication, type Since } from './model.js';
import { ModelWire } from './wire.js';

export const MAX_SUBSCRIPTIONS = 4;
/** A deadline is met up to a tick late. */
const TICK_MS = 20;

/** A token's text: whom it names, plainly. */
export interface Token {
  readonly identity: Identity;
  readonly bad: boolean;
  /** Who has to be asked to let it through; null: nobody. */
  readonly slow: number | null;
}

/** What a client may send. */
export interface Message {
  readonly access_token?: string;
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly cursor?: string;
  readonly ping?: boolean;
  readonly ref?: number;
}

/** Token checks that somebody has to end. */
export type Checks = Map<number, () => void>;

export const authenticate =
  (checks: Checks) =>
  (text: string): Promise<AuthOutcome> => {
    const { identity, bad, slow }: Token = JSON.parse(text);
    const outcome: AuthOutcome = bad
      ? { kind: 'refused', fault: 'signature' }
      : { kind: 'identity', identity };
    return slow === null
      ? Promise.resolve(outcome)
      : new Promise(resolve => void checks.set(slow, () => resolve(outcome)));
  };

/** One connection, and the model of what its requests do. */
export class Client {
  readonly number: number;
  readonly pod: PodView;
  readonly judge: Judge;
  readonly wire: ModelWire;
  readonly connection: Connection;
  /** It is being sent away; what it asks for now is nobody's concern. */
  leaving = false;
  gone = false;
  #expiresAt = Infinity;
  /** A refresh may come too late, and then it counts for nothing. */
  #firstExpiry = Infinity;
  #firstToken: Identity | null = null;
  #checking: Message | null = null;
  /** Its token is good, but the pod hasn't come as far as its cursor. */
  #parked: { readonly identity: Identity; readonly message: Message } | null = null;
  readonly #inbox: Message[] = [];

  constructor(number: number, pod: PodView, hub: Hub, ledger: Ledger, published: readonly Publication[]) {
    this.number = number;
    this.pod = pod;
    this.judge = new Judge(pod, ledger, published);
    this.wire = new ModelWire(message => this.judge.read(message));
    this.connection = hub.open(this.wire);
  }

  get person(): Person | null {
    return this.judge.entry?.person ?? null;
  }

  get isOver(): boolean {
    return this.gone || this.wire.ending !== null || this.wire.terminated;
  }

  /** A token of its is being checked. */
  get isChecking(): boolean {
    return this.#checking !== null && !this.isOver;
  }

  send(message: Message): void {
    if (this.isOver || this.leaving) return;
    this.connection.text(JSON.stringify(message));
    if (this.#checking === null && this.#parked === null) this.#take(message);
    else this.#inbox.push(message);
  }

  /** The token being checked is found good or bad. The caller lets the promise's turn pass. */
  answer(checks: Checks): void {
    checks.get(this.number)?.();
    checks.delete(this.number);
    const message = this.#checking;
    if (message === null || this.isOver) return;
    this.#checking = null;
    this.#apply(message);
    this.#goOn();
  }

  /** To be called after every step: by the clock, it may have been let in. Nothing has come to its pod since. */
  letIn(): void {
    const parked = this.#parked;
    if (parked === null || this.isOver || this.connection.tenant === '') return;
    this.#parked = null;
    this.#enter(this.judge, parked.identity, parked.message, -1);
    this.#goOn();
  }

  #goOn(): void {
    if (this.#parked !== null) return;
    for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
      this.#take(next);
      if (this.#checking !== null) return;
    }
  }

  /** All that it was owed must have come, unless it is at an end or doesn't take anything. */
  settled(): void {
    if (this.isOver || this.wire.isWriting) return;
    const late = this.pod.clock.wall() - this.#expiresAt;
    assert.ok(late < 2 * TICK_MS, `${this.number} goes on ${late} ms after its token expired`);
    assert.ok(!this.judge.banned, 'it should have been closed');
    if (!this.leaving) this.judge.settled();
  }

  /** Whether it may have been ended with that code. */
  mayEndWith(code: number): boolean {
    const { judge, pod } = this;
    if (code === 4401) return judge.banned || pod.clock.wall() >= this.#firstExpiry;
    if (code === 4403) return judge.banned;
    if (code === 1013) return !pod.roomy || !judge.connected;
    if (code === 1012 || code === 1001) return this.leaving;
    return code === 4408;
  }

  #take(message: Message): void {
    if (message.access_token === undefined) {
      this.#apply(message);
      return;
    }
    const token: Token = JSON.parse(message.access_token);
    if (token.slow === null) this.#apply(message);
    else this.#checking = message;
  }

  #apply(message: Message): void {
    const { judge } = this;
    if (judge.banned) return;
    const token: Token | null = message.access_token === undefined ? null : JSON.parse(message.access_token);
    if (judge.entry === null) {
      if (token === null) judge.errors.push(`token_missing ${message.ref}`);
      else if (token.bad) this.#ban(`access_denied ${message.ref}`);
      else if (this.pod.standing(message.cursor ?? '') === 'ahead') {
        this.#parked = { identity: token.identity, message };
        // Nor is it let in any more once the token has run out.
        this.#firstExpiry = token.identity.expiresAt;
      } else this.#enter(judge, token.identity, message, this.pod.clock.monotonic());
      return;
    }
    const { person } = judge.entry;
    let lost: string[] = [];
    if (token !== null) {
      if (token.bad) {
        judge.errors.push(`access_denied ${message.ref}`);
        return;
      }
      if (token.identity.user !== person.user || token.identity.tenant !== person.tenant) {
        this.#ban(`forbidden ${message.ref}`);
        return;
      }
      lost = adopt(person, token.identity.grants);
      this.#extend(token.identity);
    }
    if (token === null && message.subscribe === undefined && message.unsubscribe === undefined) return;
    for (const topic of message.unsubscribe ?? []) person.subscriptions.delete(topic);
    const { head } = this.pod.order;
    const outcome = subscribe(
      person,
      message.subscribe ?? [],
      { after: head, known: null },
      MAX_SUBSCRIPTIONS,
    );
    const what = {
      type: 'reply',
      ref: message.ref,
      subscribed: outcome.subscribed.sort(),
      unsubscribed: [...new Set([...lost, ...(message.unsubscribe ?? [])])].sort(),
      denied: outcome.denied,
    };
    judge.placed.push({ head, what });
  }

  #enter(judge: Judge, identity: Identity, message: Message, time: number): void {
    const { order } = this.pod;
    const start: Since = { after: order.head, known: null };
    const person = new Person(order, identity, start);
    judge.entry = {
      person,
      head: order.head,
      taken: this.pod.taken,
      time,
      boundary: order.epochs.at(-1)?.boundary ?? 0,
      presented: message.cursor ?? null,
      stands: this.pod.standing(message.cursor ?? ''),
      mark: judge.find(message.cursor ?? null),
      ...subscribe(person, message.subscribe ?? [], start, MAX_SUBSCRIPTIONS),
    };
    this.#firstToken = identity;
    this.#extend(identity);
  }

  #extend({ expiresAt }: Identity): void {
    // A check may take longer than the token lives; only then can it be told to go.
    this.#expiresAt = Math.max(expiresAt, this.pod.clock.wall());
    this.#firstExpiry = Math.min(this.#firstExpiry, expiresAt);
  }

  get identity(): Identity | null {
    return this.#firstToken;
  }

  #ban(error: string): void {
    this.judge.banned = true;
    this.judge.errors.push(error);
  }
}
