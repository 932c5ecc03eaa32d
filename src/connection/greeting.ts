import type { EndingName } from '../protocol/endings.js';
import type { ErrorCode } from '../protocol/errors.js';
import type { ClientMessage, Ref } from '../protocol/messages.js';
import type { AuthOutcome, Identity, TokenFault } from './authenticate.js';
import type { ConnectionContext, Member } from './context.js';
import { type Elsewhere, isElsewhere, type SessionStart, startAnew, startAt } from './start.js';

/** What the first messages ask of the connection that they come on. */
export interface GreetingHost extends Member {
  /** Has a token checked; messages that come meanwhile wait. */
  check(token: string, then: (outcome: AuthOutcome) => void): void;
  error(code: ErrorCode, ref: Ref | null): void;
  fail(how: EndingName, code: ErrorCode | null, ref: Ref | null): void;
  /** Lets the client in. */
  open(identity: Identity, message: ClientMessage, start: SessionStart): void;
}

/** Somebody with a good token and a cursor that this pod's log is not at yet, or has left behind. */
interface Parked {
  readonly identity: Identity;
  readonly message: ClientMessage;
  readonly from: Elsewhere;
  lookAt: number;
  /** Since when, monotonic ms. */
  readonly since: number;
}

/** How long a pod may be behind the one that a client comes from, in a stream that both read. */
const BEHIND_MS = 2000;
/** How often one who waits looks: often for a wait of milliseconds, cheap for thousands who come at once. */
const LOOK_MS = 40;

/** A connection until its client is let in: the first message, its token, and where in the log it begins. */
export class Greeting {
  readonly #context: ConnectionContext;
  readonly #host: GreetingHost;
  readonly #deadline: number;
  #parked: Parked | null = null;

  constructor(context: ConnectionContext, host: GreetingHost, now: number) {
    this.#context = context;
    this.#host = host;
    this.#deadline = now + context.limits.authTimeoutMs;
  }

  /** Its token is good, but it has to wait until the log has come as far as its cursor. */
  get isParked(): boolean {
    return this.#parked !== null;
  }

  /** When there is something to do by the clock, monotonic ms. */
  get dueAt(): number {
    return this.#parked?.lookAt ?? this.#deadline;
  }

  due(now: number): void {
    const parked = this.#parked;
    if (parked === null) {
      if (now >= this.#deadline) this.#host.fail('authTimeout', 'auth_timeout', null);
    } else if (parked.identity.expiresAt <= this.#context.clock.wall()) {
      this.#host.fail('tokenExpired', 'access_denied', null);
    } else if (this.#isToWait(parked, now)) {
      parked.lookAt = now + LOOK_MS;
    } else {
      this.#enter(parked.identity, parked.message, parked.since, now);
    }
  }

  request(message: ClientMessage): void {
    if (!message.protocolSupported) {
      this.#host.fail('protocolVersion', null, null);
      return;
    }
    switch (message.token.kind) {
      case 'absent':
        this.#host.error('token_missing', message.ref);
        return;
      case 'unusable':
        this.#refuse('malformed', message.ref);
        return;
      case 'present':
        this.#host.check(message.token.text, outcome => {
          if (outcome.kind === 'refused') {
            this.#refuse(outcome.fault, message.ref);
            return;
          }
          const now = this.#context.clock.monotonic();
          this.#enter(outcome.identity, message, now, now);
        });
    }
  }

  #enter(identity: Identity, message: ClientMessage, since: number, now: number): void {
    this.#context.onAuthenticated(this.#host);
    const start = this.#start(message.cursor, identity.tenant);
    if (!isElsewhere(start)) {
      this.#host.open(identity, message, start);
    } else if (start.resume === 'older' || now - since < BEHIND_MS) {
      this.#parked = { identity, message, from: start, lookAt: now + LOOK_MS, since };
    } else if (start.mayCome) {
      // This pod's feed stands still. Another has what the client is owed, or this one will: it keeps its position.
      this.#host.fail('noFeed', 'over_capacity', message.ref);
    } else {
      this.#host.open(identity, message, startAnew(this.#context.log, 'unknown_position'));
    }
  }

  #start(cursor: string | null, tenant: string): SessionStart | Elsewhere {
    const { log, past } = this.#context;
    const start = startAt(log, cursor, tenant);
    if (start.resume === 'older' && cursor !== null) {
      return past.begin(this.#host, { cursor, tenant, offset: start.offset }) ?? start;
    }
    past.forget(this.#host);
    return start;
  }

  #isToWait({ from: { resume, offset }, since }: Parked, now: number): boolean {
    if (resume === 'older') return this.#context.past.isToWait(this.#host);
    return now < since + BEHIND_MS && !this.#context.log.hasReached(offset);
  }

  #refuse(fault: TokenFault, ref: Ref | null): void {
    this.#context.report.refused(fault);
    // A key server out of reach is our trouble: told to fetch a new token, clients would only add to it.
    if (fault === 'keys_unavailable') this.#host.fail('internal', 'internal', ref);
    else if (fault === 'no_tenant') this.#host.fail('noTenant', 'forbidden', ref);
    else this.#host.fail('accessDenied', 'access_denied', ref);
  }
}
