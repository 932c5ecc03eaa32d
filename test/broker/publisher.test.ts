import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { parseBrokerAddress } from '../../src/broker/address.js';
import { createPublisher, type PublisherOptions } from '../../src/broker/publisher.js';
import { waitingClock } from '../support/clock.js';
import { eventually } from '../support/eventually.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import { connections, onChannel, sharedBroker, uniqueName } from '../support/rabbitmq.js';
import { recordingLogger } from './recording.js';

const body = Buffer.from('{"send_to_all":true,"data":1}');

async function opened(test: TestContext, port?: number, changes: Partial<PublisherOptions> = {}) {
  const broker = await sharedBroker();
  const url = new URL(broker.url);
  if (port !== undefined) url.port = String(port);
  const address = parseBrokerAddress(url.href);
  assert.ok(address);
  const exchange = uniqueName('push.events');
  const name = uniqueName('publisher-test');
  const logger = recordingLogger();
  const publisher = createPublisher(
    {
      addresses: [address],
      tls: null,
      exchange,
      heartbeatSeconds: 10,
      connectTimeoutMs: 5000,
      confirmTimeoutMs: 10_000,
      name,
      ...changes,
    },
    { clock: waitingClock, logger },
  );
  test.after(() => publisher.stop());
  return {
    broker,
    publisher,
    exchange,
    name,
    logger,
    address,
    /** Declares the exchange with a queue on it; messages are read back one at a time. */
    bound: async (): Promise<string> => {
      const queue = uniqueName('publisher-test');
      await onChannel(broker.url, async channel => {
        await channel.assertExchange(exchange, 'fanout', { durable: true });
        await channel.assertQueue(queue, { durable: true });
        await channel.bindQueue(queue, exchange, '');
      });
      test.after(() =>
        onChannel(broker.url, async channel => {
          await channel.deleteQueue(queue);
          await channel.deleteExchange(exchange);
        }),
      );
      return queue;
    },
  };
}

describe('the publisher', { timeout: 60_000 }, () => {
  it('opens no connection before there is something to publish, and one for all then', async test => {
    const { publisher, bound, broker, name } = await opened(test);
    await bound();
    assert.equal(await connections(broker, name), 0);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) => publisher.publish({ id: `e${i}`, body })),
    );
    assert.ok(outcomes.every(({ kind }) => kind === 'confirmed'));
    assert.equal(await connections(broker, name), 1);
    await publisher.stop();
    assert.equal(await connections(broker, name), 0);
  });

  it('publishes the bytes it was given, with id, time and kind, and nothing for the disk', async test => {
    const { publisher, bound, broker } = await opened(test);
    const queue = await bound();
    const larger = Buffer.concat([Buffer.from('xx'), body]);
    assert.deepEqual(await publisher.publish({ id: 'e1', body: larger.subarray(2) }), { kind: 'confirmed' });
    const message = await onChannel(broker.url, channel => channel.get(queue, { noAck: true }));
    assert.ok(message);
    assert.deepEqual(message.content, body);
    const { messageId, timestamp, contentType, deliveryMode } = message.properties;
    assert.deepEqual([messageId, contentType, deliveryMode], ['e1', 'application/json', 1]);
    assert.ok(Math.abs(Number(timestamp) - Date.now() / 1000) < 30);
  });

  it('confirms nothing that reached no queue', async test => {
    const { publisher, exchange, broker, bound } = await opened(test);
    await onChannel(broker.url, channel => channel.assertExchange(exchange, 'fanout', { durable: true }));
    const message = { id: 'same', body };
    const outcomes = await Promise.all([publisher.publish(message), publisher.publish(message)]);
    for (const outcome of outcomes) {
      assert.deepEqual(outcome, { kind: 'unconfirmed', why: `no queue is bound to ${exchange}` });
    }
    await bound();
    assert.deepEqual(await publisher.publish(message), { kind: 'confirmed' });
  });

  it('says that the exchange does not exist, and publishes once it does', async test => {
    const { publisher, bound } = await opened(test);
    const outcome = await publisher.publish({ id: 'e1', body });
    assert.ok(outcome.kind === 'unconfirmed');
    assert.match(outcome.why, /404 \(NOT-FOUND\).*no exchange/);
    await bound();
    assert.deepEqual(await publisher.publish({ id: 'e1', body }), { kind: 'confirmed' });
  });

  it('says which broker was not reached, shows no password, and does not hammer it', async test => {
    const { publisher, logger } = await opened(test, 1);
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, () => publisher.publish({ id: 'e1', body })),
    );
    const later = await publisher.publish({ id: 'e2', body });
    for (const outcome of [...outcomes, later]) {
      assert.ok(outcome.kind === 'unconfirmed');
      assert.match(outcome.why, /^amqp:\/\/guest@127\.0\.0\.1:1: .*ECONNREFUSED/);
    }
    assert.equal(logger.loud.length, 1);
    assert.ok(!JSON.stringify(logger.lines).includes('guest:guest'));
  });

  it('waits for a silent broker no longer than it was told, while connecting and after', async test => {
    const { host, port } = new URL((await sharedBroker()).url);
    assert.ok(host);
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(port) });
    test.after(() => proxy.close());
    const { publisher, bound } = await opened(test, proxy.port, { confirmTimeoutMs: 300 });
    await bound();
    proxy.freeze();
    const late = { kind: 'unconfirmed', why: 'not confirmed within 300 ms' };
    assert.deepEqual(await publisher.publish({ id: 'e1', body }), late);
    proxy.thaw();
    await eventually(
      () => publisher.publish({ id: 'e2', body }),
      ({ kind }) => kind === 'confirmed',
    );
    proxy.freeze();
    assert.deepEqual(await publisher.publish({ id: 'e3', body }), late);
    const before = performance.now();
    await publisher.stop();
    assert.ok(performance.now() - before < 3000);
  });

  it('takes no more than it can hold while nothing is confirmed', async test => {
    const { port } = new URL((await sharedBroker()).url);
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(port) });
    test.after(() => proxy.close());
    const { publisher, bound } = await opened(test, proxy.port, { confirmTimeoutMs: 1000 });
    await bound();
    assert.equal((await publisher.publish({ id: 'e0', body })).kind, 'confirmed');
    proxy.freeze();
    const large = Buffer.alloc(2 ** 20, ' ');
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) => publisher.publish({ id: `e${i}`, body: large })),
    );
    const refused = outcomes.filter(
      each => each.kind === 'unconfirmed' && each.why.startsWith('too many messages'),
    );
    assert.equal(refused.length, 4);
  });

  it('comes back after its connection was cut, and calls what was under way unconfirmed', async test => {
    const { port } = new URL((await sharedBroker()).url);
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(port) });
    test.after(() => proxy.close());
    const { publisher, bound } = await opened(test, proxy.port);
    await bound();
    assert.equal((await publisher.publish({ id: 'e0', body })).kind, 'confirmed');
    proxy.freeze();
    const pending = publisher.publish({ id: 'e1', body });
    await new Promise(resolve => setImmediate(resolve));
    proxy.cutAll('reset');
    const outcome = await pending;
    assert.ok(outcome.kind === 'unconfirmed');
    assert.match(outcome.why, /ECONNRESET|Unexpected close/);
    proxy.thaw();
    assert.deepEqual(await publisher.publish({ id: 'e1', body }), { kind: 'confirmed' });
  });
});
