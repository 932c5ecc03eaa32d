import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import { encodeMark, type Mark } from '../control/mark.js';
import type { BrokerAddress } from './address.js';
import type { AmqpChannel, AmqpConnection } from './amqp.js';
import { connect } from './amqplib.js';
import { type Fault, faultOf, isRefusal } from './fault.js';
import type { FeedTls } from './tls-files.js';
import { markQueue } from './topology.js';

export interface MarkSenderOptions {
  readonly tls: FeedTls | null;
  readonly controlExchange: string;
  readonly queuePrefix: string;
  readonly podName: string;
  readonly heartbeatSeconds: number;
  readonly connectTimeoutMs: number;
  readonly markIntervalMs: number;
}

export interface MarkSenderDeps {
  readonly clock: Clock;
  /** Where the feed is attached: a mark vouches for the node that it is published on. */
  readonly address: () => BrokerAddress;
  readonly onRefused: (fault: Fault) => void;
}

export interface MarkSender {
  /** Idempotent. */
  start(): void;
  /** Says bye and closes the connection. Idempotent; never rejects. */
  stop(): Promise<void>;
}

const RETRY_MS = 5000;
/** A missing permission or exchange: each try leaves an error in the broker's log. */
const RETRY_AFTER_REFUSAL_MS = 60_000;
const STOP_TIMEOUT_MS = 2000;

/**
 * Publishes this pod's marks, without confirms. On a connection of its own: a broker with an alarm stops reading from
 * connections that publish, which would hold back the feed's acknowledgements; and the publisher's ends with each
 * publish that is refused.
 */
export function createMarkSender(options: MarkSenderOptions, deps: MarkSenderDeps): MarkSender {
  const { clock } = deps;
  const stopping = new AbortController();
  const stopped = new Promise<null>(resolve => {
    stopping.signal.addEventListener('abort', () => resolve(null), { once: true });
  });
  let running: Promise<void> | null = null;

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const fault = await oneConnection();
      if (fault === null || stopping.signal.aborted) return;
      if (isRefusal(fault)) deps.onRefused(fault);
      await pause(isRefusal(fault) ? RETRY_AFTER_REFUSAL_MS : RETRY_MS);
    }
  }

  async function pause(ms: number): Promise<void> {
    let cancel = (): void => {};
    const over = new Promise<void>(resolve => {
      cancel = clock.after(ms, resolve);
    });
    await Promise.race([over, stopped]);
    cancel();
  }

  /** From its first byte to its last; resolves to why it ended, or `null` if it was closed after the bye. */
  async function oneConnection(): Promise<Fault | null> {
    const address = deps.address();
    let onEnd: (fault: Fault) => void = () => {};
    const ended = new Promise<Fault>(resolve => {
      onEnd = resolve;
    });
    let connection: AmqpConnection;
    try {
      const name = `warren ${options.podName} marks`;
      connection = await connect({ ...options, address, name, signal: stopping.signal, onEnd }, clock);
    } catch (error) {
      return faultOf(error, address);
    }
    try {
      return await sendUntil(ended, connection, onEnd);
    } catch (error) {
      return faultOf(error, address);
    } finally {
      const cancel = clock.after(STOP_TIMEOUT_MS, () => connection.destroy());
      await connection.close();
      cancel();
    }
  }

  /** Until the connection or its channel ends, or the sender is stopped: then the bye is sent, and it resolves to `null`. */
  async function sendUntil(
    ended: Promise<Fault>,
    connection: AmqpConnection,
    onEnd: (fault: Fault) => void,
  ): Promise<Fault | null> {
    let isBlocked = false;
    connection.onBlocked(blocked => {
      isBlocked = blocked;
    });
    const { channel, source } = await setUp(connection, onEnd);
    const say = (kind: Mark['kind']): void => {
      // Held back by the broker they would come all at once, and too late to tell anything.
      if (isBlocked) return;
      try {
        channel.publish(options.controlExchange, encodeMark({ kind, source, at: clock.wall() }));
      } catch {
        // The channel was closed in this very turn. Whoever watches it knows.
      }
    };
    let cancelNext = (): void => {};
    const sayOn = (): void => {
      say('mark');
      cancelNext = clock.after(options.markIntervalMs, sayOn);
    };
    sayOn();
    const fault = await Promise.race([ended, stopped]);
    cancelNext();
    if (fault !== null) return fault;
    say('bye');
    // Answered behind the bye: closing the connection at once could overtake it.
    const cancelDestruction = clock.after(STOP_TIMEOUT_MS, () => connection.destroy());
    await channel.close();
    cancelDestruction();
    return null;
  }

  /** The queue has no messages. That it exists tells the other pods that this connection does. */
  async function setUp(
    connection: AmqpConnection,
    onEnd: (fault: Fault) => void,
  ): Promise<{ channel: AmqpChannel; source: string }> {
    const destroy = (): void => connection.destroy();
    const cancelTimer = clock.after(options.connectTimeoutMs, destroy);
    stopping.signal.addEventListener('abort', destroy, { once: true });
    try {
      const channel = await connection.openChannel(onEnd);
      const queue = markQueue(options, randomBytes(6).toString('hex'));
      await channel.declare(queue);
      return { channel, source: queue.name };
    } finally {
      cancelTimer();
      stopping.signal.removeEventListener('abort', destroy);
    }
  }

  return {
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
