import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onChannel, publisher, sharedBroker, uniqueName } from '../support/rabbitmq.js';
import { readStream } from './stream-order.js';

test("a stream's order is read from its beginning up to the event asked for, however many there are", async () => {
  const { url } = await sharedBroker();
  const begunAt = Date.now();
  const exchange = uniqueName('chaos.order');
  const stream = uniqueName('chaos.stream');
  await onChannel(url, async channel => {
    await channel.assertExchange(exchange, 'fanout', { autoDelete: true });
    await channel.assertQueue(stream, { durable: true, arguments: { 'x-queue-type': 'stream' } });
    await channel.bindQueue(stream, exchange, '');
  });
  const backend = await publisher(url, exchange);
  const ids = Array.from({ length: 1200 }, (_, index) => `e${index}`);
  await Promise.all(ids.map(id => backend.publish({ id })));
  const placed = await onChannel(url, channel =>
    readStream(channel, { stream, sinceMs: begunAt, last: 'e1199', quietMs: 30_000 }),
  );
  assert.deepEqual(
    placed.map(({ id }) => id),
    ids,
  );
  assert.ok(
    placed.every(({ offset }, index) => index === 0 || offset > (placed[index - 1]?.offset ?? Infinity)),
  );
  await backend.close();
  await onChannel(url, channel => channel.deleteQueue(stream));
});
