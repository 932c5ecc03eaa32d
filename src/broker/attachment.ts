import type { Clock } from '../clock.js';
import type { BrokerAddress } from './address.js';
import type { AmqpChannel, AmqpConnection } from './amqp.js';
import { connect } from './amqplib.js';
import { keepBound } from './binding-keeper.js';
import { type CanaryHandlers, watchCanary } from './canary.js';
import { type Fault, faultOf, isQueueGone, NOT_FOUND, type Step } from './fault.js';
import type { LossCause } from './report.js';
import type { Attachment, AttachmentHandlers } from './supervisor.js';
import type { FeedTls } from './tls-files.js';
import type { Canary, Declaration } from './topology.js';

export interface AttachmentOptions {
  readonly address: BrokerAddress;
  readonly tls: FeedTls | null;
  readonly heartbeatSeconds: number;
  readonly connectTimeoutMs: number;
  readonly name: string;
  readonly soundIntervalMs: number;
  readonly probeIntervalMs: number;
}

/** Why an attachment ended, or why there is none. */
export interface Ending {
  readonly cause: LossCause;
  readonly step: Step;
  readonly fault: Fault;
}

/** What one kind of feed does on its connection. */
export interface Plan {
  /**
   * Declares what is needed and begins to consume; says `ready` on the way. What it resolves to is asked of the broker
   * from then on, again and again: up to when everything has come.
   */
  setUp(link: Link): Promise<() => Promise<void>>;
  /** Takes along what wouldn't go with the connection, which is about to be closed. May reject. */
  tidyUp(connection: AmqpConnection): Promise<void>;
}

/** The connection as the plan sees it. */
export interface Link {
  /** Nothing is to be told to anybody any more. */
  isOver(): boolean;
  /** What is being done now, should it go wrong. */
  doing(step: Step): void;
  openChannel(): Promise<AmqpChannel>;
  /** One whose end isn't the attachment's. */
  openSideChannel(onEnd: (fault: Fault) => void): Promise<AmqpChannel>;
  /** Attached. Only the first call counts. */
  ready(): void;
  end(cause: LossCause, fault: Fault): void;
  /** The broker ended a consumer. */
  readonly cancelled: () => void;
  pause(ms: number): Pause;
  /** Ends the attachment when the canary is dead. Resolves when the first look is over; never rejects. */
  watch(canary: Canary, handlers: Omit<CanaryHandlers, 'onDead'>): Promise<void>;
  /** Declares a binding again and again. Resolves when the first try is over; never rejects. */
  keepBound(declarations: readonly Declaration[], onRefused: (fault: Fault) => void): Promise<void>;
  /** The binding that events come by can't be kept: the end. */
  readonly unbound: (fault: Fault) => void;
}

export interface LinkedAttachment extends Attachment {
  /** Whether the broker says that there is no such queue. False if it doesn't say. Never rejects. */
  isGone(queue: string): Promise<boolean>;
}

export interface Pause {
  /** Resolves after the time, once ended, or when the attachment is over. */
  readonly over: Promise<void>;
  end(): void;
}

/** For all declarations together. Generous: hundreds of pods may be coming back to the broker at the same time. */
const SETUP_TIMEOUTS = 4;
/** A broker that keeps the connection alive but serves no queue; what holds up its metadata for 30 s is no reason. */
const ANSWER_TIMEOUT_MS = 60_000;
const RELEASE_TIMEOUT_MS = 2000;

/** One connection to one broker, from the first byte to the last; what is done on it is the plan's. */
export function attach(
  options: AttachmentOptions,
  clock: Clock,
  handlers: AttachmentHandlers<Ending>,
  plan: Plan,
): LinkedAttachment {
  const giveUpConnecting = new AbortController();
  const pauses = new Set<Pause>();
  const watches: { stop(): void }[] = [];
  let step: Step = 'connecting';
  let isReady = false;
  let isOver = false;
  let connection: AmqpConnection | null = null;
  let cancelTimer = (): void => {};

  function stopWaiting(): void {
    isOver = true;
    cancelTimer();
    for (const pause of pauses) pause.end();
    for (const watch of watches) watch.stop();
  }

  function end(cause: LossCause, fault: Fault): void {
    if (isOver) return;
    stopWaiting();
    handlers.ended({ cause, step, fault });
    void letGo();
  }

  async function openSideChannel(onEnd: (fault: Fault) => void): Promise<AmqpChannel> {
    if (connection === null) throw new Error('the connection is closed');
    return connection.openChannel(onEnd);
  }

  const link: Link = {
    isOver: () => isOver,
    doing(next) {
      step = next;
    },
    openChannel: () => openSideChannel(fault => end(causeOf(fault), fault)),
    openSideChannel,
    ready() {
      if (isReady || isOver) return;
      isReady = true;
      step = 'attached';
      cancelTimer();
      handlers.ready();
    },
    end,
    cancelled: () =>
      end('cancelled', { code: null, text: 'the broker ended the consumer: its queue was deleted' }),
    pause,
    async watch(canary, own) {
      if (connection === null || isOver) return;
      const watch = watchCanary(
        connection,
        { address: options.address, canary, intervalMs: options.probeIntervalMs },
        clock,
        { ...own, onDead: fault => end('exchange', fault) },
      );
      watches.push(watch);
      await watch.looked;
    },
    async keepBound(declarations, onRefused) {
      if (connection === null || isOver) return;
      const keeper = keepBound(
        connection,
        { address: options.address, declarations, intervalMs: options.probeIntervalMs },
        clock,
        onRefused,
      );
      watches.push(keeper);
      await keeper.tried;
    },
    unbound: fault =>
      end(fault.code === NOT_FOUND && !isQueueGone(fault) ? 'exchange' : causeOf(fault), fault),
  };

  function pause(ms: number): Pause {
    let end = (): void => {};
    const over = new Promise<void>(resolve => {
      end = resolve;
    });
    const cancel = clock.after(ms, () => own.end());
    const own: Pause = {
      over,
      end() {
        cancel();
        pauses.delete(own);
        end();
      },
    };
    pauses.add(own);
    if (isOver) own.end();
    return own;
  }

  async function setUp(): Promise<void> {
    const { connectTimeoutMs } = options;
    const opened = await connect(
      { ...options, signal: giveUpConnecting.signal, onEnd: fault => end('connection', fault) },
      clock,
    );
    connection = opened;
    if (isOver) return letGo();
    cancelTimer = unanswered(SETUP_TIMEOUTS * connectTimeoutMs);
    step = 'opening a channel';
    await keepSounding(await plan.setUp(link));
  }

  function unanswered(ms: number): () => void {
    return clock.after(ms, () => end('unanswered', { code: null, text: `no answer within ${ms} ms` }));
  }

  function causeOf(fault: Fault): LossCause {
    return isQueueGone(fault) ? 'cancelled' : 'channel';
  }

  /** Until the end; it rejects when the channel is closed. */
  async function keepSounding(sound: () => Promise<void>): Promise<void> {
    for (;;) {
      await pause(options.soundIntervalMs).over;
      if (isOver) return;
      cancelTimer = unanswered(ANSWER_TIMEOUT_MS);
      await sound();
      cancelTimer();
    }
  }

  /** Properly, if the broker still answers. */
  async function letGo(): Promise<void> {
    giveUpConnecting.abort();
    if (connection === null) return;
    const open = connection;
    connection = null;
    const cancelDestruction = clock.after(RELEASE_TIMEOUT_MS, () => open.destroy());
    try {
      await plan.tidyUp(open);
    } catch {
      // The connection is gone already.
    }
    await open.close();
    cancelDestruction();
  }

  /** On a channel of its own: the broker closes it with the answer. */
  async function isGone(queue: string): Promise<boolean> {
    try {
      const channel = await connection?.openChannel(() => {});
      await channel?.countWaiting(queue);
      await channel?.close();
      return false;
    } catch (error) {
      return isQueueGone(faultOf(error, options.address));
    }
  }

  const setUpEnded = setUp().catch((error: unknown) => end('connection', faultOf(error, options.address)));

  return {
    isGone,
    async release() {
      stopWaiting();
      await letGo();
      await setUpEnded; // A connection that opened in this very moment is let go of there.
    },
  };
}

/** What declaring it is called in the log; `of`: what the feed reads. */
export function stepOf({ kind }: Declaration, of: 'queue' | 'stream'): Step {
  switch (kind) {
    case 'exchange':
      return 'declaring the exchange';
    case 'queue':
      return `declaring the ${of}`;
    case 'binding':
      return `binding the ${of}`;
  }
}
