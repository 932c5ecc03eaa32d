import { frameWithCursor, type Entry } from '../log/entry.js';
import type { EventLog } from '../log/log.js';
import type { Reader } from '../log/reader.js';
import { appended } from '../log/short-list.js';
import { encodeOk } from '../protocol/codec.js';
import type { Ending } from '../protocol/endings.js';
import type { ResyncReason } from '../protocol/messages.js';
import type { Batch } from './batch.js';
import type { Activity, Sessions } from './sessions.js';
import { type Place, type Start, Track } from './track.js';
import type { Wire } from './wire.js';

/** A message other than an event, waiting for its place in the stream. */
interface Item {
  /** Not before everything up to here has been sent. */
  readonly after: number;
  readonly compose: (place: Place) => string;
  /** About how many bytes it holds in memory until then. */
  readonly cost: number;
}

/** What all outlets of a process share. */
export interface OutletContext {
  /** The live one. */
  readonly log: EventLog;
  /** Monotonic, ms. */
  readonly now: () => number;
  readonly resyncDelayMs: () => number;
  readonly onResync: (reason: ResyncReason) => void;
  readonly onDelivered: (events: number, bytes: number) => void;
  /** Little memory is left for bytes that wait. */
  readonly isTight: () => boolean;
  readonly batch: Batch;
  readonly sessions: Sessions;
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
/** Who needs longer than this for one write of up to 64 kB isn't waited for. */
const PATIENCE_MS = 1000;
/** A place before all events. */
const NOW = 0;
/** What a connection without a session can say of its position. */
const NOWHERE: Place = { cursor: '', lastEventId: null };
/** For messages that wait for their place. Reading is not paused instead: pongs come the same way. */
const MAX_WAITING_BYTES = 256 * 1024;
const ITEM_BYTES = 250;
/** The same for all: a list each, empty most of the time, would be 200 bytes a connection, and in the way of the cache. */
const NO_ITEMS: Item[] = [];

/**
 * Everything that leaves for one browser leaves through here, in one order: events, and among them, each at its
 * place, replies, pings and announcements. There is no queue of events: what is due is read from the log when the
 * browser can take it. One write at a time; a slow browser costs its position and one write.
 */
export class Outlet {
  readonly #wire: Wire;
  readonly #context: OutletContext;
  readonly #owner: OutletOwner;
  #items: Item[] = NO_ITEMS;
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
  /** Idle: all was sent, and nobody has woken it since: what came meanwhile wasn't for it. */
  #activity: Activity = 'none';

  constructor(wire: Wire, context: OutletContext, owner: OutletOwner) {
    this.#wire = wire;
    this.#context = context;
    this.#owner = owner;
  }

  /** The goodbye has been handed to the wire, or that is gone. */
  get hasEnded(): boolean {
    return this.#done;
  }

  /** Messages that wait for their place. */
  get pending(): number {
    return this.#items.length;
  }

  /** The present, as far as its client is concerned: the newest position in the log that it reads. */
  get head(): number {
    return this.#track?.head ?? this.#context.log.head;
  }

  /**
   * Whether it is owed something from before a position although it keeps up and takes what it is given, in moderate
   * time. Not while it catches up with what it missed: that tells nothing about how much comes in.
   */
  lagsBehind(position: number, now: number): boolean {
    return this.#keepsUp && this.#activity === 'busy' && this.isBehind(position, now);
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
    this.#become('busy');
    // That its greeting got through says nothing yet.
    this.#keepsUp = false;
    this.#track = new Track(reader, this.#context.log, start);
  }

  /** The past that it reads has ended: it goes on in the live log, behind a resync if something lies in between. */
  leavePast(): void {
    if (this.#track?.leavePast() === true) this.#owner.leftPast();
  }

  /**
   * To be called at every wake, with the place of the oldest entry that it may be woken for, if that isn't the newest.
   * Who was idle until now stands right before that one, whatever has been evicted behind it: it would have been woken
   * for an earlier entry of its own. In a stream there may be no place of that number; nothing lies between it and the
   * entry either. Otherwise a client that is owed nothing for the time between two pings would fall off the log of a
   * busy tenant.
   */
  notice(sequence: number): void {
    if (this.#activity !== 'idle') return;
    this.#become('busy');
    this.#track?.skipBefore(sequence);
  }

  /** Whether it hasn't got to a place in the live log yet. */
  isBefore(sequence: number): boolean {
    return this.#track !== null && this.#track.position < sequence;
  }

  /** What it reads has changed at this place: its cursors mustn't name an earlier one. */
  anchor(): void {
    this.#track?.anchor();
  }

  /** A message at this place in the stream: behind everything that the log has now. */
  say(compose: (place: Place) => string, cost = 0): void {
    this.#add({ after: this.head, compose, cost: ITEM_BYTES + cost });
  }

  /** A message ahead of events that haven't been sent yet, though behind messages that wait already. */
  sayNow(compose: (place: Place) => string, cost = 0): void {
    this.#add({ after: NOW, compose, cost: ITEM_BYTES + cost });
  }

  /** Closes once everything said so far has been sent. `notice` comes before: from now on it isn't idle any more. */
  end(ending: Ending): void {
    this.#goodbye ??= ending;
    this.#become('none');
  }

  /** Drops what waits for its place behind events, says why, and closes. */
  fail(ending: Ending, message: string | null): void {
    if (this.#goodbye !== null) return;
    this.#goodbye = ending;
    this.#become('none');
    this.#items = this.#items.filter(({ after }) => after === NOW);
    if (message !== null) this.#items.push({ after: NOW, compose: () => message, cost: 0 });
  }

  /** Its wire is gone. */
  closed(): void {
    this.#done = true;
    this.#become('none');
  }

  /** The write that was under way is through. */
  flushed(): void {
    this.#writing = false;
    this.#owner.unsent(0);
  }

  /** Sends what is due, up to one visit's worth. True: there is more that could go at once. */
  flush(): boolean {
    if (this.#writing || this.#done) return false;
    if (this.#activity === 'idle') this.#become('busy');
    const { batch } = this.#context;
    batch.begin(this.#slow);
    const room = Math.min(this.#wire.room, this.#context.isTight() ? TIGHT_VISIT_BYTES : VISIT_BYTES);
    const left = { bytes: room, looks: VISIT_LOOKS };
    for (; left.bytes > 0 && left.looks > 0; left.bytes = room - batch.bytes) {
      const item = this.#items[0];
      const track = this.#track;
      if (item !== undefined && (track === null || item.after <= track.position)) {
        this.#take(item);
        batch.addMessage(item.compose(track?.place() ?? NOWHERE));
        continue;
      }
      if (track === null || (item === undefined && this.#goodbye !== null)) break;
      if (!this.#advance(track, item?.after ?? Infinity, batch, left)) break;
    }
    if (batch.bytes > 0 && !this.#write(batch)) return false;
    if (this.#goodbye !== null && this.#items.length === 0) {
      this.#done = true;
      this.#wire.close(this.#goodbye);
      return false;
    }
    const isDue = this.#isDue();
    // Whoever has read all of the past that there is so far isn't in the present yet.
    const isUpToDate = !isDue && (this.#track?.isLive ?? true);
    if (isUpToDate) this.#keepsUp = true;
    if (isUpToDate && this.#activity === 'busy') this.#become('idle');
    return isDue;
  }

  #add(item: Item): void {
    if (this.#goodbye !== null) return;
    this.#items = appended(this.#items, item);
    this.#waiting += item.cost;
    if (this.#waiting > MAX_WAITING_BYTES) this.#owner.tooMuch();
  }

  /** The first item's turn has come. */
  #take(item: Item): void {
    this.#waiting -= item.cost;
    if (this.#items.length === 1) this.#items = NO_ITEMS;
    else this.#items.shift();
  }

  #become(activity: Activity): void {
    this.#context.sessions.change(this.#activity, activity);
    this.#activity = activity;
  }

  #isDue(): boolean {
    const item = this.#items[0];
    const track = this.#track;
    if (track === null) return item !== undefined;
    return track.position < track.head || (item !== undefined && item.after <= track.position);
  }

  /** Moves along the log, not beyond `stop`: sends what is due there, or tells that it is lost. False: nothing to do. */
  #advance(
    track: Track,
    stop: number,
    batch: Batch,
    left: { readonly bytes: number; looks: number },
  ): boolean {
    const { isLive } = track;
    const step = track.advance(stop, left, this.#context.now);
    if (!isLive && track.isLive) this.#owner.leftPast();
    switch (step.kind) {
      case 'none':
        return false;
      case 'lost':
        this.#resync(track, step.reason, batch);
        return true;
      case 'read':
        for (const entry of step.entries) this.#addEvent(track, entry, batch);
        left.looks = step.looksLeft;
        return step.isAll;
    }
  }

  #addEvent(track: Track, entry: Entry, batch: Batch): void {
    const cursor = track.cursorFor(entry);
    if (cursor === null) batch.addEntry(entry);
    else batch.addCopy(frameWithCursor(entry, cursor));
  }

  /** Skips to the present, or to the new epoch's beginning, and says so. */
  #resync(track: Track, reason: ResyncReason, batch: Batch): void {
    const { now, resyncDelayMs, onResync } = this.#context;
    if (reason === 'evicted' && this.#goodbye === null && track.fallsOffAgain(now())) {
      this.#owner.fellOffTwice();
      return;
    }
    if (!track.isLive) this.#owner.leftPast();
    track.skipLost(reason);
    const { cursor } = track.place();
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

  /** False: the kernel couldn't take it all; nothing more until `flushed`. */
  #write(batch: Batch): boolean {
    this.#context.onDelivered(batch.events, batch.bytes);
    this.#writing = true;
    if (this.#wire.write(batch.join())) this.#writing = false;
    this.#slow = this.#writing;
    if (this.#slow) {
      this.#blockedAt = this.#context.now();
      this.#owner.unsent(this.#wire.unsent);
    }
    return !this.#writing;
  }
}
