import type { Clock } from '../clock.js';
import type { Event } from '../log/event.js';
import type { EventLog, Moment } from '../log/log.js';
import type { Logger } from '../logger.js';
import { Router } from '../router/router.js';
import type { Authenticate } from './authenticate.js';
import { Batch } from './batch.js';
import { type BroadcastLimits, Broadcasts } from './broadcasts.js';
import { Connection } from './connection.js';
import type { ConnectionContext, ConnectionLimits, Member } from './context.js';
import { Deadlines } from './deadlines.js';
import type { FeedSink, PastSource, StreamPlace } from './feed.js';
import type { ConnectionReport } from './report.js';
import { Sessions } from './sessions.js';
import { SharedFrames } from './shared-frames.js';
import { Past } from './past.js';
import { Scheduler, type SchedulerDeps } from './scheduler.js';
import { Teller } from './teller.js';
import { UnsentBudget } from './unsent.js';
import { Valve } from './valve.js';
import type { Wire } from './wire.js';

export interface HubOptions {
  readonly limits: ConnectionLimits & { readonly maxUnauthenticated: number };
  readonly clock: Clock;
  readonly log: EventLog;
  readonly authenticate: Authenticate;
  readonly report: ConnectionReport;
  readonly logger: Logger;
  /** 0 ≤ x < 1 */
  readonly random: () => number;
  readonly newSessionId: () => string;
  /** How sending shares the event loop with all else. */
  readonly turns: SchedulerDeps;
  readonly broadcast: BroadcastLimits;
  /** Null: the feed has nothing from before the log. */
  readonly past: PastSource | null;
  /** Keeps the backlog at the broker, or takes it again. */
  readonly holdFeed: (held: boolean) => void;
  /** The feed has given up: the process should end. */
  readonly onGivenUp: (why: string) => void;
}

/** `never`: nobody could be served since the process began. */
export type FeedState =
  | { readonly kind: 'never' }
  | { readonly kind: 'attached'; readonly since: number }
  | { readonly kind: 'lost'; readonly since: number };

/** A resync makes a client fetch its state: spread over 2 ms a connection, between 1 and 30 s. */
const RESYNC_MS_PER_CONNECTION = 2;
const RESYNC_SPREAD_MS = { least: 1000, most: 30_000 };
const TICK_MS = 1000;
/** What may wait unsent in this process, over all connections. */
const MAX_UNSENT_BYTES = 128 * 2 ** 20;
/** An event that expires so soon isn't held back by a pause of its tenant's. */
const URGENT_MS = 1000;
/** The last clients to be told still have some of the drain time left to leave. */
const DRAIN_SHARE = 0.8;
const DRAIN_STEP_MS = 20;
/** The drain itself is spread already; this takes the edge off each step. */
const RECONNECT_SPREAD_MS = 500;

/** Where feed and connections meet: what arrives goes into the log, and whom it concerns is woken. */
export class Hub implements FeedSink {
  readonly #options: HubOptions;
  readonly #context: ConnectionContext;
  readonly #connections = new Set<Member>();
  readonly #unauthenticated = new Set<Member>();
  readonly #router = new Router<Member>();
  readonly #scheduler: Scheduler;
  readonly #broadcasts: Broadcasts;
  readonly #teller: Teller<Member>;
  readonly #deadlines: Deadlines;
  readonly #unsent = new UnsentBudget(MAX_UNSENT_BYTES);
  readonly #shared = new SharedFrames();
  readonly #sessions = new Sessions();
  #feed: FeedState = { kind: 'never' };
  #firstCaughtUp: Moment | null = null;
  #stopTicking: () => void = () => {};
  readonly #valve: Valve;
  readonly #past: Past;
  #whenEmpty: (() => void) | null = null;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#scheduler = new Scheduler(options.turns);
    this.#broadcasts = new Broadcasts({
      clock: options.clock,
      ms: options.broadcast.ms,
      log: options.log,
      schedule: crowd => this.#scheduler.scheduleAll(crowd),
    });
    this.#teller = new Teller({
      limits: options.broadcast,
      connections: this.#connections,
      router: this.#router,
      broadcasts: this.#broadcasts,
      scheduler: this.#scheduler,
    });
    this.#deadlines = new Deadlines(options.clock);
    this.#past = new Past({
      clock: options.clock,
      log: options.log,
      source: options.past,
      logger: options.logger,
      isFeedLost: () => this.#feed.kind !== 'attached',
      isFeedHeld: () => this.isHeld,
      onRun: outcome => options.report.pastRead(outcome),
    });
    const { clock, log, report } = options;
    const resyncDelayMs = () => Math.round(options.random() * this.#resyncSpread());
    this.#context = {
      limits: options.limits,
      clock,
      log,
      past: this.#past,
      router: this.#router,
      scheduler: this.#scheduler,
      broadcasts: this.#broadcasts,
      deadlines: this.#deadlines,
      unsent: this.#unsent,
      outlets: {
        log,
        now: () => clock.monotonic(),
        resyncDelayMs,
        onResync: reason => report.resync(reason),
        onDelivered: (events, bytes) => report.delivered(events, bytes),
        isTight: () => this.#unsent.isTight,
        batch: new Batch(this.#shared),
        sessions: this.#sessions,
      },
      authenticate: options.authenticate,
      report,
      logger: options.logger,
      random: options.random,
      newSessionId: options.newSessionId,
      isStale: () => this.#feed.kind !== 'attached',
      resyncDelayMs,
      onAuthenticated: connection => this.#unauthenticated.delete(connection),
      onClosed: connection => this.#forget(connection),
    };
    this.#valve = new Valve({
      clock: options.clock,
      log: options.log,
      connections: this.#connections,
      sessions: this.#sessions,
      longestWait: () => this.#scheduler.longestWait,
      oldestUntold: () => this.#broadcasts.oldest,
      hold: options.holdFeed,
    });
    this.#tick();
  }

  get feed(): FeedState {
    return this.#feed;
  }

  /** Null: not yet. */
  get firstCaughtUp(): Moment | null {
    return this.#firstCaughtUp;
  }

  /** Figures of the moment. All of them are 0 after the last client is gone. */
  get size() {
    return {
      connections: this.#connections.size,
      unauthenticated: this.#unauthenticated.size,
      sessions: this.#sessions.open,
      busy: this.#sessions.busy,
      waiting: this.#scheduler.waiting,
      broadcasts: this.#broadcasts.size,
      deadlines: this.#deadlines.size,
      unsentBytes: this.#unsent.bytes,
      pastClients: this.#past.clients,
      pastRuns: this.#past.runs,
      routes: this.#router.size,
    };
  }

  /** Takes a new connection. One that can't be served is told so and closed; its owner need not care. */
  open(wire: Wire): Connection {
    const connection = new Connection(this.#context, wire);
    this.#connections.add(connection);
    if (this.#feed.kind === 'never') connection.refuse('noFeed');
    else if (this.#unauthenticated.size >= this.#options.limits.maxUnauthenticated)
      connection.refuse('overCapacity');
    // Only those who may still present a token: a refusal that takes its time mustn't cause the next one.
    else this.#unauthenticated.add(connection);
    // At once, so that the first message can leave with the answer to the handshake.
    connection.visit();
    return connection;
  }

  /**
   * Sends everybody away, evenly over `ms`, while delivery goes on; resolves when the last one is gone or the time
   * is up. Even, because every client that leaves is a connect on another pod.
   */
  async drain(ms: number): Promise<void> {
    const { clock } = this.#options;
    const leaving = [...this.#connections];
    const begun = clock.monotonic();
    const spread = ms * DRAIN_SHARE;
    let sent = 0;
    const empty = new Promise<void>(resolve => {
      this.#whenEmpty = resolve;
    });
    const step = () => {
      const share = spread > 0 ? (clock.monotonic() - begun) / spread : 1;
      const until = Math.min(leaving.length, Math.floor(share * leaving.length) + 1);
      for (; sent < until; sent++)
        leaving[sent]?.drain(Math.round(this.#options.random() * RECONNECT_SPREAD_MS));
      if (sent < leaving.length) clock.after(DRAIN_STEP_MS, step);
    };
    step();
    if (this.#connections.size === 0) return;
    const stopWaiting = clock.after(ms, () => this.#whenEmpty?.());
    await empty;
    stopWaiting();
    for (const connection of this.#connections) connection.terminate();
  }

  /** Whether the feed is held because more comes in than goes out. */
  get isHeld(): boolean {
    return this.#valve.isHeld;
  }

  /** Lets go of timers. */
  stop(): void {
    this.#stopTicking();
    this.#scheduler.stop();
    this.#broadcasts.stop();
    this.#valve.stop();
    this.#past.stop();
  }

  // ---- what the feed tells

  attached(continuity: 'first' | 'unbroken' | 'gap', at: StreamPlace | null): void {
    const wasLost = this.#feed.kind === 'lost';
    const now = this.#moment();
    // Until it has caught up for the first time nobody is served: a cursor presented would mean nothing.
    if (this.#firstCaughtUp !== null) this.#feed = { kind: 'attached', since: now.monotonic };
    this.#valve.reset();
    // Announced before the boundary, so that it reaches each client ahead of the resync that belongs to it.
    if (wasLost) for (const connection of this.#connections) connection.announceStale(false);
    if (continuity === 'unbroken') return;
    this.#options.log.beginEpoch(now, at);
    this.#past.beginEpoch(at);
    for (const connection of this.#connections) connection.wake();
  }

  caughtUp(): void {
    const now = this.#moment();
    this.#firstCaughtUp = now;
    this.#feed = { kind: 'attached', since: now.monotonic };
  }

  covered(until: number, reached: number): void {
    this.#options.log.cover(until, reached);
  }

  event(event: Event, place: StreamPlace | null): void {
    const now = this.#moment();
    const outcome = this.#options.log.append(event, now, place);
    this.#past.liveEvent(event, place);
    this.#options.report.received(outcome);
    if (outcome !== 'appended') return;
    // Not if it would have expired by the time that it is sent.
    const left = event.expiresAt === null ? Infinity : event.expiresAt - now.wall;
    const mayWait = left > this.#options.broadcast.ms;
    const isUrgent = left < URGENT_MS;
    this.#teller.tell(event.audience, mayWait);
    if (isUrgent) this.#scheduler.hurry(event.audience.kind === 'all' ? null : event.audience.tenant);
    this.#broadcasts.hurry();
    this.#valve.appended();
  }

  passed(place: StreamPlace): void {
    this.#options.log.pass(place, this.#moment());
    this.#past.livePassed(place);
  }

  lost(why: string): void {
    this.#options.logger.warn({ why }, 'feed lost');
    if (this.#firstCaughtUp === null) return;
    this.#feed = { kind: 'lost', since: this.#options.clock.monotonic() };
    for (const connection of this.#connections) connection.announceStale(true);
  }

  givenUp(why: string): void {
    this.#options.onGivenUp(why);
  }

  #forget(connection: Member): void {
    this.#connections.delete(connection);
    this.#unauthenticated.delete(connection);
    if (this.#connections.size === 0) this.#whenEmpty?.();
  }

  #resyncSpread(): number {
    const wanted = this.#connections.size * RESYNC_MS_PER_CONNECTION;
    return Math.min(RESYNC_SPREAD_MS.most, Math.max(RESYNC_SPREAD_MS.least, wanted));
  }

  #moment(): Moment {
    return { wall: this.#options.clock.wall(), monotonic: this.#options.clock.monotonic() };
  }

  #tick(): void {
    this.#stopTicking = this.#options.clock.after(TICK_MS, () => {
      this.#options.log.tick(this.#moment());
      this.#shared.clear();
      this.#tick();
    });
  }
}
