import type * as amqp from 'amqplib';

/** An event's place in the stream. */
export interface Placed {
  readonly id: string;
  readonly offset: number;
}

const PREFETCH = 500;
const ACK_EVERY = 100;

export interface StreamReading {
  readonly stream: string;
  /** Wall clock; what is older isn't of interest. */
  readonly sinceMs: number;
  /** Id of the last event that there is. */
  readonly last: string;
  /** Nothing more is expected once nothing has come for so long. */
  readonly quietMs: number;
}

/** Reads a stream to its end: the broker's own order, which no pod had a hand in. */
export function readStream(
  channel: amqp.Channel,
  { stream, sinceMs, last, quietMs }: StreamReading,
): Promise<Placed[]> {
  const from = { '!': 'timestamp', value: Math.floor(sinceMs / 1000) };
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
      .then(() => channel.consume(stream, take, { noAck: false, arguments: { 'x-stream-offset': from } }))
      .catch(reject);
  });
}
