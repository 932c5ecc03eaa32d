import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '../support/eventually.js';
import { type CutKind, type Direction, type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { exchanges, onChannel, queues, sharedBroker } from '../support/rabbitmq.js';
import { type OpenQueueFeed, openQueueFeed, type QueueFeedChanges } from './open-queue-feed.js';

async function behindProxy(
  test: TestContext,
  changes: QueueFeedChanges = {},
): Promise<OpenQueueFeed & { proxy: FaultProxy }> {
  const { url } = await sharedBroker();
  const address = new URL(url);
  const proxy = await startFaultProxy({ host: address.hostname, port: Number(address.port) });
  address.port = String(proxy.port);
  const open = openQueueFeed(address.href, changes);
  test.after(async () => {
    await open.feed.stop();
    await proxy.close();
    await onChannel(url, channel => channel.deleteExchange(open.options.exchange));
  });
  return { ...open, proxy };
}

/** An exchange of AMQP's opening with a broker of our own making. */
async function fakeBroker(test: TestContext, onConnection: (socket: Socket) => void): Promise<string> {
  const server = createServer(socket => {
    socket.on('error', () => {});
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return `amqp://127.0.0.1:${address.port}`;
}

describe('the queue feed while it attaches', { timeout: 300_000 }, () => {
  /** Each connection is cut one byte later than the one before, until one gets through. */
  function sweep(direction: Direction, kind: CutKind): void {
    it(`survives a ${kind} after any byte ${direction}, attaches in the end and leaves nothing behind`, async test => {
      const { feed, proxy, sink, prefix, report } = await behindProxy(test, {
        // No waits between tries, and nothing is asked after attaching.
        soundIntervalMs: 60_000,
        random: () => 0,
      });
      proxy.onConnection(index => proxy.cutAfter({ direction, kind, bytes: index }));
      await feed.start(sink);
      const tries = report.attempts;
      assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'first' });
      assert.ok(tries > 500, `only ${tries} tries: the sweep has not swept`);
      await feed.stop();
      const broker = await sharedBroker();
      await eventually(
        async () => [...(await queues(broker, prefix)), ...(await exchanges(broker, prefix))],
        left => left.length === 0,
      );
    });
  }
  sweep('toClient', 'reset');
  sweep('toClient', 'end');
  sweep('toServer', 'reset');

  it('waits for a frozen broker no longer than the connect timeout, and tries on', async test => {
    const { feed, proxy, sink, logger, report } = await behindProxy(test, { connectTimeoutMs: 200 });
    proxy.freeze();
    const started = feed.start(sink);
    await logger.line(/no answer within 200 ms/);
    await eventually(
      () => report.attempts,
      attempts => attempts >= 3,
    );
    assert.equal(logger.loud.length, 1);
    proxy.thaw();
    await started;
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'first' });
  });

  it('can be stopped while it waits for a frozen broker', async test => {
    const { feed, proxy, sink, report } = await behindProxy(test);
    proxy.freeze();
    const started = feed.start(sink);
    await eventually(
      () => proxy.taken,
      taken => taken === 1,
    );
    const before = performance.now();
    await Promise.all([feed.stop(), started]);
    assert.ok(performance.now() - before < 500);
    assert.equal(report.attempts, 1);
    assert.deepEqual(sink.rest, []);
  });

  it('can be stopped at any moment of attaching, and leaves nothing behind', async test => {
    const prefixes: string[] = [];
    for (let bytes = 100; bytes < 1000; bytes += 60) {
      const { feed, proxy, sink, prefix } = await behindProxy(test);
      prefixes.push(prefix);
      const started = feed.start(sink);
      await eventually(
        () => proxy.passed('toClient'),
        // Once attached, the newest connection is the one for the marks.
        passed => passed >= bytes || proxy.taken > 1,
      );
      await feed.stop();
      await started;
    }
    const broker = await sharedBroker();
    const names = async () => [
      ...(await queues(broker, 'push.pod')).map(({ name }) => name),
      ...(await exchanges(broker, 'push.pod')),
    ];
    await eventually(names, left => !left.some(name => prefixes.some(prefix => name.startsWith(prefix))));
  });

  it('survives a port that speaks something else', async test => {
    const babble = [
      'HTTP/1.1 400 Bad Request\r\n\r\n',
      'AMQP\0\0\0\0',
      '\x01\0\0\xff\xff\xff\xff',
      '\x08\0\0\0\0\0\0\xce',
      '\0',
    ];
    for (const text of babble) {
      const url = await fakeBroker(test, socket => socket.end(Buffer.from(text, 'latin1')));
      const { feed, sink } = openQueueFeed(url, { reconnectDeadlineMs: 0, connectTimeoutMs: 500 });
      await feed.start(sink);
      await sink.expect('givenUp');
      await feed.stop();
    }
  });
});
