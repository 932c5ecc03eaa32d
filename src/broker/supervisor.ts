import type { Clock } from '../clock.js';
import { backoffMs } from './backoff.js';

/** One try to attach to a broker, and the attachment that comes of it. Its handlers aren't called before it is returned. */
export interface Attachment {
  /** Lets go of everything. No handler is called any more. Never rejects. */
  release(): Promise<void>;
}

export interface AttachmentHandlers<Why> {
  /** Attached, at most once. */
  ready(): void;
  /** The try failed, or after `ready` the attachment is lost; once. Everything is being let go of already. */
  ended(why: Why): void;
}

export interface SupervisorOptions {
  /** How many brokers there are to try in turn. */
  readonly endpoints: number;
  /** How long a loss, or the start, may take. 0: one round at the start, none after a loss; -1: for ever. */
  readonly deadlineMs: number;
}

export interface SupervisorDeps<Why> {
  readonly clock: Clock;
  /** 0 ≤ x < 1 */
  readonly random: () => number;
  readonly attach: (endpoint: number, handlers: AttachmentHandlers<Why>) => Attachment;
  readonly onAttached: (outage: Outage) => void;
  readonly onLost: (why: Why) => void;
  readonly onFailed: (why: Why, outage: Outage, retryInMs: number | null) => void;
  /** @param why `null`: the deadline passed while a first try was under way */
  readonly onGivenUp: (why: Why | null, outage: Outage) => void;
}

/** The time without an attachment: since the start, or since a loss. */
export interface Outage {
  readonly first: boolean;
  readonly lastedMs: number;
  readonly attempts: number;
}

export interface Supervisor {
  /** Resolves once attached for the first time, given up, or stopped. */
  start(): Promise<void>;
  /** Idempotent; never rejects. */
  stop(): Promise<void>;
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'waiting'; readonly cancel: () => void }
  | { readonly kind: 'trying'; readonly attachment: Attachment }
  | { readonly kind: 'attached'; readonly attachment: Attachment; readonly since: number }
  | { readonly kind: 'over' };

/** An attachment that lasted less than this doesn't reset the backoff, or a flapping one would be retried at full speed. */
const STABLE_MS = 10_000;

/** Keeps one attachment alive: tries the brokers in turn, waits between rounds, gives up at the deadline. */
export function supervise<Why>(options: SupervisorOptions, deps: SupervisorDeps<Why>): Supervisor {
  const { clock } = deps;
  let state: State = { kind: 'idle' };
  let nextEndpoint = 0;
  let leftInRound = options.endpoints;
  let failedRounds = 0;

  let everAttached = false;
  let outageSince = 0;
  let attempts = 0;
  let lastFailure: Why | null = null;
  let cancelDeadline = (): void => {};

  let settleStart = (): void => {};
  const started = new Promise<void>(resolve => {
    settleStart = resolve;
  });
  let released: Promise<void> = Promise.resolve();

  function outage(): Outage {
    return { first: !everAttached, lastedMs: Math.round(clock.monotonic() - outageSince), attempts };
  }

  function beginOutage(): void {
    outageSince = clock.monotonic();
    attempts = 0;
    lastFailure = null;
    leftInRound = options.endpoints;
    if (options.deadlineMs > 0) cancelDeadline = clock.after(options.deadlineMs, giveUp);
  }

  function attempt(): void {
    const endpoint = nextEndpoint;
    nextEndpoint = (nextEndpoint + 1) % options.endpoints;
    leftInRound--;
    attempts++;
    const attachment = deps.attach(endpoint, {
      ready() {
        if (state.kind !== 'trying' || state.attachment !== attachment) return;
        cancelDeadline();
        const ended = outage();
        state = { kind: 'attached', attachment, since: clock.monotonic() };
        everAttached = true;
        deps.onAttached(ended);
        settleStart();
      },
      ended(why) {
        if (state.kind === 'trying' && state.attachment === attachment) failed(why);
        else if (state.kind === 'attached' && state.attachment === attachment) lost(why, state.since);
      },
    });
    state = { kind: 'trying', attachment };
  }

  function failed(why: Why): void {
    lastFailure = why;
    if (leftInRound > 0) {
      deps.onFailed(why, outage(), 0);
      wait(0);
      return;
    }
    if (options.deadlineMs === 0) {
      deps.onFailed(why, outage(), null);
      giveUp();
      return;
    }
    const delay = nextDelay();
    deps.onFailed(why, outage(), delay);
    wait(delay);
  }

  function lost(why: Why, since: number): void {
    if (clock.monotonic() - since >= STABLE_MS) failedRounds = 0;
    beginOutage();
    lastFailure = why;
    // Before the callback, which may stop us.
    state = { kind: 'waiting', cancel() {} };
    deps.onLost(why);
    if (state.kind !== 'waiting') return;
    if (options.deadlineMs === 0) giveUp();
    else wait(nextDelay());
  }

  function nextDelay(): number {
    leftInRound = options.endpoints;
    return backoffMs(failedRounds++, deps.random());
  }

  function wait(ms: number): void {
    if (state.kind !== 'over') state = { kind: 'waiting', cancel: clock.after(ms, attempt) };
  }

  function end(): void {
    cancelDeadline();
    if (state.kind === 'waiting') state.cancel();
    if (state.kind === 'trying' || state.kind === 'attached') released = state.attachment.release();
    state = { kind: 'over' };
  }

  function giveUp(): void {
    if (state.kind === 'over') return;
    end();
    deps.onGivenUp(lastFailure, outage());
    settleStart();
  }

  return {
    start() {
      if (state.kind === 'idle') {
        beginOutage();
        attempt();
      }
      return started;
    },
    async stop() {
      if (state.kind !== 'over') end();
      settleStart();
      await released;
    },
  };
}
