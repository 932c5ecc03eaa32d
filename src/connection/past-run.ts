import type { Clock } from '../clock.js';
import type { Event } from '../log/event.js';
import type { EventLog, Located } from '../log/log.js';
import type { Logger } from '../logger.js';
import type { PastReader, PastSink, PastSource, StreamPlace } from './feed.js';

/** A connection, as far as the past is concerned. */
export interface PastMember {
  /** There may be something new in the log that it reads. */
  wake(): void;
  /** Whether it stands before a position although it takes what it is given. */
  isBehind(position: number, now: number): boolean;
  /** The past that it reads has ended. */
  leavePast(): void;
}

export interface PastRunDeps {
  readonly clock: Clock;
  /** The live one. */
  readonly log: EventLog;
  readonly source: PastSource;
  readonly logger: Logger;
  /** It has ended by itself, before those who needed it were through. */
  readonly onFailed: (why: string) => void;
}

/** How often somebody looks after it. */
export const LOOK_MS = 40;
/** So long may nothing come, although the live log shows that there is more. */
const SILENCE_MS = 10_000;
/** For so long in all may those who lag hold up others. */
const PATIENCE_MS = 2000;
const COVER_MS = 1000;
/** Between two looks nobody has to wait for this many messages. */
const WAKE_MESSAGES = 256;

type State =
  /** From the stream, towards the live log's head. */
  | { readonly kind: 'reading'; readonly reader: PastReader; isHeld: boolean }
  /** It has come to the live log's head and takes what that takes, for those who are still on their way. */
  | { readonly kind: 'following' }
  /** Nothing comes any more. */
  | { readonly kind: 'ended' };

/** One reading of the stream from before the live log up to its head, for all who need it. */
export class PastRun implements PastSink {
  readonly begunAt: number;
  /** Who waits for a place that hasn't come yet, and its offset. */
  readonly expected = new Map<PastMember, number>();
  readonly readers = new Set<PastMember>();
  /** How many have been let in. */
  clients = 0;
  messages = 0;
  readonly #deps: PastRunDeps;
  #state: State;
  /** Null: nothing has come yet. */
  #log: EventLog | null = null;
  #cameAt: number;
  #coveredAt: number;
  #wokenAt = 0;
  /** How long it was held for those who lag while others wanted to go on, ms. */
  #waited = 0;

  constructor(from: number, deps: PastRunDeps) {
    this.#deps = deps;
    this.begunAt = deps.clock.monotonic();
    this.#cameAt = this.begunAt;
    this.#coveredAt = this.begunAt;
    this.#state = { kind: 'reading', reader: deps.source.read(from, this), isHeld: false };
  }

  get isNeeded(): boolean {
    return this.readers.size + this.expected.size > 0;
  }

  /** It reads no more from the stream. */
  get isThrough(): boolean {
    return this.#state.kind !== 'reading';
  }

  hasReached(offset: number): boolean {
    return this.#log?.hasReached(offset) ?? false;
  }

  /** The log to begin in, and where; null: nobody knows yet. */
  locate(cursor: string, tenant: string): { readonly log: EventLog; readonly located: Located } | null {
    if (this.#log === null || this.#state.kind === 'ended') return null;
    return { log: this.#log, located: this.#log.locate(cursor, tenant) };
  }

  // ---- what the reader tells

  event(event: Event, place: StreamPlace): void {
    this.#read(place, log => log.append(event, this.#moment(), place));
  }

  passed(place: StreamPlace): void {
    this.#read(place, log => log.pass(place, this.#moment()));
  }

  ended(why: string): void {
    if (this.#state.kind === 'reading') this.#deps.onFailed(why);
  }

  // ---- what the live log takes

  liveEvent(event: Event, place: StreamPlace | null): void {
    this.#follow(log => log.append(event, this.#moment(), place));
  }

  livePassed(place: StreamPlace): void {
    this.#follow(log => log.pass(place, this.#moment()));
  }

  /** The live log begins a new epoch. */
  beginEpoch(at: StreamPlace | null): void {
    if (this.#state.kind === 'reading') {
      this.#deps.onFailed('a new epoch began');
      return;
    }
    // In step with the live log, so the boundary stands at the same place.
    this.#follow(log => log.beginEpoch(this.#moment(), at));
    this.#state = { kind: 'ended' };
    this.expected.clear();
  }

  // ---- time and the end

  /** @param isFeedHeld the live feed goes first */
  look(othersWait: boolean, isFeedHeld: boolean): void {
    const now = this.#deps.clock.monotonic();
    const state = this.#state;
    if (state.kind === 'reading') {
      const held = isFeedHeld || this.#isToWait(othersWait, now);
      if (state.isHeld) this.#cameAt = now;
      if (held !== state.isHeld) state.reader.hold((state.isHeld = held));
      if (now - this.#cameAt >= SILENCE_MS) {
        this.#deps.onFailed(`nothing came from the stream for ${SILENCE_MS} ms`);
        return;
      }
    }
    if (now - this.#coveredAt >= COVER_MS) {
      this.#coveredAt = now;
      // Nothing is known about times here; but the cursors of those who are owed nothing move on.
      this.#log?.cover(0, 0);
    }
    if (this.#log !== null && this.#wokenAt < this.#log.head) this.#wake(this.#log);
  }

  /** Lets go of the reader, and of everybody who still reads here. */
  end(): void {
    if (this.#state.kind === 'reading') this.#state.reader.stop();
    this.#state = { kind: 'ended' };
    for (const one of this.readers) {
      one.leavePast();
      one.wake();
    }
    this.readers.clear();
    this.expected.clear();
  }

  #read(place: StreamPlace, take: (log: EventLog) => void): void {
    if (this.#state.kind !== 'reading') return;
    const { log: live } = this.#deps;
    this.messages++;
    this.#cameAt = this.#deps.clock.monotonic();
    if (this.#log === null) {
      // Nobody who is let in is owed the first one: it is the place of whoever stands furthest back, or beyond it.
      this.#log = live.openPast(place, this.#moment());
    } else {
      const log = this.#log;
      if (!this.#isTaken(() => take(log))) return;
    }
    this.#meet(this.#log);
    if (this.messages % WAKE_MESSAGES === 0) this.#wake(this.#log);
  }

  /** From where the live log's head has been read on, both take the same. */
  #meet(log: EventLog): void {
    const { log: live, onFailed } = this.#deps;
    if (this.#state.kind !== 'reading' || log.head < live.head) return;
    if (!live.agreesOn(log.head, log)) {
      onFailed('the stream has another message than the one that came live');
      return;
    }
    this.#state.reader.stop();
    this.#state = { kind: 'following' };
    this.#wake(log);
  }

  #follow(take: (log: EventLog) => void): void {
    const log = this.#log;
    if (this.#state.kind === 'following' && log !== null) this.#isTaken(() => take(log));
  }

  /** Whatever goes wrong is a hole: nobody may go on across it. */
  #isTaken(take: () => void): boolean {
    try {
      take();
      return true;
    } catch (err) {
      this.#deps.logger.error({ err }, 'taking in the past failed, a bug in Warren');
      this.#deps.onFailed('a bug in Warren');
      return false;
    }
  }

  /**
   * While somebody whose place has come is about to be let in, and for those who are about to fall off although they
   * take what they are given. Nobody is waited for who doesn't read, nor for long if that holds up others.
   */
  #isToWait(othersWait: boolean, now: number): boolean {
    const log = this.#log;
    if (log === null) return false;
    for (const offset of this.expected.values()) if (log.hasReached(offset)) return true;
    const { endangeredBefore } = log;
    if (endangeredBefore === 0) return false;
    const lagging = [...this.readers].filter(one => one.isBehind(endangeredBefore, now)).length;
    if (lagging === 0) return false;
    if (othersWait || this.expected.size > 0 || lagging < this.readers.size) {
      if (this.#waited >= PATIENCE_MS) return false;
      this.#waited += LOOK_MS;
    }
    return true;
  }

  #wake(log: EventLog): void {
    this.#wokenAt = log.head;
    for (const one of this.readers) one.wake();
  }

  #moment() {
    return { wall: this.#deps.clock.wall(), monotonic: this.#deps.clock.monotonic() };
  }
}
