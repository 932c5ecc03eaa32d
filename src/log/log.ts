import type { CursorBatch, CursorCodec } from './cursor.js';
import { Emptied } from './emptied.js';
import { isExpired, planFrame, sameContent, writeFrame } from './entry.js';
import type { Audience, Event } from './event.js';
import { Heap } from './heap.js';
import { hashOf } from './ids.js';
import type { StreamPlace } from './places.js';
import { type Located, type Moment, Positions } from './positions.js';
import { collect, type Reader, type Run, type RunLimits } from './reader.js';
import { Ring } from './ring.js';

export type { Located, Moment };

export interface LogLimits {
  /** Memory for frames and indexes together. */
  readonly maxBytes: number;
  readonly maxEvents: number;
  readonly maxAgeMs: number;
  /** How far a position of another pod is taken back, in ms. */
  readonly resumeOverlapMs: number;
}

/** `conflict`: an id that is still in the log, with other content. Only `appended` is anybody's business. */
export type Appended = 'appended' | 'duplicate' | 'conflict' | 'expired';

/** Too old entries dropped per append at most: about 0.4 ms. Dropping 100,000 at once would block for 30–40 ms. */
const EVICTIONS_PER_STEP = 1024;
/** From here on it counts as full. */
const FILLING_SHARE = 0.75;
/** A frame that doesn't wait for its cursor: it would keep its block in memory, although the log may have let it go. */
const LARGE = 4096;
/** The share of the budget that may go to what is known of tenants without events. */
const EMPTIED_SHARE = 1 / 16;
/** The share of the budget that may go to the places of a stream: 262,144 of them by default. */
const PLACES_SHARE = 1 / 16;
/** What a log of the past may hold, as a share of this one's budget and on top of it. */
const PAST_SHARE = 1 / 4;

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
  readonly #positions: Positions;
  /** Of frames that nobody has read yet. */
  readonly #cursors: CursorBatch;
  readonly #all: Ring;
  readonly #rings = new Map<string, Ring>();
  readonly #emptied: Emptied;
  readonly #largest: Heap<Ring>;
  readonly #oldest: Heap<Ring>;
  #bytes = 0;
  #count = 0;

  constructor(limits: LogLimits, codec: CursorCodec, newEpochId: () => number) {
    this.#limits = limits;
    this.#codec = codec;
    this.#newEpochId = newEpochId;
    this.#positions = new Positions(
      codec,
      newEpochId,
      limits.resumeOverlapMs,
      limits.maxBytes * PLACES_SHARE,
    );
    this.#cursors = codec.batch();
    this.#all = new Ring(null, 0);
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

  /** Sequence number of the newest event or epoch boundary; with a stream, of its newest message, event or not. */
  get head(): number {
    return this.#positions.head;
  }

  /** Sequence number of the newest epoch boundary: who stands before it must resync before going on. */
  get boundary(): number {
    return this.#positions.boundary;
  }

  /** The first epoch boundary after a position; Infinity: none. A reader that reaches it has to resync there. */
  boundaryAfter(position: number): number {
    return this.#positions.boundaryAfter(position);
  }

  /** Wall clock, ms: everything that reached the broker by then is in the log; 0: nothing is proven yet. */
  get coveredUntil(): number {
    return this.#positions.coveredUntil;
  }

  /**
   * Where the head was when coverage was last proven: what a cursor names for whoever is owed nothing. The head itself
   * would tell every client, by two pings, whether anybody had an event in between.
   */
  get coveredHead(): number {
    return this.#positions.coveredHead;
  }

  /** Wall clock, ms: when the feed last proved something, or when it began if it hasn't yet. */
  get provenAt(): number {
    return this.#positions.provenAt;
  }

  /** Who stands before this position has used up a quarter of what a full log still holds; 0: there is room left. */
  get endangeredBefore(): number {
    const { maxEvents, maxBytes } = this.#limits;
    const isFilling = this.#count > maxEvents * FILLING_SHARE || this.#held > maxBytes * FILLING_SHARE;
    const next = this.#largest.peek()?.entries.first();
    return isFilling && next !== undefined ? this.head - (this.head - next.sequence) / 4 : 0;
  }

  get size(): { events: number; bytes: number; tenants: number } {
    return { events: this.#count, bytes: this.#held, tenants: this.#rings.size };
  }

  /** An unbroken stretch of the feed begins here. `at`: the place in the stream that it begins behind, if known. */
  beginEpoch(now: Moment, at: StreamPlace | null = null): void {
    const forgotten = this.#positions.begin(now, at);
    this.#all.evictedUpTo = Math.max(this.#all.evictedUpTo, forgotten);
  }

  /**
   * The feed has proof that everything that reached the broker before `until` (wall clock, ms) has been appended.
   *
   * @param reached as far as this pod's own part of the broker goes: see `FeedSink`
   */
  cover(until: number, reached: number): void {
    this.#positions.cover(until, reached);
  }

  /** A message of the stream that is no event: the position moves on past it. */
  pass(place: StreamPlace, now: Moment): void {
    this.#positions.advance(place);
    this.#evict(now.monotonic);
  }

  /** `place`: where it stands, if it is from a stream. What isn't appended is passed. */
  append(event: Event, now: Moment, place: StreamPlace | null = null): Appended {
    if (event.expiresAt !== null && event.expiresAt <= now.wall) return this.#drop('expired', place, now);
    const parts = planFrame(event);
    const idHash = hashOf(event.id, this.#codec.seed);
    const known = this.#ringOf(event.audience)?.find(event.id, idHash);
    if (known !== undefined) {
      return this.#drop(sameContent(known, event, parts) ? 'duplicate' : 'conflict', place, now);
    }

    this.#positions.note(now);
    const sequence = this.#positions.advance(place);
    const { coverage } = this.#positions;
    const ring = this.#ringFor(event.audience);
    const before = ring.bytes;
    const { slab, start } = ring.slabs.reserve(parts.length);
    const cursorAt = writeFrame(slab.bytes, start, parts);
    this.#cursors.add(this.#positions.positionAt(sequence, coverage.until), slab.bytes, cursorAt);
    if (parts.length > LARGE) this.#cursors.seal();
    ring.push({
      sequence,
      id: event.id,
      idHash,
      audience: ring.audienceOf(event.audience),
      expiresAt: event.expiresAt === null ? null : now.monotonic + event.expiresAt - now.wall,
      // Whole, V8 keeps it in the entry itself, for the first 24 days of the process.
      receivedAt: Math.floor(now.monotonic),
      coverage,
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
    this.#positions.note(now);
    // Lets go of slabs whose entries are gone.
    this.#cursors.seal();
    this.#evict(now.monotonic);
  }

  /** Everything up to here may be missing for a reader of that tenant. */
  evictedUpTo(tenant: string): number {
    const own = this.#rings.get(tenant)?.evictedUpTo ?? this.#emptied.evictedUpTo(tenant);
    return Math.max(own, this.#all.evictedUpTo);
  }

  /** `now`: monotonic, ms. */
  read(reader: Reader, range: { from: number; to: number }, limits: RunLimits, now: number): Run {
    this.#cursors.seal();
    return collect(this.#rings.get(reader.tenant), this.#all, reader, range, limits, now);
  }

  cursorAt(sequence: number, coveredUntil: number): string {
    return this.#positions.cursorAt(sequence, coveredUntil);
  }

  /** Finds a cursor of this pod, or of the stream that this pod reads, exactly; any other by its time, with overlap. */
  locate(cursor: string, tenant: string): Located {
    return this.#positions.locate(cursor, this.evictedUpTo(tenant));
  }

  /** Whether a place in the stream that was `ahead` isn't any more. */
  hasReached(offset: number): boolean {
    return this.#positions.hasReached(offset);
  }

  /**
   * A log of its own for what lies before this one in the stream, in the numbers of this one's epoch, so that readers
   * can change from it to this one. It begins behind `at`; nothing in it is too old.
   */
  openPast(at: StreamPlace, now: Moment): EventLog {
    const { maxBytes, resumeOverlapMs } = this.#limits;
    const limits = {
      maxBytes: maxBytes * PAST_SHARE,
      maxEvents: Infinity,
      maxAgeMs: Infinity,
      resumeOverlapMs,
    };
    const past = new EventLog(limits, this.#codec, this.#newEpochId);
    past.#positions.beginWithin(this.#positions, at, now);
    return past;
  }

  /** Whether at a position of its past both have the same message. */
  agreesOn(position: number, past: EventLog): boolean {
    return this.#positions.agreesOn(position, past.#positions);
  }

  /** Whether a reader of that tenant can go on here, from where it stands in the past, and miss nothing. */
  takesOver(position: number, tenant: string, past: EventLog): boolean {
    return position >= this.evictedUpTo(tenant) && this.agreesOn(position, past);
  }

  #drop(why: Exclude<Appended, 'appended'>, place: StreamPlace | null, now: Moment): Appended {
    if (place !== null) this.pass(place, now);
    return why;
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
      ring.evict(!isExpired(entry, monotonic));
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

  get #held(): number {
    return this.#bytes + this.#emptied.bytes + this.#positions.bytes;
  }

  #isOver(): boolean {
    return this.#held > this.#limits.maxBytes || this.#count > this.#limits.maxEvents;
  }

  #letGo(ring: Ring): void {
    this.#largest.remove(ring);
    this.#oldest.remove(ring);
    if (ring.tenant === null) return;
    this.#rings.delete(ring.tenant);
    this.#emptied.add(ring.tenant, ring.evictedUpTo);
  }
}
