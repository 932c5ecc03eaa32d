import type { Clock } from '../clock.js';
import type { Event } from '../log/event.js';
import type { EventLog } from '../log/log.js';
import type { Logger } from '../logger.js';
import type { PastSource, StreamPlace } from './feed.js';
import { LOOK_MS, type PastMember, PastRun } from './past-run.js';
import { type SessionStart, startAnew, startFrom } from './start.js';

export type { PastMember };

export interface PastDeps {
  readonly clock: Clock;
  /** The live one. */
  readonly log: EventLog;
  /** Null: this feed has no past. */
  readonly source: PastSource | null;
  readonly logger: Logger;
  readonly isFeedLost: () => boolean;
  readonly isFeedHeld: () => boolean;
  readonly onRun: (outcome: PastOutcome) => void;
}

/** How a run ended: for metrics, a closed list. */
export const PAST_OUTCOMES = ['done', 'failed'] as const;
export type PastOutcome = (typeof PAST_OUTCOMES)[number];

/** A place that the live log has left behind, as a client presented it. */
export interface PastPlace {
  readonly cursor: string;
  readonly tenant: string;
  readonly offset: number;
}

interface Waiting extends PastPlace {
  /** Monotonic ms. */
  readonly since: number;
  /** The run that is to bring its place; null: the next one, if not the one that is on. */
  run: PastRun | null;
}

/** After so long without its place a client is told to resync. */
const WAIT_MS = 10_000;
/** When somebody has waited for so long for the next run, nobody joins the one that is on. */
const TURN_MS = 2000;

/**
 * Brings clients up that were away for longer than the live log reaches back, though not for longer than the stream
 * does. For all of them there is one reader and one log more, at a time: a run. It begins where the one begins that
 * stands furthest back; each is let in when its place has come, and changes to the live log at the end. Who comes
 * later, from before where the run stands, waits for the next one.
 */
export class Past {
  readonly #deps: PastDeps;
  readonly #waiting = new Map<PastMember, Waiting>();
  #run: PastRun | null = null;
  #admitsMore = true;
  /** When somebody was let in last, or the run began, monotonic ms. */
  #letInAt = 0;
  #stopWatching: (() => void) | null = null;

  constructor(deps: PastDeps) {
    this.#deps = deps;
  }

  /** Clients that wait for their place in the past, or read there. */
  get clients(): number {
    return this.#waiting.size + (this.#run?.readers.size ?? 0);
  }

  get runs(): number {
    return this.#run === null ? 0 : 1;
  }

  /**
   * Where a client begins that the live log has left behind; null: it has to wait, and to ask again soon. From the
   * answer on it reads the past, if it begins there: `forget` says that it doesn't any more.
   */
  begin(member: PastMember, place: PastPlace): SessionStart | null {
    const { source, clock, log } = this.#deps;
    if (source === null) return startAnew(log, 'evicted');
    const now = clock.monotonic();
    const waiting = this.#waiting.get(member) ?? this.#register(member, place, now);
    const start = this.#find(member, waiting, now);
    if (start === null) return null;
    const run = this.#run;
    if (run !== null && start.resume === 'resumed') {
      run.readers.add(member);
      run.clients++;
      this.#letInAt = now;
    }
    this.#waiting.delete(member);
    run?.expected.delete(member);
    this.#endIfDone();
    return start;
  }

  /** Whether to ask again would tell nothing new: opening a cursor takes microseconds, and thousands wait. */
  isToWait(member: PastMember): boolean {
    const waiting = this.#waiting.get(member);
    if (waiting === undefined || this.#deps.clock.monotonic() - waiting.since >= WAIT_MS) return false;
    const run = this.#run;
    if (waiting.run === null) return run === null || !this.#admitsMore;
    return waiting.run === run && !run.hasReached(waiting.offset);
  }

  /** It has come to the live log, or goes. */
  forget(member: PastMember): void {
    this.#waiting.delete(member);
    this.#run?.expected.delete(member);
    this.#run?.readers.delete(member);
    this.#endIfDone();
  }

  // ---- what the live log takes

  liveEvent(event: Event, place: StreamPlace | null): void {
    this.#run?.liveEvent(event, place);
  }

  livePassed(place: StreamPlace): void {
    this.#run?.livePassed(place);
  }

  /** The live log has begun a new epoch. Whoever waits asks that one again. */
  beginEpoch(at: StreamPlace | null): void {
    this.#waiting.clear();
    this.#run?.beginEpoch(at);
    this.#endIfDone();
  }

  /** Lets go of the reader and of timers. */
  stop(): void {
    this.#waiting.clear();
    this.#end('done', null);
    this.#stopWatching?.();
    this.#stopWatching = null;
  }

  #register(member: PastMember, place: PastPlace, now: number): Waiting {
    const waiting: Waiting = { ...place, since: now, run: null };
    this.#waiting.set(member, waiting);
    if (this.#stopWatching === null) this.#watch();
    return waiting;
  }

  #find(member: PastMember, waiting: Waiting, now: number): SessionStart | null {
    const run = this.#run;
    const lost = () => startAnew(this.#deps.log, 'evicted');
    if (now - waiting.since >= WAIT_MS) return lost();
    const isOfRun = waiting.run === run && run !== null;
    if (waiting.run !== null && !isOfRun) return lost();
    const found = isOfRun || this.#admitsMore ? (run?.locate(waiting.cursor, waiting.tenant) ?? null) : null;
    if (found === null) return null;
    const { log, located } = found;
    switch (located.kind) {
      case 'at':
        return startFrom(log, located, waiting.cursor);
      case 'ahead':
        waiting.run = run;
        run?.expected.set(member, waiting.offset);
        return null;
      case 'older':
        return isOfRun ? lost() : null;
      case 'lost':
        return isOfRun ? startAnew(this.#deps.log, located.reason) : null;
    }
  }

  // ---- runs

  #watch(): void {
    this.#stopWatching = this.#deps.clock.after(LOOK_MS, () => {
      this.#stopWatching = null;
      this.#look();
      if (this.#waiting.size > 0 || this.#run !== null) this.#watch();
    });
  }

  #look(): void {
    const { clock, isFeedHeld, isFeedLost } = this.#deps;
    if (this.#run === null && !isFeedLost()) this.#startRun();
    const left = [...this.#waiting.values()].filter(({ run }) => run === null);
    const now = clock.monotonic();
    const longAgo = now - TURN_MS;
    this.#admitsMore = left.every(({ since }) => since > longAgo);
    // Who isn't through by now is slow, and others have waited for long enough.
    if (!this.#admitsMore && this.#run?.isThrough === true) this.#end('done', 'others wait');
    if (isFeedHeld()) this.#letInAt = now;
    else if (this.#run !== null && this.#isHoggedBy(this.#run, now)) this.#giveWay(this.#run);
    this.#run?.look(left.length > 0, isFeedHeld());
  }

  /** On its way through what only few are owed, while more wait for places beyond: they would give up before it comes there. */
  #isHoggedBy(run: PastRun, now: number): boolean {
    const { readers, expected } = run;
    return readers.size > 0 && expected.size > readers.size && now - this.#letInAt >= TURN_MS;
  }

  /** Who is read for resyncs; who waits is first in the next run. */
  #giveWay(run: PastRun): void {
    for (const waiting of this.#waiting.values()) if (waiting.run === run) waiting.run = null;
    this.#end('done', 'others wait');
  }

  #startRun(): void {
    const { source } = this.#deps;
    const waiting = [...this.#waiting].filter(([, { run }]) => run === null);
    if (source === null || waiting.length === 0) return;
    const from = waiting.reduce((least, [, { offset }]) => Math.min(least, offset), Infinity);
    const run: PastRun = new PastRun(from, {
      ...this.#deps,
      source,
      onFailed: why => {
        if (this.#run === run) this.#end('failed', why);
      },
    });
    this.#run = run;
    this.#letInAt = run.begunAt;
    for (const [member, one] of waiting) {
      one.run = run;
      run.expected.set(member, one.offset);
    }
  }

  #endIfDone(): void {
    if (this.#run?.isNeeded === false) this.#end('done', null);
  }

  #end(outcome: PastOutcome, why: string | null): void {
    const run = this.#run;
    if (run === null) return;
    this.#run = null;
    const ms = Math.round(this.#deps.clock.monotonic() - run.begunAt);
    const { clients, messages } = run;
    const left = run.readers.size + run.expected.size;
    run.end();
    this.#deps.onRun(outcome);
    this.#deps.logger.info(
      { outcome, why, clients, left, messages, ms },
      'the past was read from the stream',
    );
  }
}
