/**
 * What the feed asks of an AMQP library, and no more: connections, channels, consumers and confirms. `amqplib.ts` does it.
 */
import type { BrokerAddress } from './address.js';
import type { Delivery } from './delivery.js';
import type { Fault } from './fault.js';
import type { FeedTls } from './tls-files.js';
import type { Declaration, ExchangeBinding } from './topology.js';

export interface ConnectOptions {
  readonly address: BrokerAddress;
  readonly tls: FeedTls | null;
  /** 0: none. A dead broker is noticed after two to three of these. The URL's own wins. */
  readonly heartbeatSeconds: number;
  /** For everything up to the open connection. */
  readonly connectTimeoutMs: number;
  /** Shown in the broker's list of connections. */
  readonly name: string;
  /** Gives up a connection that isn't open yet. */
  readonly signal: AbortSignal;
  /** Called once, as soon as the open connection is lost or closed, by whomever. */
  readonly onEnd: (fault: Fault) => void;
}

export interface AmqpConnection {
  /** @param onEnd called once, as soon as the channel is closed, by whomever */
  openChannel(onEnd: (fault: Fault) => void): Promise<AmqpChannel>;
  openConfirmChannel(onEnd: (fault: Fault) => void): Promise<AmqpConfirmChannel>;
  /** @param onChange told whether the broker takes no messages at present (memory or disk alarm) */
  onBlocked(onChange: (blocked: boolean) => void): void;
  /** Closes properly; resolves when closed. Never rejects. A frozen broker lets it wait: see `destroy`. */
  close(): Promise<void>;
  /** Cuts the connection; everything pending on it fails. */
  destroy(): void;
}

export interface AmqpChannel {
  declare(declaration: Declaration | ExchangeBinding): Promise<void>;
  deleteExchange(name: string): Promise<void>;
  /** How many messages wait in a queue, those under way to consumers not counted. */
  countWaiting(queue: string): Promise<number>;
  /**
   * Of a stream: only once on a channel. What an earlier consumer there had set off can bring the later one's first deliveries
   * before the broker's answer (seen on 3.10), and the library takes those for a fault.
   */
  consume(queue: string, options: ConsumeOptions): Promise<AmqpConsumer>;
  /** Resolves with an answer of the broker, which comes after all that the channel had sent when it was asked. */
  roundTrip(): Promise<void>;
  /** Without a confirm, and not for the disk. Throws if the channel is closed. */
  publish(exchange: string, body: Uint8Array): void;
  /** Ends the channel and its consumers; whoever watches its end isn't told. Nothing is delivered from now on. */
  close(): Promise<void>;
}

export interface AmqpConsumer {
  /** While held, deliveries aren't acknowledged: at most `prefetch` more come, and the rest waits at the broker. */
  hold(held: boolean): void;
}

/**
 * Where to begin in a stream: `last` is its last chunk's first message, `seconds` (since 1970) the first chunk from then on,
 * a number that offset. One that isn't there any more is silently taken for the first, one beyond the end for the next.
 */
export type StreamOffset = 'first' | 'last' | number | { readonly seconds: number };

export interface ConsumeOptions {
  /** `null`: the queue is no stream. */
  readonly from: StreamOffset | null;
  /** Deliveries under way and not acknowledged; for the consumer started with it. */
  readonly prefetch: number;
  /**
   * In order; the first may come before `consume` has resolved. Must not throw.
   *
   * @param exchange what it was published to
   */
  readonly onDelivery: (delivery: Delivery, exchange: string) => void;
  /** The broker ended the consumer. */
  readonly onCancel: () => void;
}

export interface AmqpConfirmChannel {
  publish(message: OutgoingAmqpMessage, onSettled: (fault: Fault | null) => void): void;
  /** @param listener told the id of each message that reached no queue, before that message is settled */
  onReturn(listener: (messageId: string) => void): void;
}

export interface OutgoingAmqpMessage {
  readonly exchange: string;
  readonly id: string;
  readonly body: Uint8Array;
  /** Seconds since 1970. */
  readonly timestamp: number;
}
