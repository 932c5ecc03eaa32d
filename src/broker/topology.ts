/**
 * What a pod declares at the broker, as data: applied in full on every new connection.
 *
 * ```
 * events exchange (fanout, durable) ──▶ pod's queue ──overflow──▶ overflow exchange ──▶ overflow queue
 * ```
 * Everything but the events exchange dies with the connection. The user of a pod that doesn't declare that exchange
 * needs no more than configure and write on `^push\.pod\..*` and read on `^(push\.events|push\.pod\..*)$`.
 */
export type Declaration =
  | {
      readonly kind: 'exchange';
      readonly name: string;
      readonly type: 'fanout';
      readonly durable: boolean;
      readonly autoDelete: boolean;
    }
  | {
      readonly kind: 'queue';
      readonly name: string;
      readonly durable: boolean;
      readonly exclusive: boolean;
      readonly autoDelete: boolean;
      readonly arguments: Readonly<Record<string, string | number>>;
    }
  | Binding;

/** From an exchange to a queue. */
export interface Binding {
  readonly kind: 'binding';
  readonly exchange: string;
  readonly queue: string;
}

export interface QueueTopologyOptions {
  /** Where publishers publish to. */
  readonly exchange: string;
  /** Whether the pod declares that exchange or only binds to it. */
  readonly declare: boolean;
  readonly queuePrefix: string;
  /** Events that may wait in the queue, those in flight to the pod not counted. */
  readonly queueMaxLength: number;
  readonly queueMaxBytes: number;
  readonly podName: string;
}

export interface QueueTopology {
  /** In the order in which they are to be declared. */
  readonly declarations: readonly Declaration[];
  readonly queue: string;
  readonly overflowQueue: string;
  readonly overflowExchange: string;
  readonly eventsBinding: Binding;
}

/** Queue names hold 255 bytes; prefix, suffixes and the random part need some. */
const MAX_POD_NAME = 100;
const NOT_FOR_NAMES = /[^A-Za-z0-9._:-]/g;

/**
 * The topology of one connection.
 *
 * @param unique differs for each connection: a queue name used again races with the broker's noticing that the old
 *   connection is dead (405 RESOURCE_LOCKED, or the new queue is deleted with the old)
 */
export function queueTopology(options: QueueTopologyOptions, unique: string): QueueTopology {
  const pod = options.podName.replaceAll(NOT_FOR_NAMES, '_').slice(0, MAX_POD_NAME);
  const queue = `${options.queuePrefix}.${pod}.${unique}`;
  const overflow = `${queue}.overflow`;
  const eventsBinding: Binding = { kind: 'binding', exchange: options.exchange, queue };
  return {
    queue,
    overflowQueue: overflow,
    overflowExchange: overflow,
    eventsBinding,
    declarations: [
      ...(options.declare ? [fanout(options.exchange, { durable: true, autoDelete: false })] : []),
      // An auto-delete exchange goes with its last binding, and never if it has had none: so the queue comes first.
      ownQueue(overflow, { 'x-max-length': 1, 'x-overflow': 'drop-head' }),
      fanout(overflow, { durable: false, autoDelete: true }),
      { kind: 'binding', exchange: overflow, queue: overflow },
      ownQueue(queue, {
        'x-max-length': options.queueMaxLength,
        'x-max-length-bytes': options.queueMaxBytes,
        // `reject-publish` would answer the publisher with a nack although the other pods have the event.
        'x-overflow': 'drop-head',
        // Dropping is silent (of 12,000 published 6,000 were missing, without a nack). The dropped go here instead and tell.
        // An own exchange, as the default one would need write permission on `amq.default`.
        'x-dead-letter-exchange': overflow,
      }),
      eventsBinding,
    ],
  };
}

function fanout(
  name: string,
  life: { readonly durable: boolean; readonly autoDelete: boolean },
): Declaration {
  return { kind: 'exchange', name, type: 'fanout', ...life };
}

/**
 * Transient and exclusive: transient queues that aren't are refused by RabbitMQ 4.3. Classic by name: a virtual host
 * may have another default type, which can't be exclusive.
 */
function ownQueue(name: string, args: Readonly<Record<string, string | number>>): Declaration {
  return {
    kind: 'queue',
    name,
    durable: false,
    exclusive: true,
    autoDelete: true,
    arguments: { 'x-queue-type': 'classic', ...args },
  };
}
