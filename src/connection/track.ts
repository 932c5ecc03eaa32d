import type { Entry } from '../log/entry.js';
import type { EventLog } from '../log/log.js';
import type { Reader, RunLimits } from '../log/reader.js';
import type { ResyncReason } from '../protocol/messages.js';

/** Where in the stream a message stands: what it can say about positions. */
export interface Place {
  readonly cursor: string;
  readonly lastEventId: string | null;
}

/** Resumed by the time in a cursor: until the overlap is over, that cursor is the position. */
interface Overlap {
  readonly cursor: string;
  readonly until: number;
}

/** Where to begin, and in which log. */
export interface Start {
  /** The live log, or one of its past, which has the same numbers for positions. */
  readonly log: EventLog;
  readonly position: number;
  readonly coveredUntil: number;
  readonly overlap: Overlap | null;
}

/** One step along the log. `lost`: what comes next is gone, the reader has to be told. */
export type Step =
  | { readonly kind: 'none' }
  | { readonly kind: 'lost'; readonly reason: ResyncReason }
  | {
      readonly kind: 'read';
      readonly entries: readonly Entry[];
      readonly looksLeft: number;
      /** Else the rest is for another visit, for want of room or looks. */
      readonly isAll: boolean;
    };

const NONE: Step = { kind: 'none' };
const EVICTED: Step = { kind: 'lost', reason: 'evicted' };
const GAP: Step = { kind: 'lost', reason: 'feed_gap' };

const TWICE_WITHIN_MS = 30_000;

/** One reader's way along the log: how far it has got, and what its cursors may say. */
export class Track {
  readonly #reader: Reader;
  readonly #live: EventLog;
  #log: EventLog;
  /** It was in the past, which has ended before it came to where the live log takes over. */
  #isAdrift = false;
  /** Everything up to here has been sent, or wasn't for this reader. */
  #position: number;
  /** The newest place that has a meaning for this reader: an event that it got, where it began, what it subscribed to. */
  #anchor: number;
  #coveredUntil: number;
  #lastEventId: string | null = null;
  #overlap: Overlap | null;
  /** When it last fell off the log, monotonic ms. */
  #fellOffAt = -Infinity;

  constructor(reader: Reader, live: EventLog, { log, position, coveredUntil, overlap }: Start) {
    this.#reader = reader;
    this.#live = live;
    this.#log = log;
    this.#position = position;
    this.#anchor = position;
    this.#coveredUntil = coveredUntil;
    this.#overlap = overlap;
  }

  get position(): number {
    return this.#position;
  }

  /** The newest position in the log that it reads. */
  get head(): number {
    return this.#log.head;
  }

  get isLive(): boolean {
    return this.#log === this.#live;
  }

  /** It was owed nothing between its position and an entry of the live log, or the newest one. */
  skipBefore(sequence: number): void {
    this.#position = Math.max(this.#position, Math.min(sequence, this.#live.head) - 1);
  }

  /** What it reads has changed at this place: its cursors mustn't name an earlier one. */
  anchor(): void {
    this.#anchor = this.#log.head;
  }

  /**
   * The past that it reads has ended: it goes on in the live log, behind a resync if something lies in between. True:
   * nothing does.
   */
  leavePast(): boolean {
    if (this.isLive) return false;
    if (this.#changeOver()) return true;
    this.#log = this.#live;
    this.#isAdrift = true;
    return false;
  }

  /** Moves along the log, not beyond `stop`. May change from the past to the live log on the way. `now`: monotonic, ms. */
  advance(stop: number, limits: RunLimits, now: () => number): Step {
    // At the past's end, and rather than fall off it.
    if (!this.isLive && (this.#position >= this.#log.head || this.#isLost)) this.#changeOver();
    if (this.#isLost) return EVICTED;
    const log = this.#log;
    const boundary = log.boundaryAfter(this.#position);
    if (this.#position === boundary - 1) return GAP;
    const to = Math.min(stop, log.head, boundary - 1);
    if (this.#position >= to) return NONE;

    const { entries, upTo, looksLeft } = log.read(this.#reader, { from: this.#position, to }, limits, now());
    const newest = entries.at(-1);
    if (newest !== undefined) {
      this.#lastEventId = newest.id;
      this.#coveredUntil = newest.coverage.until;
      // Not below a reply that it stands behind: a subscription that is new must not be resumed from before it.
      this.#anchor = Math.max(this.#anchor, newest.sequence);
    }
    this.#position = upTo;
    return { kind: 'read', entries, looksLeft, isAll: upTo === to };
  }

  /** The cursor that an entry has to carry to this reader; null: its own. To be asked in order, once an entry. */
  cursorFor(entry: Entry): string | null {
    if (this.#overlap === null) return null;
    if (entry.sequence <= this.#overlap.until) return this.#overlap.cursor;
    this.#overlap = null;
    return null;
  }

  /** Notes that it fell off the log, `now` in monotonic ms. True: it had before, a short while ago. */
  fallsOffAgain(now: number): boolean {
    const isAgain = now - this.#fellOffAt < TWICE_WITHIN_MS;
    this.#fellOffAt = now;
    return isAgain;
  }

  /** Leaves out what is lost: on to the live log's present, or to the new epoch's beginning. */
  skipLost(reason: ResyncReason): void {
    const log = this.#live;
    this.#log = log;
    this.#isAdrift = false;
    this.#position = reason === 'feed_gap' ? log.boundary : log.head;
    // What the log covers by now takes in events of the new epoch that are still to be sent.
    if (reason !== 'feed_gap') this.#coveredUntil = log.coveredUntil;
    this.#anchor = Math.max(this.#anchor, this.#position);
    this.#overlap = null;
    this.#lastEventId = null;
  }

  /** This reader's own position: never the head while it is still owed something. */
  place(): Place {
    const log = this.#log;
    const lastEventId = this.#lastEventId;
    if (this.#overlap !== null && this.#position < this.#overlap.until) {
      return { cursor: this.#overlap.cursor, lastEventId };
    }
    if (this.#position < log.head) {
      return { cursor: log.cursorAt(this.#position, this.#coveredUntil), lastEventId };
    }
    // Kept: what comes next mustn't make it name an earlier time for the same place.
    this.#coveredUntil = Math.max(this.#coveredUntil, log.coveredUntil);
    const place = Math.max(this.#anchor, log.coveredHead);
    return { cursor: log.cursorAt(place, this.#coveredUntil), lastEventId };
  }

  get #isLost(): boolean {
    return this.#isAdrift || this.#position < this.#log.evictedUpTo(this.#reader.tenant);
  }

  /** From the past to the live log at the same position, if that has everything behind it. */
  #changeOver(): boolean {
    if (!this.#live.takesOver(this.#position, this.#reader.tenant, this.#log)) return false;
    this.#log = this.#live;
    return true;
  }
}
