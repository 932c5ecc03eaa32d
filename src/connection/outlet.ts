import { Deque } from '../log/deque.js';
import { frameWithCursor, type Entry } from '../log/entry.js';
import type { EventLog, Moment } from '../log/log.js';
import type { Reader } from '../log/reader.js';
import { encodeOk } from '../protocol/codec.js';
import type { Ending } from '../protocol/endings.js';
import type { ResyncReason } from '../protocol/messages.js';
import { Batch } from './batch.js';
import type { JoinedRuns } from './joined.js';
import type { Wire } from './wire.js';

/** Where in the stream a message stands: what it can say about positions. */
export interface Place {
  readonly cursor: string;
  readonly lastEventId: string | null;
}

/** A message other than an event, waiting for its place in the stream. */
interface Item {
  /** Not before everything up to here has been sent. */
  readonly after: number;
  readonly compose: (place: Place) => string;
  /** About how many bytes it holds in memory until then. */
  readonly cost: number;
}

/** A reader of a log and how far it has got. */
interface Track {
  readonly reader: Reader;
  /** The live log, or one of its past, which has the same numbers for positions. */
  log: EventLog;
  /** It was in the past, which has ended before it came to where the live log takes over. */
  isAdrift: boolean;
  /** Everything up to here has been sent, or wasn't for this reader. */
  position: number;
  /** The newest place that has a meaning for this reader: an event that it got, where it began, what it subscribed to. */
  anchor: number;
  coveredUntil: number;
  lastEventId: string | null;
  /** Resumed by the time in a cursor: until the overlap is over, that cursor is the position. */
  overlap: { readonly cursor: string; readonly until: number } | null;
  /** When it last fell off the log, monotonic ms. */
  fellOffAt: number;
}

/** Where to begin, and in which log. */
export type Start = Readonly<Pick<Track, 'log' | 'position' | 'coveredUntil' | 'overlap'>>;

/** What all outlets of a process share. */
export interface OutletContext {
  /** The live one. */
  readonly log: EventLog;
  readonly now: () => Moment;
  readonly resyncDelayMs: () => number;
  readonly onResync: (reason: ResyncReason) => void;
  readonly onDelivered: (events: number, bytes: number) => void;
  /** Little memory is left for bytes that wait. */
  readonly isTight: () => boolean;
  readonly joined: JoinedRuns;
}

/** Whoever owns an outlet. */
export interface OutletOwner {
  /** More waits for it than a client that takes its messages could cause: it has to `fail` the outlet. */
  tooMuch(): void;
  /** It fell off the log again too soon: it has to `fail` the outlet. */
  fellOffTwice(): void;
  /** It has left the past and reads the live log from now on. */
  leftPast(): void;
  /** So many bytes wait in this process for the peer; 0: none any more. */
  unsent(bytes: number): void;
}

/** What one visit may send: the others get their turn after it. */
const VISIT_BYTES = 64 * 1024;
const TIGHT_VISIT_BYTES = 8 * 1024;
const VISIT_LOOKS = 2048;
const TWICE_WITHIN_MS = 30_000;
/** Who needs longer than this for one write of up to 64 kB isn't waited for. */
const PATIENCE_MS = 1000;
/** A place before all events. */
const NOW = 0;
/** For messages that wait for their place. Reading is not paused instead: pongs come the same way. */
const MAX_WAITING_BYTES = 256 * 1024;
const ITEM_BYTES = 250;

/**
 * Everything that leaves for one browser leaves through here, in one order: events, and among them, each at its
 * place, replies, pings and announcements. There is no queue of events: what is due is read from the log when the
 * browser can take it. One write at a time; a slow browser costs its position and one write.
 */
export class Outlet {
  readonly #wire: Wire;
  readonly #context: OutletContext;
  readonly #owner: OutletOwner;
  readonly #items = new Deque<Item>();
  #track: Track | null = null;
  #writing = false;
  /** The last write didn't go through at once. */
  #slow = false;
  /** When it was begun, monotonic ms. */
  #blockedAt = 0;
  /** Has been sent all that was due at some time since it began to follow the log, and hasn't been given up on since. */
  #keepsUp = false;
  #goodbye: Ending | null = null;
  #done = false;
  /** Bytes of the items. */
  #waiting = 0;
  /** All was sent, and nobody has woken it since: what came meanwhile wasn't for it. */
  #idle = false;

  constructor(wire: Wire, context: OutletContext, owner: OutletOwner) {
    this.#wire = wire;
    this.#context = context;
    this.#owner = owner;
  }

  /** Messages that wait for their place. */
  get pending(): number {
    return this.#items.length;
  }

  /** The present, as far as its client is concerned: the newest position in the log that it reads. */
  get head(): number {
    return this.#track?.log.head ?? this.#context.log.head;
  }

  /**
   * Whether it is owed something from before a position although it keeps up and takes what it is given, in moderate
   * time. Not while it catches up with what it missed: that tells nothing about how much comes in.
   */
  lagsBehind(position: number, now: number): boolean {
    return this.#keepsUp && !this.#idle && this.isBehind(position, now);
  }

  /** Whether it stands before a position although it takes what it is given, in moderate time. */
  isBehind(position: number, now: number): boolean {
    if (this.#track === null || this.#goodbye !== null) return false;
    return this.#track.position < position && (!this.#writing || now - this.#blockedAt < PATIENCE_MS);
  }

  /** It has been waited for long enough: until it has caught up by itself it doesn't count as keeping up. */
  giveUpOn(): void {
    this.#keepsUp = false;
  }

  /** Begins to follow a log behind a position. */
  follow(reader: Reader, start: Start): void {
    this.#idle = false;
    // That its greeting got through says nothing yet.
    this.#keepsUp = false;
    const { position: anchor } = start;
    this.#track = { ...start, reader, anchor, lastEventId: null, fellOffAt: -Infinity, isAdrift: false };
  }

  /** The past that it reads has ended: it goes on in the live log, behind a resync if something lies in between. */
  leavePast(): void {
    const track = this.#track;
    if (track === null || track.log === this.#context.log) return;
    if (this.#changeOver(track)) return;
    track.log = this.#context.log;
    track.isAdrift = true;
  }

  /**
   * To be called at every wake. Who was idle until now stands right before the newest entry, whatever has been evicted
   * behind it: it would have been woken for an entry of its own, at once. In a stream there may be no place of that
   * number; nothing lies between it and the entry either. Otherwise a client that is owed nothing for the time
   * between two pings would fall off the log of a busy tenant.
   */
  notice(): void {
    if (!this.#idle || this.#track === null) return;
    this.#idle = false;
    this.#track.position = Math.max(this.#track.position, this.#context.log.head - 1);
  }

  /** What it reads has changed at this place: its cursors mustn't name an earlier one. */
  anchor(): void {
    if (this.#track !== null) this.#track.anchor = this.#track.log.head;
  }

  /** A message at this place in the stream: behind everything that the log has now. */
  say(compose: (place: Place) => string, cost = 0): void {
    this.#add({ after: this.head, compose, cost: ITEM_BYTES + cost });
  }

  /** A message ahead of events that haven't been sent yet, though behind messages that wait already. */
  sayNow(compose: (place: Place) => string, cost = 0): void {
    this.#add({ after: NOW, compose, cost: ITEM_BYTES + cost });
  }

  /** Closes once everything said so far has been sent. */
  end(ending: Ending): void {
    this.#goodbye ??= ending;
  }

  /** Drops what waits for its place behind events, says why, and closes. */
  fail(ending: Ending, message: string | null): void {
    if (this.#goodbye !== null) return;
    this.#goodbye = ending;
    for (let left = this.#items.length; left > 0; left--) {
      const item = this.#items.shift();
      if (item?.after === NOW) this.#items.push(item);
    }
    if (message !== null) this.#items.push({ after: NOW, compose: () => message, cost: 0 });
  }

  /** The write that was under way is through. */
  flushed(): void {
    this.#writing = false;
    this.#owner.unsent(0);
  }

  /** Sends what is due, up to one visit's worth. True: there is more that could go at once. */
  flush(): boolean {
    if (this.#writing || this.#done) return false;
    this.#idle = false;
    const batch = new Batch(this.#slow, this.#context.joined);
    const room = Math.min(this.#wire.room, this.#context.isTight() ? TIGHT_VISIT_BYTES : VISIT_BYTES);
    const looks = { left: VISIT_LOOKS };
    while (batch.bytes < room && looks.left > 0) {
      const item = this.#items.first();
      const track = this.#track;
      if (item !== undefined && (track === null || item.after <= track.position)) {
        this.#items.shift();
        this.#waiting -= item.cost;
        batch.addMessage(item.compose(this.#place(track)));
        continue;
      }
      if (track === null || (item === undefined && this.#goodbye !== null)) break;
      if (!this.#advance(track, item?.after ?? Infinity, batch, room, looks)) break;
    }
    if (batch.bytes > 0 && !this.#write(batch)) return false;
    if (this.#goodbye !== null && this.#items.length === 0) {
      this.#done = true;
      this.#wire.close(this.#goodbye);
      return false;
    }
    const isDue = this.#isDue();
    // Whoever has read all of the past that there is so far isn't in the present yet.
    const isUpToDate = !isDue && (this.#track === null || this.#track.log === this.#context.log);
    if (isUpToDate) this.#keepsUp = true;
    this.#idle = isUpToDate && this.#goodbye === null;
    return isDue;
  }

  #add(item: Item): void {
    if (this.#goodbye !== null) return;
    this.#items.push(item);
    this.#waiting += item.cost;
    if (this.#waiting > MAX_WAITING_BYTES) this.#owner.tooMuch();
  }

  #isDue(): boolean {
    const [track, item] = [this.#track, this.#items.first()];
    if (track === null) return item !== undefined;
    return track.position < track.log.head || (item !== undefined && item.after <= track.position);
  }

  /** Moves along the log, not beyond `stop`: sends what is due there, or tells that it is lost. False: nothing to do. */
  #advance(track: Track, stop: number, batch: Batch, room: number, looks: { left: number }): boolean {
    const { tenant } = track.reader;
    const isLost = () => track.isAdrift || track.position < track.log.evictedUpTo(tenant);
    // At the past's end, and rather than fall off it.
    if (track.log !== this.#context.log && (track.position >= track.log.head || isLost())) {
      this.#changeOver(track);
    }
    if (isLost()) {
      this.#resync(track, 'evicted', batch);
      return true;
    }
    const { log } = track;
    const boundary = log.boundaryAfter(track.position);
    if (track.position === boundary - 1) {
      this.#resync(track, 'feed_gap', batch);
      return true;
    }
    const to = Math.min(stop, log.head, boundary - 1);
    if (track.position >= to) return false;

    const limits = { bytes: room - batch.bytes, looks: looks.left };
    const run = log.read(track.reader, { from: track.position, to }, limits, this.#context.now());
    looks.left = run.looksLeft;
    for (const entry of run.entries) this.#addEvent(track, entry, batch);
    const newest = run.entries.at(-1);
    if (newest !== undefined) {
      track.lastEventId = newest.id;
      track.coveredUntil = newest.coveredUntil;
      // Not below a reply that it stands behind: a subscription that is new must not be resumed from before it.
      track.anchor = Math.max(track.anchor, newest.sequence);
    }
    track.position = run.upTo;
    // Short of the end for want of room or looks: the rest is for another visit.
    return run.upTo === to;
  }

  /** From the past to the live log at the same position, if that has everything behind it. */
  #changeOver(track: Track): boolean {
    const { log } = this.#context;
    if (!log.takesOver(track.position, track.reader.tenant, track.log)) return false;
    track.log = log;
    this.#owner.leftPast();
    return true;
  }

  #addEvent(track: Track, entry: Entry, batch: Batch): void {
    const overlap = track.overlap;
    if (overlap === null) {
      batch.addEntry(entry);
    } else if (entry.sequence <= overlap.until) {
      batch.addCopy(frameWithCursor(entry, overlap.cursor));
    } else {
      track.overlap = null;
      batch.addEntry(entry);
    }
  }

  /** Skips to the present, or to the new epoch's beginning, and says so. */
  #resync(track: Track, reason: ResyncReason, batch: Batch): void {
    const { log, now, resyncDelayMs, onResync } = this.#context;
    if (reason === 'evicted' && this.#goodbye === null) {
      const at = now().monotonic;
      if (at - track.fellOffAt < TWICE_WITHIN_MS) {
        this.#owner.fellOffTwice();
        return;
      }
      track.fellOffAt = at;
    }
    if (track.log !== log) this.#owner.leftPast();
    track.log = log;
    track.isAdrift = false;
    track.position = reason === 'feed_gap' ? log.boundary : log.head;
    // What the log covers by now takes in events of the new epoch that are still to be sent.
    if (reason !== 'feed_gap') track.coveredUntil = log.coveredUntil;
    track.anchor = Math.max(track.anchor, track.position);
    track.overlap = null;
    track.lastEventId = null;
    const { cursor } = this.#place(track);
    onResync(reason);
    batch.addMessage(
      encodeOk({
        type: 'system',
        event: 'resync',
        reason,
        delayMs: resyncDelayMs(),
        lastEventId: null,
        cursor,
      }),
    );
  }

  /** This connection's own position: never the head while it is still owed something. */
  #place(track: Track | null): Place {
    if (track === null) return { cursor: '', lastEventId: null };
    const { log } = track;
    if (track.overlap !== null && track.position < track.overlap.until) {
      return { cursor: track.overlap.cursor, lastEventId: track.lastEventId };
    }
    if (track.position < log.head) {
      return { cursor: log.cursorAt(track.position, track.coveredUntil), lastEventId: track.lastEventId };
    }
    // Kept: what comes next mustn't make it name an earlier time for the same place.
    track.coveredUntil = Math.max(track.coveredUntil, log.coveredUntil);
    const place = Math.max(track.anchor, log.coveredHead);
    return { cursor: log.cursorAt(place, track.coveredUntil), lastEventId: track.lastEventId };
  }

  /** False: the kernel couldn't take it all; nothing more until `flushed`. */
  #write(batch: Batch): boolean {
    this.#context.onDelivered(batch.events, batch.bytes);
    this.#writing = true;
    if (this.#wire.write(batch.join())) this.#writing = false;
    this.#slow = this.#writing;
    if (this.#slow) {
      this.#blockedAt = this.#context.now().monotonic;
      this.#owner.unsent(this.#wire.unsent);
    }
    return !this.#writing;
  }
}
