import { encodeError } from '../protocol/codec.js';
import { ENDINGS, type EndingName } from '../protocol/endings.js';
import type { ErrorCode } from '../protocol/errors.js';
import type { ClientMessage, Ref } from '../protocol/messages.js';
import type { AuthOutcome, Identity } from './authenticate.js';
import type { ConnectionContext } from './context.js';
import type { Due } from './deadlines.js';
import { Greeting, type GreetingHost } from './greeting.js';
import { Inbound, type Incoming } from './inbound.js';
import { OpenSession, type SessionHost } from './open-session.js';
import { Outlet, type OutletOwner } from './outlet.js';
import { hello, reconnect, stale } from './replies.js';
import type { Visited } from './turn.js';
import type { Session } from './session.js';
import type { SessionStart } from './start.js';
import type { Sheddable } from './unsent.js';
import type { Wire, WireOwner } from './wire.js';

/** Fields exist only in the states in which they mean something. */
type State =
  | { readonly kind: 'greeting'; readonly greeting: Greeting }
  | { readonly kind: 'open'; readonly open: OpenSession }
  | {
      readonly kind: 'closing';
      readonly session: Session | null;
      readonly deadline: number;
      readonly how: EndingName;
      /** What came meanwhile, in characters. */
      ignored: number;
    }
  | { readonly kind: 'closed' };

/** A peer that doesn't answer the close, or doesn't read, is gone after this. */
const CLOSE_TIMEOUT_MS = 5000;
/**
 * What a client may still say while its goodbye waits for room to leave. Reading isn't paused meanwhile: pongs, which
 * make room, come the same way.
 */
const MAX_IGNORED = 64 * 1024;
/** What a message counts for, however short. */
const MESSAGE_COST = 64;

/** One browser: from the handshake to the end, whichever transport it came by. */
export class Connection
  implements GreetingHost, SessionHost, OutletOwner, WireOwner, Visited, Due, Sheddable
{
  waitsSince: number | null = null;
  tick: number | null = null;
  readonly outlet: Outlet;
  readonly #context: ConnectionContext;
  readonly #wire: Wire;
  readonly #inbound: Inbound;
  #state: State;
  /** Its session's, from then on; kept here, as it is asked for at each wake. */
  #tenant = '';
  #paused = false;

  constructor(context: ConnectionContext, wire: Wire) {
    const { clock, limits, report } = context;
    const now = clock.monotonic();
    this.#context = context;
    this.#wire = wire;
    this.outlet = new Outlet(wire, context.outlets, this);
    this.#inbound = new Inbound(limits.clientMessagesPerSecond, now, incoming => this.#take(incoming));
    this.#state = { kind: 'greeting', greeting: new Greeting(context, this, now) };
    report.opened();
    this.outlet.sayNow(hello);
    this.#plan();
  }

  get tenant(): string {
    return this.#tenant;
  }

  get user(): string {
    return this.#session?.user ?? '';
  }

  get turn(): string {
    return this.tenant;
  }

  lagsBehind(position: number, now: number): boolean {
    return this.outlet.lagsBehind(position, now);
  }

  isBehind(position: number, now: number): boolean {
    return this.outlet.isBehind(position, now);
  }

  giveUpOn(): void {
    this.outlet.giveUpOn();
  }

  leavePast(): void {
    this.outlet.leavePast();
  }

  // ---- what the outlet tells

  tooMuch(): void {
    this.fail('rateLimited', 'rate_limited', null);
  }

  fellOffTwice(): void {
    this.fail('fellOff', null, null);
  }

  leftPast(): void {
    this.#context.past.forget(this);
  }

  unsent(bytes: number): void {
    this.#context.unsent.hold(this, bytes);
  }

  // ---- what the transport tells

  text(message: string): void {
    if (this.#ignores(message.length)) return;
    this.#guard(() => {
      this.alive();
      this.#inbound.receive(message, this.#context.clock.monotonic());
      this.#balance();
    });
  }

  binary(): void {
    if (!this.#ignores(0)) this.fail('binary', 'malformed', null);
  }

  tooBig(): void {
    if (!this.#ignores(0)) this.fail('tooBig', 'too_big', null);
  }

  alive(): void {
    if (this.#state.kind === 'open') this.#state.open.liveness.alive();
  }

  flushed(): void {
    this.outlet.flushed();
    this.alive();
    // It wasn't idle, so there is nothing to notice.
    if (this.#state.kind !== 'closed') this.#context.scheduler.schedule(this);
  }

  closed(): void {
    const state = this.#state;
    if (state.kind === 'closed') return;
    const session = this.#session;
    if (session !== null) this.#context.router.remove(this, session.entitlement.subscriptions());
    this.#state = { kind: 'closed' };
    this.outlet.closed();
    this.#inbound.clear();
    this.#context.deadlines.clear(this);
    this.#context.unsent.free(this);
    this.#context.past.forget(this);
    this.#context.report.closed(state.kind === 'closing' ? state.how : 'peer');
    this.#context.onClosed(this);
  }

  // ---- what the process tells

  wake(): void {
    // Who waits already isn't idle, so it has noticed. In a burst most do, and this looks at nothing else of them:
    // an eighth of the burst's CPU went to memory that wasn't in the cache. Nor at the state, an object of its own: the
    // outlet of one that is closed sends nothing.
    if (this.waitsSince !== null) return;
    this.#notice();
    this.#context.scheduler.schedule(this);
  }

  told(place: number): boolean {
    if (this.#state.kind === 'closed' || !this.outlet.isBefore(place)) return false;
    this.#notice();
    return true;
  }

  /** Whatever it is woken for, there may be an earlier event for it of which it hasn't been told yet. */
  #notice(): void {
    this.outlet.notice(this.#context.broadcasts.oldestOf(this.tenant));
  }

  announceStale(isStale: boolean): void {
    if (this.#state.kind !== 'open') return;
    this.outlet.say(stale(isStale));
    this.wake();
  }

  /** With a cursor that is fresh. A client without a session is just sent away. */
  drain(delayMs: number): void {
    if (this.#state.kind === 'closing' || this.#state.kind === 'closed') return;
    const isOpen = this.#state.kind === 'open';
    this.#notice();
    if (isOpen) this.outlet.say(reconnect(delayMs));
    const how = isOpen ? 'drain' : 'goingAway';
    this.outlet.end(ENDINGS[how]);
    this.#beginClosing(how);
  }

  /** Refuses it right after the handshake. */
  refuse(ending: 'overCapacity' | 'noFeed'): void {
    this.fail(ending, 'over_capacity', null);
  }

  terminate(): void {
    this.#wire.terminate();
  }

  shed(): void {
    this.fail('overCapacity', null, null);
    this.#wire.terminate();
  }

  visit(): boolean {
    try {
      return this.outlet.flush();
    } catch (error) {
      // Whatever is wrong here would be wrong at the next try, so not even a goodbye goes through the outlet again.
      const fields = { err: error, session: this.#session?.id };
      this.#context.logger.error(fields, 'sending failed, a bug in Warren; connection terminated');
      this.fail('internal', null, null);
      this.#wire.terminate();
      return false;
    }
  }

  due(now: number): void {
    this.#guard(() => {
      const state = this.#state;
      switch (state.kind) {
        case 'greeting':
          state.greeting.due(now);
          this.#goOn();
          break;
        case 'open':
          state.open.due(now);
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

  // ---- what greeting and session ask for

  probe(): void {
    this.#wire.probe();
  }

  check(token: string, then: (outcome: AuthOutcome) => void): void {
    this.#inbound.hold();
    this.#context.authenticate(token).then(
      outcome =>
        this.#guard(() => {
          if (this.#state.kind === 'closing' || this.#state.kind === 'closed') return;
          then(outcome);
          this.#goOn();
          this.#plan();
        }),
      (error: unknown) => this.#crash(error),
    );
  }

  open(identity: Identity, message: ClientMessage, start: SessionStart): void {
    this.#tenant = identity.tenant;
    const open = new OpenSession(this.#context, this, identity, message, start);
    this.#state = { kind: 'open', open };
    this.#context.router.add(this);
    for (const pattern of open.session.entitlement.subscriptions()) {
      this.#context.router.subscribe(this, pattern);
    }
    this.wake();
  }

  error(code: ErrorCode, ref: Ref | null): void {
    this.#context.report.clientError(code);
    this.outlet.sayNow(() => encodeError(code, ref));
    this.wake();
  }

  /** Says why, drops what waits, closes. */
  fail(how: EndingName, code: ErrorCode | null, ref: Ref | null): void {
    if (this.#state.kind === 'closing' || this.#state.kind === 'closed') return;
    if (code !== null) this.#context.report.clientError(code);
    this.outlet.fail(ENDINGS[how], code === null ? null : encodeError(code, ref));
    this.#beginClosing(how);
  }

  // ---- receiving

  /** A flood goes on for a while after its goodbye; too much of it, and the goodbye isn't waited for. */
  #ignores(length: number): boolean {
    const state = this.#state;
    if (state.kind === 'closing' && !this.outlet.hasEnded) {
      state.ignored += MESSAGE_COST + length;
      if (state.ignored > MAX_IGNORED) this.#wire.terminate();
    }
    return state.kind === 'closing' || state.kind === 'closed';
  }

  #take(incoming: Incoming): void {
    const state = this.#state;
    if (state.kind === 'closing' || state.kind === 'closed') return;
    switch (incoming.kind) {
      case 'excess':
        if (incoming.last) this.fail('rateLimited', 'rate_limited', null);
        else this.error('rate_limited', null);
        return;
      case 'malformed':
        if (incoming.last || state.kind === 'greeting') this.fail('malformed', 'malformed', null);
        else this.error('malformed', null);
        return;
      case 'message':
        if (state.kind === 'greeting') state.greeting.request(incoming.message);
        else state.open.request(incoming.message);
    }
  }

  /** Messages that waited have their turn, unless their client has to wait on. */
  #goOn(): void {
    if (this.#state.kind === 'greeting' && this.#state.greeting.isParked) return;
    this.#inbound.release(this.#context.clock.monotonic());
    this.#balance();
  }

  /** Stops reading from a client that goes on talking while it has to wait. */
  #balance(): void {
    const pause = this.#inbound.isFull;
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#wire.pause();
    else this.#wire.resume();
  }

  // ---- time and the end

  #plan(): void {
    const { deadlines } = this.#context;
    const state = this.#state;
    if (state.kind === 'open') deadlines.set(this, state.open.dueAt);
    else if (state.kind === 'greeting') deadlines.set(this, state.greeting.dueAt);
    else if (state.kind !== 'closed') deadlines.set(this, state.deadline);
  }

  #beginClosing(how: EndingName): void {
    const deadline = this.#context.clock.monotonic() + CLOSE_TIMEOUT_MS;
    this.#state = { kind: 'closing', session: this.#session, deadline, how, ignored: 0 };
    this.#inbound.clear();
    // It goes on reading what there is, but nothing more is fetched for it.
    this.#context.past.forget(this);
    this.#plan();
    this.wake();
  }

  get #session(): Session | null {
    const state = this.#state;
    if (state.kind === 'open') return state.open.session;
    return state.kind === 'closing' ? state.session : null;
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
    const fields = { err: error, session: this.#session?.id };
    this.#context.logger.error(fields, 'handling a connection failed, a bug in Warren');
    this.fail('internal', 'internal', null);
  }
}
