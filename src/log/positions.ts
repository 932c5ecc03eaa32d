import type { ResyncReason } from '../protocol/messages.js';
import { type CursorCodec, LAST_PLACE, type Position, type StreamPosition } from './cursor.js';
import type { Coverage } from './entry.js';
import { Places, type StreamPlace } from './places.js';
import { Timeline } from './timeline.js';

/** Both clocks at one moment. */
export interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

/** Where a client's cursor stands in this log. */
export type Located =
  | {
      readonly kind: 'at';
      readonly sequence: number;
      /** What the cursor says itself, for as long as the client stands at it. */
      readonly coveredUntil: number;
      /** By time: until this sequence number is passed, the presented cursor is the client's position. */
      readonly overlapUntil: number | null;
    }
  /**
   * A place in the stream that this pod hasn't reached. Whoever asks again once it `hasReached` it gets an answer.
   * `mayCome`: as far as is proven, this pod is behind in time. Else the place is one of another stream.
   */
  | { readonly kind: 'ahead'; readonly offset: number; readonly mayCome: boolean }
  /**
   * A place in the stream behind which this log hasn't all that the tenant is owed, though the stream may have it,
   * without a gap as far as this pod knows.
   */
  | { readonly kind: 'older'; readonly place: StreamPlace }
  | { readonly kind: 'lost'; readonly reason: ResyncReason };

/** Publishers' interleaving differs per queue; measured up to 172 places, so a resume elsewhere goes back at least this many. */
const OVERLAP_POSITIONS = 1000;
/**
 * But not further back than this (or three times the overlap in time): in a quiet log 1,000 positions are all of its
 * history, and disorder is a matter of time: the 172 places took 41 ms.
 */
const OVERLAP_AT_MOST_MS = 30_000;
const OVERLAP_TIMES = 3;
/**
 * How far another pod may be ahead of what reached this one: clocks differ, and proof of coverage comes once a second.
 * Not of what this one may claim itself: while marks are held up on the way to it, a pod that hears them all is ahead.
 */
const AHEAD_MS = 5000;
/** An event's cursor names a time before it, by as much as proofs of coverage are apart; and clocks differ. */
const CERTAIN_MS = 5000;
/** A feed that stands still for longer than this may have lost the stream as well. */
const STALLED_AT_MOST_MS = 600_000;
const PAST_EPOCHS = 64;
/** What an epoch covers until its feed has proven something: no cursor that names it can be placed by its time. */
const NOTHING = 0;
const NOTHING_COVERED: Coverage = { until: NOTHING };

/**
 * Offsets up to here are made room for below the first number. A pod's own cursors have room for as many numbers again:
 * at 10,000 messages a second it would have to run for 1.7 years.
 */
const ROOM = LAST_PLACE / 2;

const roomBefore = (place: StreamPlace | null): number =>
  place !== null && place.offset <= ROOM ? place.offset : 0;

const lost = (reason: ResyncReason): Located => ({ kind: 'lost', reason });

/**
 * Where the log stands and what its cursors mean: sequence numbers, epochs, coverage.
 *
 * Of a stream, sequence numbers are offsets moved by a constant that changes with the epoch only. So they rise over
 * epochs as they do without a stream, but have holes where offsets have; nobody may count on the next being one more.
 * Mostly it isn't negative: what lies before the first message that was taken has its numbers too.
 */
export class Positions {
  readonly #codec: CursorCodec;
  readonly #newEpochId: () => number;
  readonly #overlapMs: number;
  readonly #pastEpochs = new Set<number>();
  readonly #places: Places;
  #head = 0;
  #boundaries: number[] = [];
  #epoch = 0;
  #timeline = new Timeline(Infinity, 0);
  #coverage: Coverage = NOTHING_COVERED;
  #coveredHead = 0;
  /** Never earlier than `coveredUntil`. */
  #reachedUntil = NOTHING;
  /** Has had a message of a stream, in whatever epoch: places in it can be compared, if need be once it has read on. */
  #readsStream = false;
  /** Of this epoch: what an offset and its sequence number differ by. */
  #base = 0;
  /** The first offset from which on the stream has no gap that this pod knows of. */
  #unbrokenFrom = 0;

  constructor(codec: CursorCodec, newEpochId: () => number, overlapMs: number, maxBytes: number) {
    this.#codec = codec;
    this.#newEpochId = newEpochId;
    this.#overlapMs = overlapMs;
    this.#places = new Places(maxBytes);
  }

  /** Memory held. */
  get bytes(): number {
    return this.#places.bytes;
  }

  get head(): number {
    return this.#head;
  }

  get boundary(): number {
    return this.#boundaries.at(-1) ?? 0;
  }

  boundaryAfter(position: number): number {
    if (position >= this.boundary) return Infinity;
    return this.#boundaries.find(boundary => boundary > position) ?? Infinity;
  }

  get coveredUntil(): number {
    return this.#coverage.until;
  }

  get coverage(): Coverage {
    return this.#coverage;
  }

  get coveredHead(): number {
    return this.#coveredHead;
  }

  /** Wall clock, ms: when the feed last proved something, or when it began if it hasn't yet. */
  get provenAt(): number {
    return Math.max(this.coveredUntil, this.#timeline.startsAt);
  }

  /**
   * An epoch begins. Returns up to where boundaries have been forgotten: whoever stands before that can't be told
   * which gaps lie ahead of it.
   *
   * @param least the boundary's sequence number, unless it has to be larger
   */
  begin(now: Moment, at: StreamPlace | null, least = roomBefore(at) + 1): number {
    if (this.#epoch !== 0) {
      this.#pastEpochs.add(this.#epoch);
      const [first] = this.#pastEpochs;
      if (this.#pastEpochs.size > PAST_EPOCHS && first !== undefined) this.#pastEpochs.delete(first);
    }
    this.#epoch = this.#newEpochId();
    this.#head = Math.max(this.#head + 1, least);
    this.#boundaries.push(this.#head);
    this.#timeline = new Timeline(now.wall, this.#head);
    // Where it begins says nothing about what is on its way already: a stream is entered some time back.
    this.#coverage = NOTHING_COVERED;
    this.#reachedUntil = NOTHING;
    this.#coveredHead = this.#head;
    this.#places.clear();
    if (at !== null) this.#enterStream(at, this.#head);
    return this.#boundaries.length > PAST_EPOCHS ? (this.#boundaries.shift() ?? 0) : 0;
  }

  cover(until: number, reached: number): void {
    this.#coverage = { until };
    this.#reachedUntil = reached;
    this.#coveredHead = this.#head;
  }

  /** One message more, from a stream or not. Its sequence number, which is the head from now on. */
  advance(place: StreamPlace | null): number {
    if (place === null) return ++this.#head;
    if (this.#places.length === 0) {
      this.#enterStream(place, Math.max(this.#head, roomBefore(place)) + 1);
    } else {
      const { newest } = this.#places;
      if (place.offset <= newest) {
        throw new Error(`the feed handed over offset ${place.offset} after ${newest}; offsets must rise`);
      }
      this.#places.add(place);
    }
    return (this.#head = this.#base + place.offset);
  }

  /** Keeps the time line: the log stood at its head until just before this moment. */
  note(now: Moment): void {
    this.#timeline.note(now.wall, this.#head);
  }

  cursorAt(sequence: number, coveredUntil: number): string {
    return this.#codec.seal(this.positionAt(sequence, coveredUntil));
  }

  /** What a cursor that stands there says. */
  positionAt(sequence: number, coveredUntil: number): Position {
    // Complete up to a place without a message is complete up to the last message before it.
    const place = this.#places.atOrBefore(sequence - this.#base);
    if (place !== null && place.offset <= LAST_PLACE) {
      const { offset, digest } = place;
      return { kind: 'stream', offset, digest, coveredUntil };
    }
    return { kind: 'pod', epoch: this.#epoch, sequence, coveredUntil };
  }

  /** Begins behind that place of another log's epoch, with the number that it has there. */
  beginWithin(other: Positions, at: StreamPlace, now: Moment): void {
    this.begin(now, at, other.#base + at.offset);
  }

  /** Whether a number of the other log means the same message here. */
  agreesOn(sequence: number, other: Positions): boolean {
    if (this.#base !== other.#base) return false;
    const there = other.#places.atOrBefore(sequence - other.#base);
    if (there === null) return false;
    const here = this.#places.atOrBefore(there.offset);
    return here?.offset === there.offset && here.digest === there.digest;
  }

  /** Whether a place that was `ahead` isn't any more. */
  hasReached(offset: number): boolean {
    return offset <= this.#places.newest;
  }

  /** `evicted`: everything up to there may be missing for whoever asks. */
  locate(cursor: string, evicted: number): Located {
    const position = this.#codec.open(cursor);
    if (position === null) return lost('unknown_position');
    if (position.kind === 'stream') {
      return this.#readsStream
        ? this.#locateInStream(position, evicted)
        : this.#locateByTime(position.coveredUntil, evicted);
    }
    if (position.epoch === this.#epoch) {
      const { sequence, coveredUntil } = position;
      if (sequence > this.#head || sequence < this.boundary) return lost('unknown_position');
      if (sequence < evicted) return lost('evicted');
      return { kind: 'at', sequence, coveredUntil, overlapUntil: null };
    }
    if (this.#pastEpochs.has(position.epoch)) return lost('feed_gap');
    return this.#locateByTime(position.coveredUntil, evicted);
  }

  /** The first place of a stream in this epoch. */
  #enterStream(place: StreamPlace, sequence: number): void {
    this.#places.add(place);
    this.#readsStream = true;
    this.#base = sequence - place.offset;
    // What lies between two epochs may be missing in the stream too: the exchange was gone for a while.
    this.#unbrokenFrom = this.#pastEpochs.size === 0 && this.#base >= 0 ? 0 : place.offset;
  }

  /** Exactly, or not at all. */
  #locateInStream({ offset, digest, coveredUntil }: StreamPosition, evicted: number): Located {
    if (!this.hasReached(offset)) {
      return { kind: 'ahead', offset, mayCome: this.#mayCome(coveredUntil) };
    }
    if (offset < this.#unbrokenFrom) return lost('evicted');
    if (offset < this.#places.oldest) return { kind: 'older', place: { offset, digest } };
    const known = this.#places.atOrBefore(offset);
    if (known?.offset !== offset || known.digest !== digest) return lost('feed_gap');
    const sequence = this.#base + offset;
    if (sequence < evicted) return { kind: 'older', place: { offset, digest } };
    return { kind: 'at', sequence, coveredUntil, overlapUntil: null };
  }

  /**
   * Whether this pod has yet to prove that it has all from the time in a cursor, or soon after. Else the stream has been
   * created anew. Not for a time that can't be right, nor for ever: a client that is refused comes back and asks again.
   */
  #mayCome(coveredUntil: number): boolean {
    const { latest } = this.#timeline;
    const isRecent = coveredUntil > latest - STALLED_AT_MOST_MS && coveredUntil <= latest + AHEAD_MS;
    return isRecent && this.coveredUntil < coveredUntil + CERTAIN_MS;
  }

  #locateByTime(coveredUntil: number, evicted: number): Located {
    const from = this.#timeline.atOrBefore(coveredUntil - this.#overlapMs);
    if (from === undefined || coveredUntil > this.#reachedUntil + AHEAD_MS) return lost('unknown_position');
    if (from < evicted) return lost('evicted');
    const there = this.#timeline.atOrBefore(coveredUntil) ?? from;
    // The overlap in positions is taken only as far as it is there, and not back to events that the client may never
    // have had: it adds safety to the one in time, no new way to fail.
    const atMost = Math.max(OVERLAP_AT_MOST_MS, OVERLAP_TIMES * this.#overlapMs);
    const longAgo = this.#timeline.atOrBefore(coveredUntil - atMost);
    const further = Math.max(this.boundary, evicted, longAgo ?? 0, there - OVERLAP_POSITIONS);
    return {
      kind: 'at',
      sequence: Math.min(from, further),
      // Not later than this pod can tell itself: what is subscribed to here begins here.
      coveredUntil: Math.min(coveredUntil, this.coveredUntil),
      overlapUntil: this.#timeline.after(coveredUntil) ?? this.#head,
    };
  }
}
