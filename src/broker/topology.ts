/**
 * What a pod declares at the broker, as data: applied in full on every new connection. With `FEED=queue`:
 *
 * ```
 * canary ──▶ events exchange (fanout, durable) ──┬─▶ pod's queue ──overflow──▶ overflow exchange ──▶ overflow queue
 *           control exchange (fanout, durable) ───┘
 * ```
 * Everything but those exchanges dies with the connection. The user of a pod that doesn't declare them needs
 * no more than configure on `^push\.pod\..*`, write on `^(push\.control|push\.pod\..*)$` and read on
 * `^(push\.(events|control)|push\.pod\..*)$`.
 *
 * With `FEED=stream`:
 *
 * ```
 * canary ──▶ events exchange (fanout, durable) ──▶ stream (durable), which all pods read
 * ```
 * All of it lasts. The user of a pod that doesn't declare it needs write on `^push\.history$`, to bind, and read on
 * `^push\.(events|history)$`.
 */
export type Declaration = ExchangeDeclaration | QueueDeclaration | Binding;

export interface ExchangeDeclaration {
  readonly kind: 'exchange';
  readonly name: string;
  readonly type: 'fanout';
  readonly durable: boolean;
  readonly autoDelete: boolean;
}

export interface QueueDeclaration {
  readonly kind: 'queue';
  readonly name: string;
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
  readonly arguments: Readonly<Record<string, string | number>>;
}

/** From an exchange to a queue. */
export interface Binding {
  readonly kind: 'binding';
  readonly exchange: string;
  readonly queue: string;
}

/** From an exchange to another. */
export interface ExchangeBinding {
  readonly kind: 'exchange binding';
  readonly from: string;
  readonly to: string;
}

/** An exchange that dies with the events exchange: see `canary.ts`. */
export interface Canary {
  readonly exchange: ExchangeDeclaration;
  readonly binding: ExchangeBinding;
}

export interface QueueTopologyOptions {
  /** Where publishers publish to. */
  readonly exchange: string;
  /** What pods tell one another goes through this one. */
  readonly controlExchange: string;
  /** Whether the pod declares those exchanges or only binds to them. */
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
  /** `null`: whoever declares the exchange keeps it, or there is no room for the name. */
  readonly canary: Canary | null;
  readonly controlExchange: string;
  /** Apart from the others: without them the feed works all the same, and pods exchange no marks. */
  readonly control: readonly Declaration[];
}

export interface StreamTopologyOptions {
  /** Where publishers publish to. */
  readonly exchange: string;
  /** Whether the pod declares the exchange and the stream or only uses them. */
  readonly declare: boolean;
  readonly stream: string;
  /** What the stream keeps. */
  readonly streamMaxBytes: number;
  readonly streamMaxAgeMs: number;
}

export interface StreamTopology {
  /** In the order in which they are to be declared. */
  readonly declarations: readonly Declaration[];
  readonly stream: string;
  readonly eventsBinding: Binding;
  /** `null`: whoever declares the exchange keeps it, or there is no room for the name. */
  readonly canary: Canary | null;
}

/** AMQP 0-9-1 §1.2: a short string. */
const MAX_NAME_BYTES = 255;
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
  const queue = queueName(options, unique);
  const overflow = `${queue}.overflow`;
  const eventsBinding: Binding = { kind: 'binding', exchange: options.exchange, queue };
  return {
    queue,
    overflowQueue: overflow,
    overflowExchange: overflow,
    eventsBinding,
    canary: canaryOf(options),
    controlExchange: options.controlExchange,
    control: [
      ...(options.declare ? [fanout(options.controlExchange, { durable: true, autoDelete: false })] : []),
      { kind: 'binding', exchange: options.controlExchange, queue },
    ],
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

/** A stream is trimmed by whole segments, and the one being written stays: fewer would make its size a matter of luck. */
const SEGMENTS = 16;
/** RabbitMQ's own default. It refuses 3 GB and more. */
const LARGEST_SEGMENT = 500_000_000;

/** The size of one segment of a stream that keeps so much. */
export function segmentBytes(streamMaxBytes: number): number {
  return Math.min(LARGEST_SEGMENT, Math.floor(streamMaxBytes / SEGMENTS));
}

export function streamTopology(options: StreamTopologyOptions): StreamTopology {
  const { exchange, stream } = options;
  const eventsBinding: Binding = { kind: 'binding', exchange, queue: stream };
  return {
    stream,
    eventsBinding,
    canary: canaryOf(options),
    declarations: options.declare
      ? [fanout(exchange, { durable: true, autoDelete: false }), theStream(options), eventsBinding]
      : [eventsBinding],
  };
}

function canaryOf({
  exchange,
  declare,
}: {
  readonly exchange: string;
  readonly declare: boolean;
}): Canary | null {
  const name = `${exchange}.canary`;
  if (!declare || Buffer.byteLength(name) > MAX_NAME_BYTES) return null;
  return {
    exchange: fanout(name, { durable: true, autoDelete: true }),
    binding: { kind: 'exchange binding', from: name, to: exchange },
  };
}

function theStream({ stream, streamMaxBytes, streamMaxAgeMs }: StreamTopologyOptions): Declaration {
  return {
    kind: 'queue',
    name: stream,
    durable: true,
    exclusive: false,
    autoDelete: false,
    arguments: {
      'x-queue-type': 'stream',
      'x-max-length-bytes': streamMaxBytes,
      'x-max-age': `${Math.ceil(streamMaxAgeMs / 1000)}s`,
      'x-stream-max-segment-size-bytes': segmentBytes(streamMaxBytes),
    },
  };
}

/** An empty queue that exists for as long as the connection that declares it: see `control/marks.ts`. */
export function markQueue(
  options: Pick<QueueTopologyOptions, 'queuePrefix' | 'podName'>,
  unique: string,
): QueueDeclaration {
  return ownQueue(`${queueName(options, unique)}.marks`, { 'x-max-length': 1 });
}

function queueName(
  { queuePrefix, podName }: Pick<QueueTopologyOptions, 'queuePrefix' | 'podName'>,
  unique: string,
): string {
  const pod = podName.replaceAll(NOT_FOR_NAMES, '_').slice(0, MAX_POD_NAME);
  return `${queuePrefix}.${pod}.${unique}`;
}

function fanout(
  name: string,
  life: { readonly durable: boolean; readonly autoDelete: boolean },
): ExchangeDeclaration {
  return { kind: 'exchange', name, type: 'fanout', ...life };
}

/**
 * Transient and exclusive: transient queues that aren't are refused by RabbitMQ 4.3. Classic by name: a virtual host
 * may have another default type, which can't be exclusive.
 */
function ownQueue(name: string, args: Readonly<Record<string, string | number>>): QueueDeclaration {
  return {
    kind: 'queue',
    name,
    durable: false,
    exclusive: true,
    autoDelete: true,
    arguments: { 'x-queue-type': 'classic', ...args },
  };
}
