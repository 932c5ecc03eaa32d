import type { Clock } from '../clock.js';
import type { BrokerAddress } from './address.js';
import { type AmqpChannel, type AmqpConnection, type AmqpConsumer, connect } from './amqplib.js';
import { type Coverage, trackCoverage } from './coverage.js';
import type { Delivery } from './delivery.js';
import { type Fault, faultOf, isQueueGone, NOT_FOUND, type Step } from './fault.js';
import type { LossCause } from './report.js';
import type { Attachment, AttachmentHandlers } from './supervisor.js';
import type { FeedTls } from './tls-files.js';
import type { Declaration, QueueTopology } from './topology.js';

export interface QueueAttachmentOptions {
  readonly address: BrokerAddress;
  readonly tls: FeedTls | null;
  readonly heartbeatSeconds: number;
  readonly connectTimeoutMs: number;
  readonly name: string;
  readonly topology: QueueTopology;
  readonly prefetch: number;
  readonly soundIntervalMs: number;
  readonly probeIntervalMs: number;
  /** Names of exchanges that an earlier try may have left behind. Shared by all tries of a feed. */
  readonly leftovers: Set<string>;
}

/** Why an attachment ended, or why there is none. */
export interface Ending {
  readonly cause: LossCause;
  readonly step: Step;
  readonly fault: Fault;
}

export interface QueueAttachment extends Attachment {
  /** While held, deliveries aren't acknowledged, and what exceeds the prefetch waits at the broker. */
  hold(held: boolean): void;
}

export interface QueueAttachmentHandlers extends AttachmentHandlers<Ending> {
  /** In order; never before `ready` nor after `ended`. Must not throw. */
  delivered(delivery: Delivery): void;
  /** Everything that reached the queue before `until` (wall clock, ms) was delivered. */
  covered(until: number): void;
}

/** For all declarations together. Generous: hundreds of pods may be coming back to the broker at the same time. */
const SETUP_TIMEOUTS = 4;
/** A cluster without a majority for its metadata answers no bind for up to 30 s, then with an error. */
const ANSWER_TIMEOUT_MS = 60_000;
const RELEASE_TIMEOUT_MS = 2000;

/** One connection with the pod's queue on it, from the first byte to the last. */
export function attachQueue(
  options: QueueAttachmentOptions,
  clock: Clock,
  handlers: QueueAttachmentHandlers,
): QueueAttachment {
  const { topology, leftovers } = options;
  const giveUpConnecting = new AbortController();
  let step: Step = 'connecting';
  let isReady = false;
  let isOver = false;
  let connection: AmqpConnection | null = null;
  let isProbing = false;
  let consumer: AmqpConsumer | null = null;
  let cancelTimer = (): void => {};

  function end(cause: LossCause, fault: Fault): void {
    if (isOver) return;
    isOver = true;
    cancelTimer();
    handlers.ended({ cause, step, fault });
    void letGo();
  }

  function becomeReady(): void {
    if (isReady || isOver) return;
    isReady = true;
    step = 'attached';
    cancelTimer();
    handlers.ready();
  }

  async function setUp(): Promise<void> {
    const { address, tls, heartbeatSeconds, connectTimeoutMs, name } = options;
    const opened = await connect(
      {
        address,
        tls,
        heartbeatSeconds,
        connectTimeoutMs,
        name,
        signal: giveUpConnecting.signal,
        onEnd: fault => end('connection', fault),
      },
      clock,
    );
    connection = opened;
    if (isOver) return letGo();
    cancelTimer = clock.after(SETUP_TIMEOUTS * connectTimeoutMs, () =>
      end('unanswered', { code: null, text: `no answer within ${SETUP_TIMEOUTS * connectTimeoutMs} ms` }),
    );
    step = 'opening a channel';
    const channel = await opened.openChannel(fault => end(causeOf(fault), fault));
    const coverage = trackCoverage({
      wall: () => clock.wall(),
      waiting: () => channel.countWaiting(topology.queue),
      onCovered(until) {
        if (!isOver) handlers.covered(until);
      },
    });
    await sweep(channel);
    for (const declaration of topology.declarations) {
      if (isOver) return;
      step = stepOf(declaration);
      if (isOwnExchange(declaration)) leftovers.add(topology.overflowExchange);
      await channel.declare(declaration);
      if (declaration.kind === 'binding' && declaration.exchange === topology.overflowExchange) {
        leftovers.delete(topology.overflowExchange);
      }
    }
    step = 'consuming';
    await channel.consume(topology.overflowQueue, {
      prefetch: 1,
      onDelivery: () =>
        end('overflow', {
          code: null,
          text: 'events were dropped from the queue: it was full, or they expired in it',
        }),
      onCancel: cancelled,
    });
    consumer = await channel.consume(topology.queue, {
      prefetch: options.prefetch,
      onDelivery(delivery) {
        // The first deliveries can be in the same packet as the broker's answer, before our `await` is over.
        becomeReady();
        if (isOver) return;
        handlers.delivered(delivery);
        coverage.delivered();
      },
      onCancel: cancelled,
    });
    becomeReady();
    await keepAsking(channel, coverage);
  }

  function causeOf(fault: Fault): LossCause {
    if (isQueueGone(fault)) return 'cancelled';
    return isProbing && fault.code === NOT_FOUND ? 'exchange' : 'channel';
  }

  function cancelled(): void {
    end('cancelled', { code: null, text: 'the broker ended the consumer: its queue was deleted' });
  }

  function isOwnExchange(declaration: Declaration): boolean {
    return declaration.kind === 'exchange' && declaration.name === topology.overflowExchange;
  }

  /** Until the end; it rejects when the channel is closed. */
  async function keepAsking(channel: AmqpChannel, coverage: Coverage): Promise<void> {
    let lastProbe = clock.monotonic();
    for (;;) {
      await pause(options.soundIntervalMs);
      if (isOver) return;
      cancelTimer = clock.after(ANSWER_TIMEOUT_MS, () =>
        end('unanswered', { code: null, text: `the broker answered nothing for ${ANSWER_TIMEOUT_MS} ms` }),
      );
      await coverage.sound();
      if (clock.monotonic() - lastProbe >= options.probeIntervalMs) {
        await probe(channel);
        lastProbe = clock.monotonic();
      }
      cancelTimer();
    }
  }

  function pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const cancel = clock.after(ms, resolve);
      cancelTimer = () => {
        cancel();
        resolve();
      };
    });
  }

  /**
   * A deleted exchange takes the binding along and tells nobody: the queue would stay empty for ever. Binding again
   * says 404 if the exchange is gone, and binds if it is back. It needs no permission that the pod doesn't have, which
   * a canary through the exchange would. What it can't tell: an exchange deleted and declared anew between two probes,
   * or a binding removed by hand; then the events until the next probe are missing without a word.
   */
  async function probe(channel: AmqpChannel): Promise<void> {
    isProbing = true;
    await channel.declare(topology.eventsBinding);
    isProbing = false;
  }

  /**
   * An auto-delete exchange that never had a binding stays. It is left behind if the connection ends between the two
   * declarations; whoever connects next takes it away.
   */
  async function sweep(channel: AmqpChannel): Promise<void> {
    for (const exchange of leftovers) {
      await channel.deleteExchange(exchange);
      leftovers.delete(exchange);
    }
  }

  /** Everything but that exchange goes with the connection; so close it, properly if the broker still answers. */
  async function letGo(): Promise<void> {
    giveUpConnecting.abort();
    if (connection === null) return;
    const open = connection;
    connection = null;
    const cancelDestruction = clock.after(RELEASE_TIMEOUT_MS, () => open.destroy());
    try {
      // On a new channel: an error has closed the old one.
      if (leftovers.size > 0) await sweep(await open.openChannel(() => {}));
    } catch {
      // The connection is gone already.
    }
    await open.close();
    cancelDestruction();
  }

  const setUpEnded = setUp().catch((error: unknown) => end('connection', faultOf(error, options.address)));

  return {
    hold: held => consumer?.hold(held),
    async release() {
      isOver = true;
      cancelTimer();
      await letGo();
      await setUpEnded; // A connection that opened in this very moment is let go of there.
    },
  };
}

function stepOf(declaration: Declaration): Step {
  switch (declaration.kind) {
    case 'exchange':
      return 'declaring the exchange';
    case 'queue':
      return 'declaring the queue';
    case 'binding':
      return 'binding the queue';
  }
}
