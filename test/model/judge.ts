import assert from 'node:assert/strict';
import type { Clock } from '../../src/clock.js';
import type { ServerMessage } from '../support/messages.js';
import { describeMessage } from '../support/messages.js';
import type { Ledger } from './ledger.js';
import { type Mark, type Order, type Person, type Publication, spans } from './model.js';

/**
 * Where a cursor of a stream stands on a pod: behind so many entries of its order; `unknown`: the pod has read on from
 * there, but not that message; `elsewhere`: it is no such cursor, or the pod knows no stream, so that it goes by time.
 */
export type Standing = number | 'ahead' | 'unknown' | 'elsewhere';

/** A pod as seen from outside. */
export interface PodView {
  readonly reads: 'queue' | 'stream';
  readonly order: Order;
  readonly clock: Clock;
  readonly lost: boolean;
  /** Nothing is evicted in this case: no excuse for a resync. */
  readonly roomy: boolean;
  /** The time in a cursor: all that reached the broker before it is there. What other pods go by (wall clock, ms). */
  timeIn(cursor: string): number;
  /** Which place on this pod a cursor names; null: it is of another pod or epoch. */
  /** Messages, events or not. */
  readonly taken: number;
  sequenceOf(cursor: string): number | null;
  standing(cursor: string): Standing;
}

/** What the first good token was answered with inside, before anybody saw it. */
export interface Entry {
  readonly person: Person;
  readonly head: number;
  /** Messages that the pod had taken by then, events or not: with each, what is too old may go. */
  readonly taken: number;
  /** Monotonic ms. */
  readonly time: number;
  readonly boundary: number;
  readonly presented: string | null;
  readonly stands: Standing;
  /** What the cursor was known to say by then: the pod may give out the same one before its answer is read. */
  readonly mark: Mark | null;
  readonly subscribed: readonly string[];
  readonly denied: readonly unknown[];
}

/** A message that must come, at its place: behind all up to `head`, ahead of the rest. */
export interface Placed {
  readonly head: number;
  readonly what: object;
}

/** Holds what one connection is told against the model. */
export class Judge {
  /** Nothing but errors may come any more. */
  banned = false;
  connected = false;
  fault: unknown = null;
  entry: Entry | null = null;
  readonly placed: Placed[] = [];
  /** `code ref` of the errors that must come. */
  readonly errors: string[] = [];
  /** Every cursor that it was told, oldest first. */
  readonly cursors: string[] = [];
  readonly #pod: PodView;
  readonly #ledger: Ledger;
  readonly #published: readonly Publication[];
  readonly #story: string[] = [];
  /** Up to here all that it was owed is known to have been sent. */
  #at = 0;
  /** It stands here or further. */
  #low = 0;
  /** Where the last event that it got stands: no cursor after that may name an earlier place. */
  #got = 0;
  #base: Mark | null = null;
  #lastEventId: string | null = null;

  constructor(pod: PodView, ledger: Ledger, published: readonly Publication[]) {
    this.#pod = pod;
    this.#ledger = ledger;
    this.#published = published;
  }

  /** What a cursor says on this pod, as far as is known by now. */
  find(cursor: string | null): Mark | null {
    return cursor === null ? null : this.#ledger.find(cursor, this.#pod.order);
  }

  /** Whoever writes catches what is thrown, so the first fault is kept. */
  read(message: ServerMessage): void {
    this.#story.push(describeMessage(message));
    try {
      this.#within(() => this.#judge(message));
    } catch (error) {
      this.fault ??= error;
    }
  }

  /** It has taken all there is and nobody has anything to do: nothing may be missing. */
  settled(): void {
    this.#within(() => {
      assert.equal(this.connected, this.entry !== null, 'it was let in and has been told so');
      assert.deepEqual(this.placed, [], 'messages never came');
      assert.deepEqual(this.errors, [], 'errors never came');
      if (this.connected) this.#passTo(this.#pod.order.head);
    });
  }

  #within(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (error instanceof Error) error.message += `\nit was told: ${this.#story.slice(-25).join(', ')}`;
      throw error;
    }
  }

  #judge(message: ServerMessage): void {
    if (this.#story.length === 1) {
      assert.equal(message.event, 'hello', 'hello comes first');
      return;
    }
    if (message.type === 'error') {
      this.#error(message);
      return;
    }
    if (message.type === 'system' && message.event === 'connected') {
      this.#connect(message);
      return;
    }
    assert.ok(!this.banned, 'nothing but the reason follows once it is to be closed');
    assert.ok(this.connected, 'nothing comes before it is let in');
    if (message.type === 'event') this.#event(message);
    else if (message.type === 'reply')
      this.#take(message, ['type', 'ref', 'subscribed', 'unsubscribed', 'denied']);
    else if (message.event === 'stale') this.#take(message, ['event', 'stale']);
    else if (message.event === 'resync') this.#resync(message);
    if (message.type === 'reply' || message.event === 'ping')
      assert.equal(message.lastEventId, this.#lastEventId, 'lastEventId is that of the last event sent');
    if (message.cursor !== undefined && message.type !== 'event') this.#claim(message.cursor, this.#low);
  }

  #error({ code, ref }: ServerMessage): void {
    const index = this.errors.indexOf(`${code} ${ref}`);
    if (index >= 0) this.errors.splice(index, 1);
    else
      assert.ok(['auth_timeout', 'access_denied', 'over_capacity'].includes(code ?? ''), `an error ${code}`);
  }

  #connect(message: ServerMessage): void {
    const { entry } = this;
    assert.ok(entry !== null && !this.connected, 'it is let in once, with a good token');
    const { person, presented } = entry;
    this.connected = true;
    assert.deepEqual(
      [message.user, message.tenant, message.subscribed, message.denied, message.lastEventId, message.stale],
      [person.user, person.tenant, entry.subscribed, entry.denied, null, this.#pod.lost],
    );
    const { stands, mark } = entry;
    const { order, reads } = this.#pod;
    const here = mark?.order === order;
    const sameEpoch = here && mark.epoch?.boundary === entry.boundary;
    if (presented === null) assert.equal(message.resume, 'new');
    else if (mark === null) assert.equal(message.reason, 'unknown_position', 'no cursor of ours');
    else if (stands === 'ahead') assert.equal(message.reason, 'unknown_position', 'the pod never got there');
    else if (stands === 'unknown') assert.equal(message.resume, 'resync', 'that message is not known here');
    else if (typeof stands === 'number') {
      if (this.#pod.roomy) assert.equal(message.resume, 'resumed', 'the pod has all from there on');
    } else if (here && mark.head < entry.boundary && reads === 'queue')
      assert.equal(message.reason, 'feed_gap', 'that epoch is over');
    else if (here && !sameEpoch) assert.equal(message.resume, 'resync', 'that epoch is over');
    else if (here && this.#pod.roomy) assert.equal(message.resume, 'resumed', 'nothing was lost since');
    if (message.resume !== 'resumed' || mark === null) {
      this.#at = this.#low = entry.head;
      this.#claim(message.cursor, entry.head);
      return;
    }
    assert.equal(message.cursor, presented);
    const epoch = order.epochs.find(({ boundary }) => boundary === entry.boundary);
    const base =
      typeof stands === 'number'
        ? { order, epoch, head: order.head, low: stands, high: stands, base: mark }
        : mark;
    person.start.after = sameEpoch || base !== mark ? base.low : entry.boundary;
    person.start.known = base;
    // What the pod never took, because it came before this epoch, mustn't be missing.
    for (const one of here ? [] : this.#published.slice(0, epoch?.published)) {
      const isLost = one.expiresAt > this.#pod.clock.wall() && person.begins(one) && !spans(mark, one, false);
      assert.ok(!isLost, `${one.id} came before the epoch and was lost silently: ${JSON.stringify(one)}`);
    }
    this.#base = base;
    this.#at = this.#low = person.start.after;
    this.cursors.push(message.cursor ?? '');
  }

  #event(message: ServerMessage): void {
    const { order, clock } = this.#pod;
    const same = [...order.slots.entries()].filter(
      ([i, one]) => i >= this.#at && one !== null && isSame(one, message),
    );
    // Published twice to the same tenant, the first had left the log by the time of the second, which would have been
    // dropped otherwise. In two tenants' logs, both may stand; then its cursor tells, or what is due.
    const inLog = same.filter(
      ([i, one]) => !same.some(([j, later]) => j > i && scopeOf(later) === scopeOf(one)),
    );
    const named = inLog.length > 1 ? this.#pod.sequenceOf(message.cursor ?? '') : null;
    const [index = -1] =
      inLog.find(([i]) => i + 1 === named) ??
      inLog.find(
        ([i, one]) => one !== null && one.expiresAt > clock.wall() && this.#due(one, i + 1) !== 'no',
      ) ??
      inLog[0] ??
      [];
    const position = index + 1;
    assert.ok(position > 0, `${message.id} is out of order, comes twice, or was never published`);
    const one = order.slots[position - 1];
    assert.ok(one !== null && one !== undefined);
    assert.notEqual(
      this.#due(one, position),
      'no',
      `${message.id} (${position}) leaked: ${JSON.stringify(one)}`,
    );
    assert.ok(one.expiresAt > clock.wall(), `${message.id} has expired`);
    this.#passTo(position - 1);
    assert.ok((this.placed[0]?.head ?? Infinity) >= position, `${message.id} overtook a message`);
    assert.ok(!('users' in message), 'nobody learns who else got it');
    this.#at = this.#low = this.#got = position;
    this.#lastEventId = one.id;
    this.#claim(message.cursor, position, position);
    this.#namesItself(message.cursor ?? '', position);
  }

  /** In a stream, an event's cursor names its own message, so that it means the same everywhere. */
  #namesItself(cursor: string, position: number): void {
    const { order, reads } = this.#pod;
    const goesByTime = this.#base !== null && this.#base.order !== order;
    if (reads === 'queue' || goesByTime || position < (order.epochs.at(-1)?.boundary ?? 0)) return;
    assert.equal(this.#pod.standing(cursor), position, 'its cursor names another message');
  }

  #take(message: ServerMessage, fields: readonly (keyof ServerMessage)[]): void {
    const next = this.placed.shift();
    const what = Object.fromEntries(fields.map(field => [field, sorted(message[field])]));
    assert.deepEqual(what, next?.what, 'this is not what should come next');
    const head = next?.head ?? 0;
    this.#passTo(head);
    this.#low = Math.max(this.#low, head);
  }

  #resync({ reason, delayMs, lastEventId }: ServerMessage): void {
    const { order, clock, roomy, taken } = this.#pod;
    const { entry } = this;
    assert.ok(delayMs !== undefined && delayMs >= 0 && lastEventId === null);
    this.#lastEventId = null;
    if (reason === 'evicted') {
      assert.ok(!roomy, 'nothing was evicted');
      const isSame = order.head === entry?.head && taken === entry.taken;
      const isNews = !isSame || clock.monotonic() !== entry.time;
      assert.ok(isNews, 'it was told that nothing is missing when something was already');
      this.#at = this.#low = order.head;
      return;
    }
    assert.equal(reason, 'feed_gap');
    const gap = order.epochs.find(({ boundary }) => boundary > this.#at)?.boundary;
    assert.ok(gap !== undefined, 'there was no gap');
    this.#passTo(gap - 1);
    assert.ok((this.placed[0]?.head ?? Infinity) >= gap, 'a resync overtook a message');
    this.#at = this.#low = order.epochs.at(-1)?.boundary ?? 0;
  }

  /** Everything up to there that was owed must have come, or be past. */
  #passTo(position: number): void {
    const { order } = this.#pod;
    for (; this.#at < position; this.#at++) {
      const one = order.slots[this.#at];
      assert.ok(one !== null, 'went on behind a gap in the feed without a resync');
      if (one === undefined || !this.#isOwed(one, this.#at + 1)) continue;
      assert.fail(`${one.id} (${this.#at + 1}) was lost silently: ${JSON.stringify(one)}`);
    }
  }

  #due(one: Publication, position: number) {
    return this.entry?.person.due(one, position) ?? 'no';
  }

  /** It may say that all up to `low` is there, and not more than really is. */
  #claim(cursor: string | undefined, low: number, high = this.#sentUpTo()): void {
    assert.ok(cursor !== undefined);
    this.cursors.push(cursor);
    // While it catches up on another pod, the cursor that it came with is repeated.
    if (cursor === this.entry?.presented && this.#base !== null && this.#base.order !== this.#pod.order)
      return;
    // Between two proofs of coverage it names the same place, so that nobody sees what others get: an earlier one than
    // it could, with nothing in between that this connection is owed.
    const named = this.#pod.sequenceOf(cursor) ?? low;
    assert.ok(named >= this.#got, `the cursor names ${named}, but ${this.#got} was sent already`);
    assert.ok(
      named <= Math.max(low, high),
      `the cursor names ${named}, but only up to ${high} all has been sent`,
    );
    const place = Math.min(low, named);
    this.#ledger.claim(cursor, this.#pod.order, place, high, this.#base);
    this.#claimTime(this.#pod.timeIn(cursor));
  }

  #claimTime(until: number): void {
    const { order, clock } = this.#pod;
    const begin = clock.wall() - clock.monotonic();
    for (let i = this.#at; i < order.head; i++) {
      const one = order.slots[i];
      if (!one || begin + one.at >= until || !this.#isOwed(one, i + 1)) continue;
      assert.fail(
        `the cursor is for all until ${until - begin} ms, but ${one.id} of ${one.at} ms is still owed`,
      );
    }
  }

  /** The last place before something that it is owed and hasn't got. */
  #sentUpTo(): number {
    const { order } = this.#pod;
    for (let i = this.#at; i < order.head; i++) {
      const one = order.slots[i];
      if (one === null || (one !== undefined && this.#isOwed(one, i + 1))) return i;
    }
    return order.head;
  }

  #isOwed(one: Publication, position: number): boolean {
    return one.expiresAt > this.#pod.clock.wall() && this.#due(one, position) === 'must';
  }
}

/** Which order the subscriptions that ended come in is nobody's business. */
function sorted(value: unknown): unknown {
  return Array.isArray(value) && value.every(one => typeof one === 'string') ? [...value].sort() : value;
}

function isSame(one: Publication, { id, data }: ServerMessage): boolean {
  return one.id === id && typeof data === 'object' && data !== null && 'n' in data && data.n === one.content;
}

const scopeOf = (one: Publication | null): string =>
  one === null || one.audience.kind === 'all' ? '' : `of ${one.audience.tenant}`;
