import type { EndingName } from '../protocol/endings.js';
import type { ErrorCode } from '../protocol/errors.js';
import type { ClientMessage, Ref } from '../protocol/messages.js';
import type { AuthOutcome, Identity } from './authenticate.js';
import type { ConnectionContext, Member } from './context.js';
import { Liveness } from './liveness.js';
import type { Outlet } from './outlet.js';
import { ping, type Reply, reply, tokenExpiring, welcome } from './replies.js';
import { Session } from './session.js';
import type { SessionStart } from './start.js';

/** What an open session asks of the connection that it lives on. */
export interface SessionHost extends Member {
  readonly outlet: Outlet;
  /** Asks the peer for a sign of life. */
  probe(): void;
  /** Has a token checked; messages that come meanwhile wait. */
  check(token: string, then: (outcome: AuthOutcome) => void): void;
  error(code: ErrorCode, ref: Ref | null): void;
  fail(how: EndingName, code: ErrorCode | null, ref: Ref | null): void;
}

/** A topic in a reply, besides its characters. */
const ECHO_BYTES = 40;

/** An authenticated connection: what its client asks for, and what is due to it by the clock. */
export class OpenSession {
  readonly session: Session;
  readonly liveness: Liveness;
  readonly #context: ConnectionContext;
  readonly #host: SessionHost;
  #pingWaits = false;

  /**
   * `start` has to be found in the same synchronous turn: then there is no moment between "replayed" and "live".
   */
  constructor(
    context: ConnectionContext,
    host: SessionHost,
    identity: Identity,
    message: ClientMessage,
    start: SessionStart,
  ) {
    const { clock, limits, random, report } = context;
    this.#context = context;
    this.#host = host;
    const now = { wall: clock.wall(), monotonic: clock.monotonic() };
    const { maxSubscriptions } = limits;
    this.session = new Session(context.newSessionId(), identity, start.position, maxSubscriptions, now);
    this.liveness = new Liveness(limits.pingIntervalMs, limits.pongTimeoutMs, now.monotonic, random());
    host.outlet.follow(this.session.entitlement, start);
    const { subscribed, denied } = this.session.subscribe(message.subscribe ?? [], start.position);
    report.authenticated(start.resume);
    if (start.reason !== null) report.resync(start.reason);
    host.outlet.sayNow(
      welcome({
        user: identity.user,
        tenant: identity.tenant,
        session: this.session.id,
        resume: start.resume,
        resync: start.reason === null ? null : { reason: start.reason, delayMs: context.resyncDelayMs() },
        cursor: start.resume === 'resumed' ? message.cursor : null,
        subscribed,
        denied,
        isStale: context.isStale,
        expiresInMs: () => this.#expiresIn(),
        pingIntervalMs: limits.pingIntervalMs,
        ref: message.ref,
      }),
    );
  }

  /** When there is something to do by the clock, monotonic ms. */
  get dueAt(): number {
    return Math.min(this.session.expiresAt, this.session.warnAt, this.liveness.due);
  }

  due(now: number): void {
    if (now >= this.session.expiresAt) {
      this.#host.fail('tokenExpired', 'access_denied', null);
      return;
    }
    if (this.liveness.isDead(now)) {
      this.#host.fail('noSignOfLife', null, null);
      return;
    }
    if (now >= this.session.warnAt) {
      this.session.warnAt = Infinity;
      this.#host.outlet.say(() => tokenExpiring(this.#expiresIn()));
    }
    if (this.liveness.takePing(now)) {
      this.#host.probe();
      this.#ping();
    }
    this.#host.wake();
  }

  request(message: ClientMessage): void {
    switch (message.token.kind) {
      case 'absent':
        this.#apply(message, []);
        return;
      case 'unusable':
        this.#context.report.refused('malformed');
        this.#host.error('access_denied', message.ref);
        return;
      case 'present':
        this.#host.check(message.token.text, outcome => this.#refresh(message, outcome));
    }
  }

  #refresh(message: ClientMessage, outcome: AuthOutcome): void {
    const { clock, report, router } = this.#context;
    if (outcome.kind === 'refused') {
      // The old token stays valid until it expires.
      report.refused(outcome.fault);
      this.#host.error(outcome.fault === 'keys_unavailable' ? 'internal' : 'access_denied', message.ref);
      return;
    }
    if (!this.session.isSame(outcome.identity)) {
      this.#host.fail('otherIdentity', 'forbidden', message.ref);
      return;
    }
    const lost = this.session.adopt(outcome.identity, { wall: clock.wall(), monotonic: clock.monotonic() });
    for (const pattern of lost) router.unsubscribe(this.#host, pattern);
    report.refreshed();
    this.#apply(message, lost);
  }

  /** Unsubscribes, subscribes, answers. A subscription begins at its reply's place in the stream. */
  #apply(message: ClientMessage, lost: readonly string[]): void {
    const { router } = this.#context;
    const isRequest =
      message.subscribe !== null || message.unsubscribe !== null || message.token.kind === 'present';
    if (!isRequest && !message.ping) {
      this.#host.error('unknown_message', message.ref);
      return;
    }
    if (isRequest) {
      for (const pattern of message.unsubscribe ?? []) {
        if (this.session.entitlement.remove(pattern)) router.unsubscribe(this.#host, pattern);
      }
      const { subscribed, denied } = this.session.subscribe(message.subscribe ?? [], this.#host.outlet.head);
      for (const pattern of subscribed) router.subscribe(this.#host, pattern);
      const unsubscribed = [...new Set([...lost, ...(message.unsubscribe ?? [])])];
      const expiresInMs = () => this.#expiresIn();
      this.#answer({ subscribed, unsubscribed, denied, expiresInMs, ref: message.ref });
    }
    if (message.ping) this.#ping();
    this.#host.wake();
  }

  #answer(content: Reply): void {
    const { subscribed, unsubscribed, denied } = content;
    // What it will echo: one message can name 16,000 topics.
    const cost = [...subscribed, ...unsubscribed, ...denied.map(({ topic }) => topic)].reduce(
      (sum, topic) => sum + ECHO_BYTES + topic.length,
      0,
    );
    if (subscribed.length > 0) this.#host.outlet.anchor();
    this.#host.outlet.say(reply(content), cost);
  }

  /** One at a time: pings of a client that doesn't read mustn't pile up. */
  #ping(): void {
    if (this.#pingWaits) return;
    this.#pingWaits = true;
    this.#host.outlet.say(place => {
      this.#pingWaits = false;
      return ping(place);
    });
  }

  #expiresIn(): number {
    return Math.max(0, Math.round(this.session.expiresAt - this.#context.clock.monotonic()));
  }
}
