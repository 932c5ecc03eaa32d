import { encodeError, encodeOk, parseClientMessage } from '../protocol/codec.js';
import { ENDINGS, type EndingName } from '../protocol/endings.js';
import type { ErrorCode } from '../protocol/errors.js';
import { PROTOCOL_VERSION, type ClientMessage, type Ref, type ResyncReason } from '../protocol/messages.js';
import type { AuthOutcome, Identity } from './authenticate.js';
import type { ConnectionContext, Member } from './context.js';
import type { Due } from './deadlines.js';
import { Liveness } from './liveness.js';
import { Outlet, type Start } from './outlet.js';
import type { Visited } from './scheduler.js';
import { Session } from './session.js';
import { Strikes, TokenBucket } from './token-bucket.js';
import type { Wire, WireOwner } from './wire.js';

/** Fields exist only in the states in which they mean something. */
type State =
  | { readonly kind: 'greeting'; readonly deadline: number }
  | { readonly kind: 'open'; readonly session: Session; readonly liveness: Liveness }
  | {
      readonly kind: 'closing';
      readonly session: Session | null;
      readonly deadline: number;
      readonly how: EndingName;
    }
  | { readonly kind: 'closed' };

/** Messages at once, as a multiple of what is allowed per second in the long run. */
const BURST = 10;
/** A peer that doesn't answer the close, or doesn't read, is gone after this. */
const CLOSE_TIMEOUT_MS = 5000;
/** Messages that wait for their place before reading from the client is paused: replies must not pile up. */
const MAX_PENDING = 32;
/** The same for the topics in those replies: one message can hold 16,000, and a reply is six times its size. */
const MAX_PENDING_TOPICS = 1000;

/** One browser: from the handshake to the end, whichever transport it came by. */
export class Connection implements Member, WireOwner, Visited, Due {
  scheduled = false;
  tick: number | null = null;
  readonly #context: ConnectionContext;
  readonly #wire: Wire;
  readonly #outlet: Outlet;
  readonly #bucket: TokenBucket;
  readonly #strikes = new Strikes();
  readonly #excess = new Strikes();
  /** Messages that came while a token was being checked. */
  readonly #inbox: string[] = [];
  #state: State;
  #checking = false;
  #paused = false;
  #pingWaits = false;
  #pendingTopics = 0;

  constructor(context: ConnectionContext, wire: Wire) {
    const { clock, limits, report } = context;
    const now = clock.monotonic();
    this.#context = context;
    this.#wire = wire;
    this.#outlet = new Outlet(wire, {
      log: context.log,
      now: () => ({ wall: clock.wall(), monotonic: clock.monotonic() }),
      resyncDelayMs: context.resyncDelayMs,
      onResync: reason => report.resync(reason),
      onFellOffTwice: () => this.#fail('fellOff', null, null),
      onDelivered: (events, bytes) => report.delivered(events, bytes),
    });
    this.#bucket = new TokenBucket(
      limits.clientMessagesPerSecond,
      limits.clientMessagesPerSecond * BURST,
      now,
    );
    this.#state = { kind: 'greeting', deadline: now + limits.authTimeoutMs };
    report.opened();
    const hello = { type: 'system', event: 'hello', message: 'send access_token' } as const;
    this.#outlet.sayNow(() => encodeOk({ ...hello, protocol: PROTOCOL_VERSION }));
    this.wake();
    this.#plan();
  }

  get tenant(): string {
    return this.#session?.tenant ?? '';
  }

  get user(): string {
    return this.#session?.user ?? '';
  }

  get turn(): string {
    return this.tenant;
  }

  // ---- what the transport tells

  text(message: string): void {
    this.#guard(() => {
      this.alive();
      if (!this.#admit()) return;
      if (this.#checking) this.#inbox.push(message);
      else this.#receive(message);
    });
  }

  binary(): void {
    this.#fail('binary', 'malformed', null);
  }

  tooBig(): void {
    this.#fail('tooBig', 'too_big', null);
  }

  alive(): void {
    if (this.#state.kind === 'open') this.#state.liveness.alive();
  }

  flushed(): void {
    this.#outlet.flushed();
    this.alive();
    this.wake();
  }

  closed(): void {
    const state = this.#state;
    if (state.kind === 'closed') return;
    const session = this.#session;
    if (session !== null) this.#context.router.remove(this, session.entitlement.subscriptions());
    this.#state = { kind: 'closed' };
    this.#inbox.length = 0;
    this.#context.deadlines.clear(this);
    this.#context.report.closed(state.kind === 'closing' ? state.how : 'peer');
    this.#context.onClosed(this);
  }

  // ---- what the process tells

  announceStale(stale: boolean): void {
    if (this.#state.kind === 'open') this.#say({ type: 'system', event: 'stale', stale });
  }

  /** Sends the client elsewhere: after `delayMs`, with a cursor that is fresh. One without a session is just sent away. */
  drain(delayMs: number): void {
    if (this.#state.kind !== 'open') {
      this.#end('goingAway');
      return;
    }
    this.#outlet.say(({ cursor }) =>
      encodeOk({ type: 'system', event: 'reconnect', delayMs, reason: 'drain', cursor }),
    );
    this.#end('drain');
  }

  /** Refuses it right after the handshake. */
  refuse(ending: 'overCapacity' | 'noFeed'): void {
    this.#fail(ending, 'over_capacity', null);
  }

  terminate(): void {
    this.#wire.terminate();
  }

  visit(): boolean {
    if (this.#state.kind === 'closed') return false;
    try {
      const more = this.#outlet.flush();
      this.#balance();
      return more;
    } catch (error) {
      // Whatever is wrong here would be wrong at the next try, so not even a goodbye goes through the outlet again.
      this.#context.logger.error(
        { err: error, session: this.#session?.id },
        'sending failed; connection terminated',
      );
      this.#fail('internal', null, null);
      this.#wire.terminate();
      return false;
    }
  }

  due(now: number): void {
    this.#guard(() => {
      const state = this.#state;
      switch (state.kind) {
        case 'greeting':
          if (now >= state.deadline) this.#fail('authTimeout', 'auth_timeout', null);
          break;
        case 'open':
          this.#dueWhileOpen(state.session, state.liveness, now);
          break;
        case 'closing':
          if (now >= state.deadline) this.#wire.terminate();
          break;
        case 'closed':
          return;
      }
      this.#plan();
    });
  }

  // ---- receiving

  #admit(): boolean {
    if (this.#state.kind === 'closing' || this.#state.kind === 'closed') return false;
    const now = this.#context.clock.monotonic();
    if (this.#bucket.take(now)) return true;
    if (this.#excess.strike(now)) this.#fail('rateLimited', 'rate_limited', null);
    else this.#error('rate_limited', null);
    return false;
  }

  #receive(text: string): void {
    const message = parseClientMessage(text);
    if (message === null) {
      this.#malformed();
      return;
    }
    if (this.#state.kind === 'greeting') this.#greet(message);
    else if (this.#state.kind === 'open') this.#request(this.#state.session, message);
  }

  #malformed(): void {
    const last = this.#state.kind === 'greeting' || this.#strikes.strike(this.#context.clock.monotonic());
    if (last) this.#fail('malformed', 'malformed', null);
    else this.#error('malformed', null);
  }

  #greet(message: ClientMessage): void {
    if (!message.protocolSupported) {
      this.#fail('protocolVersion', null, null);
      return;
    }
    switch (message.token.kind) {
      case 'absent':
        this.#error('token_missing', message.ref);
        return;
      case 'unusable':
        this.#context.report.refused('malformed');
        this.#fail('accessDenied', 'access_denied', message.ref);
        return;
      case 'present':
        this.#check(message.token.text, outcome => this.#connect(message, outcome));
    }
  }

  /** Has a token checked; messages that come meanwhile wait, so that order holds. */
  #check(token: string, then: (outcome: AuthOutcome) => void): void {
    this.#checking = true;
    this.#balance();
    this.#context.authenticate(token).then(
      outcome => this.#guard(() => this.#resumeInbox(() => then(outcome))),
      (error: unknown) => this.#crash(error),
    );
  }

  #resumeInbox(first: () => void): void {
    this.#checking = false;
    if (this.#state.kind === 'closing' || this.#state.kind === 'closed') return;
    first();
    while (!this.#checking) {
      const next = this.#inbox.shift();
      if (next === undefined) break;
      this.#receive(next);
    }
    this.#balance();
  }

  #connect(message: ClientMessage, outcome: AuthOutcome): void {
    if (this.#state.kind !== 'greeting') return;
    if (outcome.kind === 'refused') {
      this.#refuseToken(outcome.fault, message.ref);
      return;
    }
    this.#open(message, outcome.identity);
  }

  #refuseToken(fault: Extract<AuthOutcome, { kind: 'refused' }>['fault'], ref: Ref | null): void {
    this.#context.report.refused(fault);
    // A key server out of reach is our trouble: told to fetch a new token, clients would only add to it.
    if (fault === 'keys_unavailable') this.#fail('internal', 'internal', ref);
    else if (fault === 'no_tenant') this.#fail('noTenant', 'forbidden', ref);
    else this.#fail('accessDenied', 'access_denied', ref);
  }

  /** Locating the cursor and going live is one synchronous turn: there is no moment between "replayed" and "live". */
  #open(message: ClientMessage, identity: Identity): void {
    const { clock, limits, random, report, router, newSessionId, isStale, resyncDelayMs, onAuthenticated } =
      this.#context;
    const monotonic = clock.monotonic();
    const start = this.#start(message.cursor, identity.tenant);
    const session = new Session(newSessionId(), identity, start.position, limits.maxSubscriptions);
    session.adopt(identity, { wall: clock.wall(), monotonic });
    const { subscribed, denied } = session.subscribe(message.subscribe ?? [], start.position);
    const liveness = new Liveness(limits.pingIntervalMs, limits.pongTimeoutMs, monotonic, random());
    this.#state = { kind: 'open', session, liveness };
    router.add(this);
    onAuthenticated(this);
    for (const pattern of subscribed) router.subscribe(this, pattern);
    this.#outlet.follow(session.entitlement, start);
    report.authenticated(start.resume);
    if (start.reason !== null) report.resync(start.reason);
    const resync = start.reason === null ? {} : { reason: start.reason, delayMs: resyncDelayMs() };
    this.#outlet.sayNow(({ cursor }) =>
      encodeOk({
        type: 'system',
        event: 'connected',
        connected: true,
        message: `Connected as user ${identity.user}`,
        user: identity.user,
        tenant: identity.tenant,
        session: session.id,
        resume: start.resume,
        ...resync,
        subscribed,
        denied,
        lastEventId: null,
        cursor: start.resume === 'resumed' && message.cursor !== null ? message.cursor : cursor,
        stale: isStale(),
        expiresInMs: this.#expiresIn(session),
        pingIntervalMs: limits.pingIntervalMs,
        ...(message.ref === null ? {} : { ref: message.ref }),
      }),
    );
    this.wake();
    this.#plan();
  }

  #start(
    cursor: string | null,
    tenant: string,
  ): Start & { resume: 'new' | 'resumed' | 'resync'; reason: ResyncReason | null } {
    const { log } = this.#context;
    const present = { position: log.head, coveredUntil: log.coveredUntil, overlap: null };
    if (cursor === null) return { ...present, resume: 'new', reason: null };
    const located = log.locate(cursor, tenant);
    if (located.kind === 'lost') return { ...present, resume: 'resync', reason: located.reason };
    const { sequence: position, coveredUntil, overlapUntil } = located;
    const overlap = overlapUntil === null ? null : { cursor, until: overlapUntil };
    return { position, coveredUntil, overlap, resume: 'resumed', reason: null };
  }

  #request(session: Session, message: ClientMessage): void {
    switch (message.token.kind) {
      case 'absent':
        this.#apply(session, message, []);
        return;
      case 'unusable':
        this.#context.report.refused('malformed');
        this.#error('access_denied', message.ref);
        return;
      case 'present':
        this.#check(message.token.text, outcome => this.#refresh(session, message, outcome));
    }
  }

  #refresh(session: Session, message: ClientMessage, outcome: AuthOutcome): void {
    if (this.#state.kind !== 'open') return;
    if (outcome.kind === 'refused') {
      // The old token stays valid until it expires.
      this.#context.report.refused(outcome.fault);
      this.#error(outcome.fault === 'keys_unavailable' ? 'internal' : 'access_denied', message.ref);
      return;
    }
    if (!session.isSame(outcome.identity)) {
      this.#fail('otherIdentity', 'forbidden', message.ref);
      return;
    }
    const { clock, report, router } = this.#context;
    const lost = session.adopt(outcome.identity, { wall: clock.wall(), monotonic: clock.monotonic() });
    for (const pattern of lost) router.unsubscribe(this, pattern);
    report.refreshed();
    this.#apply(session, message, lost);
    this.#plan();
  }

  /** Unsubscribes, subscribes, answers. A subscription begins at its reply's place in the stream. */
  #apply(session: Session, message: ClientMessage, lost: readonly string[]): void {
    const { log, router } = this.#context;
    const isRequest =
      message.subscribe !== null || message.unsubscribe !== null || message.token.kind === 'present';
    if (!isRequest && !message.ping) {
      this.#error('unknown_message', message.ref);
      return;
    }
    if (isRequest) {
      for (const pattern of message.unsubscribe ?? []) {
        if (session.entitlement.remove(pattern)) router.unsubscribe(this, pattern);
      }
      const { subscribed, denied } = session.subscribe(message.subscribe ?? [], log.head);
      for (const pattern of subscribed) router.subscribe(this, pattern);
      const unsubscribed = [...new Set([...lost, ...(message.unsubscribe ?? [])])];
      const ref = message.ref === null ? {} : { ref: message.ref };
      const topics = subscribed.length + unsubscribed.length + denied.length;
      this.#pendingTopics += topics;
      this.#outlet.say(({ cursor, lastEventId }) => {
        this.#pendingTopics -= topics;
        const expiresInMs = this.#expiresIn(session);
        return encodeOk({
          type: 'reply',
          ...ref,
          subscribed,
          unsubscribed,
          denied,
          cursor,
          lastEventId,
          expiresInMs,
        });
      });
    }
    if (message.ping) this.#ping();
    this.wake();
  }

  // ---- time

  #dueWhileOpen(session: Session, liveness: Liveness, now: number): void {
    if (now >= session.expiresAt) {
      this.#fail('tokenExpired', 'access_denied', null);
      return;
    }
    if (liveness.isDead(now)) {
      this.#context.logger.debug({ session: session.id }, 'no sign of life');
      this.#fail('noSignOfLife', null, null);
      return;
    }
    if (now >= session.warnAt) {
      session.warnAt = Infinity;
      this.#say({ type: 'system', event: 'token_expiring', expiresInMs: this.#expiresIn(session) });
    }
    if (liveness.takePing(now)) {
      this.#wire.probe();
      this.#ping();
    }
  }

  #plan(): void {
    const { deadlines } = this.#context;
    const state = this.#state;
    switch (state.kind) {
      case 'greeting':
      case 'closing':
        deadlines.set(this, state.deadline);
        return;
      case 'open':
        deadlines.set(this, Math.min(state.session.expiresAt, state.session.warnAt, state.liveness.due));
        return;
      case 'closed':
        return;
    }
  }

  #expiresIn(session: Session): number {
    return Math.max(0, Math.round(session.expiresAt - this.#context.clock.monotonic()));
  }

  // ---- sending

  /** One at a time: pings of a client that doesn't read mustn't pile up. */
  #ping(): void {
    if (this.#pingWaits) return;
    this.#pingWaits = true;
    this.#outlet.say(({ cursor, lastEventId }) => {
      this.#pingWaits = false;
      return encodeOk({
        type: 'system',
        event: 'ping',
        connected: true,
        message: 'events ping',
        lastEventId,
        cursor,
      });
    });
    this.wake();
  }

  #say(message: Parameters<typeof encodeOk>[0]): void {
    const text = encodeOk(message);
    this.#outlet.say(() => text);
    this.wake();
  }

  #error(code: ErrorCode, ref: Ref | null): void {
    this.#context.report.clientError(code);
    this.#outlet.sayNow(() => encodeError(code, ref));
    this.wake();
  }

  /** There may be something new in the log, or something to say. */
  wake(): void {
    if (this.#state.kind !== 'closed') this.#context.scheduler.schedule(this);
  }

  /** Stops reading from a client that doesn't take its answers, or whose token is being checked. */
  #balance(): void {
    const isFull = this.#outlet.pending > MAX_PENDING || this.#pendingTopics > MAX_PENDING_TOPICS;
    const pause = this.#checking || isFull;
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#wire.pause();
    else this.#wire.resume();
  }

  // ---- the end

  /** Says why, drops the rest, closes. */
  #fail(how: EndingName, code: ErrorCode | null, ref: Ref | null): void {
    if (this.#state.kind === 'closing' || this.#state.kind === 'closed') return;
    if (code !== null) this.#context.report.clientError(code);
    this.#outlet.fail(ENDINGS[how], code === null ? null : encodeError(code, ref));
    this.#beginClosing(how);
  }

  #end(how: EndingName): void {
    if (this.#state.kind === 'closing' || this.#state.kind === 'closed') return;
    this.#outlet.end(ENDINGS[how]);
    this.#beginClosing(how);
  }

  #beginClosing(how: EndingName): void {
    const deadline = this.#context.clock.monotonic() + CLOSE_TIMEOUT_MS;
    this.#state = { kind: 'closing', session: this.#session, deadline, how };
    this.#inbox.length = 0;
    this.#plan();
    this.wake();
  }

  get #session(): Session | null {
    return this.#state.kind === 'open' || this.#state.kind === 'closing' ? this.#state.session : null;
  }

  /** A fault of ours in handling one client's input ends that connection, nothing else. */
  #guard(task: () => void): void {
    try {
      task();
    } catch (error) {
      this.#crash(error);
    }
  }

  #crash(error: unknown): void {
    this.#context.logger.error({ err: error, session: this.#session?.id }, 'handling a connection failed');
    this.#fail('internal', 'internal', null);
  }
}
