import type { ResyncReason } from '../protocol/messages.js';
import type { CursorCodec } from './cursor.js';
import { Emptied } from './emptied.js';
import { planFrame, sameContent, writeFrame, type EntryAudience } from './entry.js';
import type { Audience, Event } from './event.js';
import { Heap } from './heap.js';
import { collect, type Reader, type Run, type RunLimits } from './reader.js';
import { Ring } from './ring.js';
import { Timeline } from './timeline.js';

export interface LogLimits {
  /** Memory for frames and indexes together. */
  readonly maxBytes: number;
  readonly maxEvents: number;
  readonly maxAgeMs: number;
  /** How far a position of another pod is taken back, in ms. */
  readonly resumeOverlapMs: number;
}

/** Both clocks at one moment. */
export interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

/** `conflict`: an id that is still in the log, with other content. Only `appended` changes anything. */
export type Appended = 'appended' | 'duplicate' | 'conflict' | 'expired';

/** Where a client's cursor stands in this log. */
export type Located =
  | {
      readonly kind: 'at';
      readonly sequence: number;
      /** What the cursor says itself, for as long as the client stands at it. */
      readonly coveredUntil: number;
      /** From another pod: until this sequence number is passed, the presented cursor is the client's position. */
      readonly overlapUntil: number | null;
    }
  | { readonly kind: 'lost'; readonly reason: ResyncReason };

/** Publishers' interleaving differs per queue; measured up to 172 places, so a resume elsewhere goes back at least this many. */
const OVERLAP_POSITIONS = 1000;
/**
 * But not further back than this (or three times the overlap in time): in a quiet log 1,000 positions are all of its
 * history, and disorder is a matter of time: the 172 places took 41 ms.
 */
const OVERLAP_AT_MOST_MS = 30_000;
const OVERLAP_TIMES = 3;
/** How far another pod may be ahead of this one: clocks differ, and proof of coverage comes once a second. */
const AHEAD_MS = 5000;
/** Too old entries dropped per append at most: about 0.4 ms. Dropping 100,000 at once would block for 30–40 ms. */
const EVICTIONS_PER_STEP = 1024;
/** From here on it counts as full. */
const FILLING_SHARE = 0.75;
/** The share of the budget that may go to what is known of tenants without events. */
const EMPTIED_SHARE = 1 / 16;
const PAST_EPOCHS = 64;

/**
 * The bounded log: every event once, as the bytes that browsers get, under one sequence and one budget.
 *
 * A position in it is a sequence number: "complete up to and including". Within an epoch nothing is missing between
 * two positions but what `evictedUpTo` admits; an epoch begins when the feed can't prove that.
 */
export class EventLog {
  readonly #limits: LogLimits;
  readonly #codec: CursorCodec;
  readonly #newEpochId: () => number;
  readonly #all = new Ring(null, 0);
  readonly #rings = new Map<string, Ring>();
  readonly #emptied: Emptied;
  readonly #largest: Heap<Ring>;
  readonly #oldest: Heap<Ring>;
  readonly #pastEpochs = new Set<number>();
  #bytes = 0;
  #count = 0;
  #head = 0;
  #boundaries: number[] = [];
  #epoch = 0;
  #timeline = new Timeline(Infinity, 0);
  #coveredUntil = 0;
  #coveredHead = 0;

  constructor(limits: LogLimits, codec: CursorCodec, newEpochId: () => number) {
    this.#limits = limits;
    this.#codec = codec;
    this.#newEpochId = newEpochId;
    this.#emptied = new Emptied(limits.maxBytes * EMPTIED_SHARE);
    const share = (ring: Ring) => ring.bytes / limits.maxBytes + ring.entries.length / limits.maxEvents;
    const age = (ring: Ring) => ring.entries.first()?.receivedAt ?? Infinity;
    this.#largest = new Heap(
      (a, b) => share(a) > share(b),
      ring => ring.byShare,
    );
    this.#oldest = new Heap(
      (a, b) => age(a) < age(b),
      ring => ring.byAge,
    );
  }

  /** Sequence number of the newest event or epoch boundary. */
  get head(): number {
    return this.#head;
  }

  /** Sequence number of the newest epoch boundary: who stands before it must resync before going on. */
  get boundary(): number {
    return this.#boundaries.at(-1) ?? 0;
  }

  /** The first epoch boundary after a position; Infinity: none. A reader that reaches it has to resync there. */
  boundaryAfter(position: number): number {
    if (position >= this.boundary) return Infinity;
    return this.#boundaries.find(boundary => boundary > position) ?? Infinity;
  }

  /** Wall clock, ms: everything that reached the broker by then is in the log. */
  get coveredUntil(): number {
    return this.#coveredUntil;
  }

  /**
   * Where the head was when coverage was last proven: what a cursor names for whoever is owed nothing. The head itself
   * would tell every client, by two pings, whether anybody had an event in between.
   */
  get coveredHead(): number {
    return this.#coveredHead;
  }

  /** Who stands before this position, in a log that is full, has used up a quarter of it; 0: there is room left. */
  get endangeredBefore(): number {
    const { maxEvents, maxBytes } = this.#limits;
    const isFilling = this.#count > maxEvents * FILLING_SHARE || this.size.bytes > maxBytes * FILLING_SHARE;
    return isFilling ? this.#head - this.#count / 4 : 0;
  }

  get size(): { events: number; bytes: number; tenants: number } {
    return { events: this.#count, bytes: this.#bytes + this.#emptied.bytes, tenants: this.#rings.size };
  }

  /** An unbroken stretch of the feed begins here. */
  beginEpoch(now: Moment): void {
    if (this.#epoch !== 0) {
      this.#pastEpochs.add(this.#epoch);
      const [first] = this.#pastEpochs;
      if (this.#pastEpochs.size > PAST_EPOCHS && first !== undefined) this.#pastEpochs.delete(first);
    }
    this.#epoch = this.#newEpochId();
    this.#head++;
    this.#boundaries.push(this.#head);
    if (this.#boundaries.length > PAST_EPOCHS) {
      this.#all.evictedUpTo = Math.max(this.#all.evictedUpTo, this.#boundaries.shift() ?? 0);
    }
    this.#timeline = new Timeline(now.wall, this.#head);
    this.#coveredUntil = now.wall;
    this.#coveredHead = this.#head;
  }

  /** The feed has proof that everything that reached the broker before `until` (wall clock, ms) has been appended. */
  cover(until: number): void {
    this.#coveredUntil = until;
    this.#coveredHead = this.#head;
  }

  append(event: Event, now: Moment): Appended {
    if (event.expiresAt !== null && event.expiresAt <= now.wall) return 'expired';
    const parts = planFrame(event);
    const known = this.#ringOf(event.audience)?.find(event.id);
    if (known !== undefined) return sameContent(known, event, parts) ? 'duplicate' : 'conflict';

    this.#timeline.note(now.wall, this.#head);
    const ring = this.#ringFor(event.audience);
    const before = ring.bytes;
    const sequence = ++this.#head;
    const { slab, start } = ring.slabs.reserve(parts.length);
    writeFrame(slab.bytes, start, parts, this.cursorAt(sequence, this.#coveredUntil));
    ring.push({
      sequence,
      id: event.id,
      audience: withSets(event.audience, ring.tenant),
      expiresAt: event.expiresAt === null ? Infinity : now.monotonic + event.expiresAt - now.wall,
      receivedAt: now.monotonic,
      coveredUntil: this.#coveredUntil,
      slab,
      start,
      end: start + parts.length,
    });
    this.#count++;
    this.#bytes += ring.bytes - before;
    this.#rank(ring);
    this.#evict(now.monotonic);
    return 'appended';
  }

  /** To be called about once a second: lets old entries go when nothing is appended, and keeps the time line. */
  tick(now: Moment): void {
    this.#timeline.note(now.wall, this.#head);
    this.#evict(now.monotonic);
  }

  /** Everything up to here may be missing for a reader of that tenant. */
  evictedUpTo(tenant: string): number {
    const own = this.#rings.get(tenant)?.evictedUpTo ?? this.#emptied.evictedUpTo(tenant);
    return Math.max(own, this.#all.evictedUpTo);
  }

  read(reader: Reader, range: { from: number; to: number }, limits: RunLimits, now: Moment): Run {
    return collect([this.#rings.get(reader.tenant), this.#all], reader, range, limits, now.monotonic);
  }

  cursorAt(sequence: number, coveredUntil: number): string {
    return this.#codec.seal({ epoch: this.#epoch, sequence, coveredUntil });
  }

  /** Finds a cursor of this pod exactly, one of another pod by the time that it names, with overlap. */
  locate(cursor: string, tenant: string): Located {
    const position = this.#codec.open(cursor);
    if (position === null) return { kind: 'lost', reason: 'unknown_position' };
    const evicted = this.evictedUpTo(tenant);

    if (position.epoch === this.#epoch) {
      if (position.sequence > this.#head || position.sequence < this.boundary)
        return { kind: 'lost', reason: 'unknown_position' };
      if (position.sequence < evicted) return { kind: 'lost', reason: 'evicted' };
      return {
        kind: 'at',
        sequence: position.sequence,
        coveredUntil: position.coveredUntil,
        overlapUntil: null,
      };
    }
    if (this.#pastEpochs.has(position.epoch)) return { kind: 'lost', reason: 'feed_gap' };

    const from = this.#timeline.atOrBefore(position.coveredUntil - this.#limits.resumeOverlapMs);
    if (from === undefined || position.coveredUntil > this.#coveredUntil + AHEAD_MS) {
      return { kind: 'lost', reason: 'unknown_position' };
    }
    if (from < evicted) return { kind: 'lost', reason: 'evicted' };
    const there = this.#timeline.atOrBefore(position.coveredUntil) ?? from;
    // The overlap in positions is taken only as far as it is there, and not back to events that the client may never
    // have had: it adds safety to the one in time, no new way to fail.
    const atMost = Math.max(OVERLAP_AT_MOST_MS, OVERLAP_TIMES * this.#limits.resumeOverlapMs);
    const longAgo = this.#timeline.atOrBefore(position.coveredUntil - atMost);
    const further = Math.max(this.boundary, evicted, longAgo ?? 0, there - OVERLAP_POSITIONS);
    return {
      kind: 'at',
      sequence: Math.min(from, further),
      // Not later than this pod can tell itself: what is subscribed to here begins here.
      coveredUntil: Math.min(position.coveredUntil, this.#coveredUntil),
      overlapUntil: this.#timeline.after(position.coveredUntil) ?? this.#head,
    };
  }

  #ringOf(audience: Audience): Ring | undefined {
    return audience.kind === 'all' ? this.#all : this.#rings.get(audience.tenant);
  }

  #ringFor(audience: Audience): Ring {
    const known = this.#ringOf(audience);
    if (known !== undefined || audience.kind === 'all') return known ?? this.#all;
    const ring = new Ring(audience.tenant, this.#emptied.evictedUpTo(audience.tenant));
    this.#emptied.remove(audience.tenant);
    this.#rings.set(audience.tenant, ring);
    return ring;
  }

  #rank(ring: Ring): void {
    if (ring.byShare.index < 0) {
      this.#largest.add(ring);
      this.#oldest.add(ring);
      return;
    }
    this.#largest.update(ring);
    this.#oldest.update(ring);
  }

  #evict(monotonic: number): void {
    // Over budget there is no limit: one event may take the place of thousands, and the next one would come on top.
    for (let step = 0; step < EVICTIONS_PER_STEP || this.#isOver(); step++) {
      const ring = this.#nextToShorten(monotonic);
      const entry = ring?.entries.first();
      if (ring === undefined || entry === undefined) return;
      const before = ring.bytes;
      ring.evict(entry.expiresAt > monotonic);
      this.#count--;
      this.#bytes += ring.bytes - before;
      if (ring.entries.length > 0) this.#rank(ring);
      else this.#letGo(ring);
    }
  }

  /** Whoever has too old an entry; over budget, whoever holds most. */
  #nextToShorten(monotonic: number): Ring | undefined {
    const oldest = this.#oldest.peek();
    const first = oldest?.entries.first();
    if (first !== undefined && monotonic - first.receivedAt >= this.#limits.maxAgeMs) return oldest;
    return this.#isOver() ? this.#largest.peek() : undefined;
  }

  #isOver(): boolean {
    return this.#bytes + this.#emptied.bytes > this.#limits.maxBytes || this.#count > this.#limits.maxEvents;
  }

  #letGo(ring: Ring): void {
    this.#largest.remove(ring);
    this.#oldest.remove(ring);
    if (ring.tenant === null) return;
    this.#rings.delete(ring.tenant);
    this.#emptied.add(ring.tenant, ring.evictedUpTo);
  }
}

const NOBODY: ReadonlySet<string> = new Set();
const asSet = (names: readonly string[]) => (names.length === 0 ? NOBODY : new Set(names));

/** The ring's own string names the tenant: each event brings a copy of it, up to 255 bytes that nobody would count. */
function withSets(audience: Audience, ringTenant: string | null): EntryAudience {
  if (audience.kind === 'all') return audience;
  const tenant = ringTenant ?? audience.tenant;
  if (audience.kind === 'tenant') return { kind: 'tenant', tenant };
  return { kind: 'some', tenant, users: asSet(audience.users), topics: asSet(audience.topics) };
}
