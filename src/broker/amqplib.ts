/**
 * The AMQP library behind the interface in `amqp.ts`; the only file that imports it.
 *
 * Of each of its objects the events `error`, `close` and `handler-error` are listened to at once: an `error` without a
 * listener ends the process, and a listener that throws, without `handler-error`, closes the channel.
 */
import * as amqp from 'amqplib';
import type { Clock } from '../clock.js';
import { createAcknowledger } from './acknowledger.js';
import type { BrokerAddress } from './address.js';
import type {
  AmqpChannel,
  AmqpConfirmChannel,
  AmqpConnection,
  ConnectOptions,
  StreamOffset,
} from './amqp.js';
import type { Delivery } from './delivery.js';
import { type Fault, faultOf } from './fault.js';

/** After the end: time for the last frames to leave before the socket is destroyed. */
const LINGER_MS = 1000;

/** Opens a connection. Rejects with an error that `faultOf` reads. */
export async function connect(options: ConnectOptions, clock: Clock): Promise<AmqpConnection> {
  // The library offers no way to destroy its socket; but it passes this signal on to Node, which does.
  const cut = new AbortController();
  let timedOut = false;
  const cancelTimer = clock.after(options.connectTimeoutMs, () => {
    timedOut = true;
    cut.abort();
  });
  const giveUp = () => cut.abort();
  options.signal.addEventListener('abort', giveUp, { once: true });
  if (options.signal.aborted) cut.abort();
  try {
    const model = await amqp.connect(target(options), socketOptions(options, cut.signal));
    return wrapConnection(model, options, clock, cut);
  } catch (error) {
    if (!timedOut) throw error;
    throw new Error(`no answer within ${options.connectTimeoutMs} ms`, { cause: error });
  } finally {
    cancelTimer();
    options.signal.removeEventListener('abort', giveUp);
  }
}

function target({ address, heartbeatSeconds }: ConnectOptions): amqp.Options.Connect {
  return {
    protocol: address.secure ? 'amqps' : 'amqp',
    hostname: address.host,
    port: address.port,
    ...(address.login === null ? {} : { username: address.login.user, password: address.login.password }),
    vhost: encodeURIComponent(address.vhost), // The library decodes it.
    heartbeat: heartbeatSeconds,
    ...address.parameters,
  };
}

function socketOptions(
  { address, tls, name }: ConnectOptions,
  signal: AbortSignal,
): amqp.SocketOptions & { signal: AbortSignal } {
  return {
    signal,
    noDelay: true, // Off by default: acknowledgements would wait for the peer's TCP acknowledgement.
    clientProperties: { connection_name: name },
    ...(tls?.ca ? { ca: tls.ca } : {}),
    ...(tls?.cert ? { cert: tls.cert } : {}),
    ...(tls?.key ? { key: tls.key } : {}),
    // A certificate and no password: the broker takes the user's name from the certificate (mechanism EXTERNAL).
    ...(tls?.cert && address.login === null ? { credentials: amqp.credentials.external() } : {}),
  };
}

function wrapConnection(
  model: amqp.ChannelModel,
  { address, onEnd }: ConnectOptions,
  clock: Clock,
  cut: AbortController,
): AmqpConnection {
  let markClosed = (): void => {};
  const closed = new Promise<void>(resolve => {
    markClosed = resolve;
  });
  const end = once((error: unknown) => onEnd(faultOf(error, address)));
  model.on('error', end);
  model.on('handler-error', end);
  model.on('close', error => {
    end(error ?? new Error('the connection was closed'));
    // After a heartbeat timeout the library only ends its side: the half-open socket would stay until the kernel
    // gives up on the peer.
    clock.after(LINGER_MS, () => cut.abort());
    markClosed();
  });

  return {
    async openChannel(onEnd) {
      const channel = await model.createChannel();
      let isClosing = false;
      const closed = new Promise<void>(resolve => {
        channel.on('close', () => resolve());
      });
      watch(channel, address, fault => {
        if (!isClosing) onEnd(fault);
      });
      return {
        ...wrapChannel(channel, clock),
        async close() {
          isClosing = true;
          // Never settles when the connection is closed before the broker has answered.
          channel.close().catch(() => {});
          await closed;
        },
      };
    },
    async openConfirmChannel(onEnd) {
      const channel = await model.createConfirmChannel();
      watch(channel, address, onEnd);
      return wrapConfirmChannel(channel, address);
    },
    onBlocked(onChange) {
      model.on('blocked', () => onChange(true));
      model.on('unblocked', () => onChange(false));
    },
    async close() {
      // Rejects if it is closed already, which then is known; else waits for the broker's answer or the socket's end.
      model.close().catch(() => {});
      await closed;
    },
    destroy: () => cut.abort(),
  };
}

function watch(channel: amqp.Channel, address: BrokerAddress, onEnd: (fault: Fault) => void): void {
  const end = once((error: unknown) => onEnd(faultOf(error, address)));
  channel.on('error', end);
  channel.on('handler-error', end);
  // A connection that ends closes its channels first, without a reason, and says why in the same turn.
  channel.on('close', () => queueMicrotask(() => end(new Error('the channel was closed'))));
}

function wrapChannel(channel: amqp.Channel, clock: Clock): Omit<AmqpChannel, 'close'> {
  return {
    async declare(declaration) {
      switch (declaration.kind) {
        case 'exchange': {
          const { name, type, durable, autoDelete } = declaration;
          await channel.assertExchange(name, type, { durable, autoDelete });
          return;
        }
        case 'queue': {
          const { name, durable, exclusive, autoDelete } = declaration;
          await channel.assertQueue(name, {
            durable,
            exclusive,
            autoDelete,
            arguments: { ...declaration.arguments },
          });
          return;
        }
        case 'binding':
          await channel.bindQueue(declaration.queue, declaration.exchange, '');
          return;
        case 'exchange binding':
          await channel.bindExchange(declaration.to, declaration.from, '');
      }
    },
    async deleteExchange(name) {
      await channel.deleteExchange(name);
    },
    async countWaiting(queue) {
      return (await channel.checkQueue(queue)).messageCount;
    },
    async consume(queue, { prefetch, from, onDelivery, onCancel }) {
      const acknowledger = createAcknowledger(channel, prefetch, clock);
      await channel.prefetch(prefetch);
      await channel.consume(
        queue,
        message => {
          if (message === null) {
            onCancel();
            return;
          }
          onDelivery(deliveryOf(message), message.fields.exchange);
          acknowledger.received(message);
        },
        from === null ? {} : { arguments: { 'x-stream-offset': offsetArgument(from) } },
      );
      return { hold: held => acknowledger.hold(held) };
    },
    publish(exchange, body) {
      const content = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      channel.publish(exchange, '', content, {
        contentType: 'application/json',
        appId: 'warren',
        persistent: false,
      });
    },
    async roundTrip() {
      // Sets what only later consumers would use, each of which sets it anyway. Needs no permission, unlike a passive declare.
      await channel.prefetch(1);
    },
  };
}

function offsetArgument(from: StreamOffset): unknown {
  return typeof from === 'object' ? { '!': 'timestamp', value: from.seconds } : from;
}

function wrapConfirmChannel(channel: amqp.ConfirmChannel, address: BrokerAddress): AmqpConfirmChannel {
  return {
    publish({ exchange, id, body, timestamp }, onSettled) {
      const content = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      const options: amqp.Options.Publish = {
        contentType: 'application/json',
        messageId: id,
        timestamp,
        appId: 'warren',
        mandatory: true,
        // The pods' queues are gone with their pods; a durable one beside them would make the confirm wait for the disk.
        // A stream keeps everything whatever this says.
        persistent: false,
      };
      channel.publish(exchange, '', content, options, (error: unknown) => {
        onSettled(error ? faultOf(error, address) : null);
      });
    },
    onReturn(listener) {
      channel.on('return', message => {
        const id: unknown = message.properties.messageId;
        if (typeof id === 'string') listener(id);
      });
    },
  };
}

function deliveryOf({ content, properties }: amqp.Message): Delivery {
  return {
    content,
    messageId: stringOrNull(properties.messageId),
    type: stringOrNull(properties.type),
    timestamp: numberOrNull(properties.timestamp),
    contentEncoding: stringOrNull(properties.contentEncoding),
    headers: ownHeaders(properties.headers),
    streamOffset: numberOrNull(properties.headers?.['x-stream-offset']),
  };
}

function stringOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

const NO_HEADERS: Readonly<Record<string, unknown>> = Object.freeze({});

/**
 * The library assigns headers one by one to a plain object: one called `__proto__` becomes the object's prototype,
 * and what is in it would be found as if it were a header.
 */
function ownHeaders(
  headers: Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, unknown>> {
  if (headers === undefined) return NO_HEADERS;
  return Object.getPrototypeOf(headers) === Object.prototype ? headers : { ...headers };
}

function once<T>(task: (argument: T) => void): (argument: T) => void {
  let done = false;
  return argument => {
    if (done) return;
    done = true;
    task(argument);
  };
}
