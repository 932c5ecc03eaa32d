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
}

/** A reader of the log and how far it has got. */
interface Track {
  readonly reader: Reader;
  /** Everything up to here has been sent, or wasn't for this reader. */
  position: number;
  coveredUntil: number;
  lastEventId: string | null;
  /** Resumed from another pod's cursor: until the overlap is over, that cursor is the position. */
  overlap: { readonly cursor: string; readonly until: number } | null;
  /** When it last fell off the log, monotonic ms. */
  fellOffAt: number;
}

/** Where to begin in the log. */
export type Start = Pick<Track, 'position' | 'coveredUntil' | 'overlap'>;

/** What the outlet needs of its surroundings. */
export interface OutletContext {
  readonly log: EventLog;
  readonly now: () => Moment;
  readonly resyncDelayMs: () => number;
  readonly onResync: (reason: ResyncReason) => void;
  /** It fell off the log again too soon; whoever owns the outlet has to `fail` it. */
  readonly onFellOffTwice: () => void;
  readonly onDelivered: (events: number, bytes: number) => void;
  /** So many bytes wait in this process for the peer; 0: none any more. */
  readonly onUnsent: (bytes: number) => void;
  /** Little memory is left for bytes that wait. */
  readonly isTight: () => boolean;
  readonly joined: JoinedRuns;
}

/** What one visit may send: the others get their turn after it. */
const VISIT_BYTES = 64 * 1024;
const TIGHT_VISIT_BYTES = 8 * 1024;
const VISIT_LOOKS = 2048;
const TWICE_WITHIN_MS = 30_000;
/** A place before all events. */
const NOW = 0;

/**
 * Everything that leaves for one browser leaves through here, in one order: events, and among them, each at its
 * place, replies, pings and announcements. There is no queue of events: what is due is read from the log when the
 * browser can take it. One write at a time; a slow browser costs its position and one write.
 */
export class Outlet {
  readonly #wire: Wire;
  readonly #context: OutletContext;
  readonly #items = new Deque<Item>();
  #track: Track | null = null;
  #writing = false;
  /** The last write didn't fit into the kernel's buffer. */
  #slow = false;
  #goodbye: Ending | null = null;
  #done = false;

  constructor(wire: Wire, context: OutletContext) {
    this.#wire = wire;
    this.#context = context;
  }

  /** Messages that wait for their place. */
  get pending(): number {
    return this.#items.length;
  }

  /** Begins to follow the log behind a position. */
  follow(reader: Reader, start: Start): void {
    this.#track = { ...start, reader, lastEventId: null, fellOffAt: -Infinity };
  }

  /** A message at this place in the stream: behind everything that the log has now. */
  say(compose: (place: Place) => string): void {
    this.#add({ after: this.#context.log.head, compose });
  }

  /** A message ahead of events that haven't been sent yet, though behind messages that wait already. */
  sayNow(compose: (place: Place) => string): void {
    this.#add({ after: NOW, compose });
  }

  /** Closes once everything said so far has been sent. */
  end(ending: Ending): void {
    this.#goodbye ??= ending;
  }

  /** Drops what waits for its place behind events, says why, and closes. */
  fail(ending: Ending, message: string | null): void {
    if (this.#goodbye !== null) return;
    for (let left = this.#items.length; left > 0; left--) {
      const item = this.#items.shift();
      if (item?.after === NOW) this.#items.push(item);
    }
    if (message !== null) this.sayNow(() => message);
    this.#goodbye = ending;
  }

  /** The write that was under way is through. */
  flushed(): void {
    this.#writing = false;
    this.#context.onUnsent(0);
  }

  /** Sends what is due, up to one visit's worth. True: there is more that could go at once. */
  flush(): boolean {
    if (this.#writing || this.#done) return false;
    const batch = new Batch(this.#slow, this.#context.joined);
    const room = this.#context.isTight() ? TIGHT_VISIT_BYTES : VISIT_BYTES;
    let looksLeft = VISIT_LOOKS;
    while (batch.bytes < room && looksLeft > 0) {
      const item = this.#items.first();
      const track = this.#track;
      if (item !== undefined && (track === null || item.after <= track.position)) {
        this.#items.shift();
        batch.addMessage(item.compose(this.#place(track)));
        continue;
      }
      if (track === null || (item === undefined && this.#goodbye !== null)) break;
      const step = this.#advance(track, item?.after ?? Infinity, batch, room);
      if (step === 'nothing') break;
      looksLeft = step === 'partly' ? 0 : looksLeft;
    }
    if (batch.bytes > 0 && !this.#write(batch)) return false;
    if (this.#goodbye !== null && this.#items.length === 0) {
      this.#done = true;
      this.#wire.close(this.#goodbye);
      return false;
    }
    return this.#isDue();
  }

  #add(item: Item): void {
    if (this.#goodbye === null) this.#items.push(item);
  }

  #isDue(): boolean {
    return this.#items.length > 0 || (this.#track !== null && this.#track.position < this.#context.log.head);
  }

  /** Moves along the log, not beyond `stop`: sends what is due there, or tells that it is lost. */
  #advance(track: Track, stop: number, batch: Batch, room: number): 'all' | 'partly' | 'nothing' {
    const { log } = this.#context;
    if (track.position < log.evictedUpTo(track.reader.tenant)) {
      this.#resync(track, 'evicted', batch);
      return 'all';
    }
    const boundary = log.boundaryAfter(track.position);
    if (track.position === boundary - 1) {
      this.#resync(track, 'feed_gap', batch);
      return 'all';
    }
    const to = Math.min(stop, log.head, boundary - 1);
    if (track.position >= to) return 'nothing';

    const limits = { bytes: room - batch.bytes, looks: VISIT_LOOKS };
    const run = log.read(track.reader, { from: track.position, to }, limits, this.#context.now());
    for (const entry of run.entries) this.#addEvent(track, entry, batch);
    const newest = run.entries.at(-1);
    if (newest !== undefined) {
      track.lastEventId = newest.id;
      track.coveredUntil = newest.coveredUntil;
    }
    track.position = run.upTo;
    return run.upTo === to ? 'all' : 'partly';
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
    const { log, now, resyncDelayMs, onResync, onFellOffTwice } = this.#context;
    if (reason === 'evicted' && this.#goodbye === null) {
      const at = now().monotonic;
      if (at - track.fellOffAt < TWICE_WITHIN_MS) {
        onFellOffTwice();
        return;
      }
      track.fellOffAt = at;
    }
    track.position = reason === 'feed_gap' ? log.boundary : log.head;
    // What the log covers by now takes in events of the new epoch that are still to be sent.
    if (reason !== 'feed_gap') track.coveredUntil = log.coveredUntil;
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
    const { log } = this.#context;
    if (track.overlap !== null && track.position < track.overlap.until) {
      return { cursor: track.overlap.cursor, lastEventId: track.lastEventId };
    }
    const coveredUntil = track.position >= log.head ? log.coveredUntil : track.coveredUntil;
    return { cursor: log.cursorAt(track.position, coveredUntil), lastEventId: track.lastEventId };
  }

  /** False: the kernel couldn't take it all; nothing more until `flushed`. */
  #write(batch: Batch): boolean {
    this.#context.onDelivered(batch.events, batch.bytes);
    this.#writing = true;
    if (this.#wire.write(batch.join())) this.#writing = false;
    this.#slow = this.#writing;
    if (this.#slow) this.#context.onUnsent(this.#wire.unsent);
    return !this.#writing;
  }
}
