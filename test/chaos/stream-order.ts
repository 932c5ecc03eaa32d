import type * as amqp from 'amqplib';

/** An event's place in the stream. */
export interface Placed {
  readonly id: string;
  readonly offset: number;
}

const PREFETCH = 500;
const ACK_EVERY = 100;

/**
 * Reads a stream from its beginning until an event with the id `last` has come, or nothing more does: the broker's own
 * order, which no pod had a hand in.
 *
 * @param quietMs nothing more is expected once nothing has come for so long
 */
export function readStream(
  channel: amqp.Channel,
  stream: string,
  last: string,
  quietMs: number,
): Promise<Placed[]> {
  return new Promise((resolve, reject) => {
    const placed: Placed[] = [];
    const timer = setTimeout(() => resolve(placed), quietMs);
    const take = (message: amqp.ConsumeMessage | null) => {
      if (message === null) return;
      timer.refresh();
      const body: { id?: string } = JSON.parse(message.content.toString());
      const offset: unknown = message.properties.headers?.['x-stream-offset'];
      placed.push({ id: body.id ?? '', offset: Number(offset) });
      if (placed.length % ACK_EVERY === 0) channel.ack(message, true);
      if (body.id !== last) return;
      clearTimeout(timer);
      resolve(placed);
    };
    // Streams want a prefetch and acknowledgements.
    channel
      .prefetch(PREFETCH)
      .then(() => channel.consume(stream, take, { noAck: false, arguments: { 'x-stream-offset': 'first' } }))
      .catch(reject);
  });
}
