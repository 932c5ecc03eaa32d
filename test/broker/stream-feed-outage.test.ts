import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RabbitmqNode } from '../../scripts/lib/rabbitmq-node.mjs';
import { type CutKind, startFaultProxy } from '../support/fault-proxy.js';
import { declareWithCanary, onChannel, privateBroker, publisher, uniqueName } from '../support/rabbitmq.js';
import {
  type OpenStreamFeed,
  openStreamFeed,
  removeStream,
  type StreamFeedChanges,
} from './open-stream-feed.js';
import { eventBody } from './recording.js';

/** What only a broker of one's own lets one do: kill it, freeze it, cut it off. */
describe('the stream feed and a broker in trouble', { timeout: 180_000 }, () => {
  let node: RabbitmqNode;
  before(async () => {
    node = await privateBroker();
  });
  after(() => node.stop());

  async function caughtUp(changes: StreamFeedChanges = {}): Promise<OpenStreamFeed> {
    const open = openStreamFeed(node.url, changes);
    await open.feed.start(open.sink);
    await open.sink.expect('attached');
    await open.sink.whenCaughtUp();
    return open;
  }

  async function publish({ options }: OpenStreamFeed, ...names: string[]): Promise<void> {
    const backend = await publisher(node.url, options.exchange);
    await Promise.all(names.map(id => backend.publish(eventBody(id))));
    await backend.close();
  }

  it('goes on unbroken after the broker was restarted cleanly, and after it was killed', async () => {
    const open = await caughtUp();
    const { feed, sink, report } = open;
    await publish(open, 'a1', 'a2', 'a3');
    assert.deepEqual(await sink.ids(3), ['a1', 'a2', 'a3']);
    const last = sink.places.events.at(-1);
    // In this order, for a stream that was declared a moment before its only node was killed is lost for good.
    await node.restart();
    assert.match((await sink.expect('lost')).why, /^attached: /);
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'unbroken' });
    assert.deepEqual(sink.places.attached.at(-1), last);
    await publish(open, 'b1');
    assert.deepEqual(await sink.ids(1), ['b1']);

    await node.kill();
    assert.match((await sink.expect('lost')).why, /^attached: /);
    await node.restart();
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'unbroken' });
    await publish(open, 'c1');
    assert.deepEqual(await sink.ids(1), ['c1']);
    await sink.coveredBy(Date.now());
    assert.deepEqual(sink.rest, []);
    assert.deepEqual(report.losses, ['connection', 'connection']);
    await feed.stop();
  });

  it('goes on unbroken after it was cut off for a while, with what was published meanwhile and nothing twice', async () => {
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: node.port });
    const open = await caughtUp({
      urls: [`amqp://guest:guest@127.0.0.1:${proxy.port}`],
      connectTimeoutMs: 500,
      heartbeatSeconds: 1,
    });
    const { feed, sink } = open;
    const names = Array.from({ length: 300 }, (_, i) => `e${i}`);
    await publish(open, ...names.slice(0, 100));
    assert.deepEqual(await sink.ids(100), names.slice(0, 100));
    const last = sink.places.events.at(-1);
    proxy.freeze();
    await sink.expect('lost');
    await publish(open, ...names.slice(100));
    proxy.thaw();
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'unbroken' });
    assert.deepEqual(sink.places.attached, [null, last]);
    assert.deepEqual(await sink.ids(200), names.slice(100));
    await sink.coveredBy(Date.now());
    assert.deepEqual(sink.rest, []);
    await feed.stop();
    await proxy.close();
  });

  for (const kind of ['reset', 'end'] satisfies CutKind[]) {
    it(`goes on unbroken after a ${kind} amid a stream of events, each of which comes once`, async () => {
      const proxy = await startFaultProxy({ host: '127.0.0.1', port: node.port });
      const open = await caughtUp({ urls: [`amqp://guest:guest@127.0.0.1:${proxy.port}`], prefetch: 50 });
      const { feed, sink } = open;
      const names = Array.from({ length: 3000 }, (_, i) => `e${i}`);
      let taken = 0;
      sink.onEvent = () => {
        if (++taken % 700 === 0) proxy.cutAll(kind);
      };
      const published = publish(open, ...names);
      const came: string[] = [];
      let losses = 0;
      while (came.length < names.length) {
        const heard = await sink.next();
        if (heard.kind === 'event') came.push(heard.id);
        else if (heard.kind === 'lost') losses++;
        else assert.deepEqual(heard, { kind: 'attached', continuity: 'unbroken' });
      }
      await published;
      assert.deepEqual(came, names);
      assert.ok(losses >= 3, `only ${losses} losses`);
      await feed.stop();
      await proxy.close();
    });
  }

  it('survives cuts while it attaches, and has caught up in the end with everything once', async () => {
    const earlier = await caughtUp();
    const names = Array.from({ length: 500 }, (_, i) => `e${i}`);
    await publish(earlier, ...names);
    await earlier.feed.stop();
    const { exchange, stream } = earlier.options;
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: node.port });
    // Each connection gets a little further than the one before: through looking, reading and catching up.
    proxy.onConnection(index =>
      proxy.cutAfter({ direction: 'toClient', kind: 'reset', bytes: 400 + index * 1500 }),
    );
    const { feed, sink } = openStreamFeed(`amqp://guest:guest@127.0.0.1:${proxy.port}`, {
      exchange,
      stream,
      random: () => 0,
      soundIntervalMs: 60_000,
    });
    void feed.start(sink);
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'first' });
    const came: string[] = [];
    while (came.length < names.length) {
      const heard = await sink.next();
      if (heard.kind === 'event') came.push(heard.id);
      // Cut before it had taken anything, it has nothing to go on from; then nobody has been served either.
      if (heard.kind === 'attached') assert.ok(heard.continuity === 'unbroken' || came.length === 0);
    }
    assert.deepEqual(came, names);
    await feed.stop();
    await proxy.close();
  });

  it('says gap, not unbroken, when another stream with as many messages took the place of the old one', async () => {
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: node.port });
    const open = await caughtUp({
      urls: [`amqp://guest:guest@127.0.0.1:${proxy.port}`],
      connectTimeoutMs: 500,
      heartbeatSeconds: 1,
    });
    const { feed, sink, options } = open;
    await publish(open, 'a1', 'a2', 'a3');
    await sink.ids(3);
    proxy.freeze();
    await sink.expect('lost');
    await removeStream(node.url, options);
    const other = await caughtUp({ exchange: options.exchange, stream: options.stream });
    await publish(other, 'b1', 'b2', 'b3');
    await other.feed.stop();
    proxy.thaw();
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'gap' });
    assert.deepEqual(sink.places.attached.at(-1), null);
    assert.deepEqual(await sink.ids(3), ['b1', 'b2', 'b3']);
    await feed.stop();
    await proxy.close();
  });

  it('says gap when the exchange was deleted and declared anew while it was away', async () => {
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: node.port });
    const exchange = uniqueName('push.events');
    await onChannel(node.url, channel => declareWithCanary(channel, exchange));
    const open = await caughtUp({ urls: [`amqp://guest:guest@127.0.0.1:${proxy.port}`], exchange });
    const { feed, sink } = open;
    await publish(open, 'before');
    assert.deepEqual(await sink.ids(1), ['before']);
    proxy.cutAfter({ direction: 'toClient', kind: 'reset', bytes: 0 });
    proxy.cutAll('reset');
    await sink.expect('lost');
    await onChannel(node.url, async channel => {
      await channel.deleteExchange(exchange);
      await channel.assertExchange(exchange, 'fanout', { durable: true });
    });
    await publish(open, 'missed');
    proxy.cutAfter(null);
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'gap' });
    await publish(open, 'after');
    assert.deepEqual(await sink.ids(1), ['after']);
    await feed.stop();
    await proxy.close();
  });

  it('says gap when what it had read last was trimmed while it was away', async () => {
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: node.port });
    const open = await caughtUp({
      urls: [`amqp://guest:guest@127.0.0.1:${proxy.port}`],
      connectTimeoutMs: 500,
      heartbeatSeconds: 1,
      streamMaxBytes: 2_000_000,
    });
    const { feed, sink, options } = open;
    await publish(open, 'a1');
    await sink.ids(1);
    proxy.freeze();
    await sink.expect('lost');
    const backend = await publisher(node.url, options.exchange);
    for (let i = 0; i < 6000; i += 500) {
      await Promise.all(
        Array.from({ length: 500 }, (_, j) => backend.publish(eventBody(`f${i + j}`, 'x'.repeat(1000)))),
      );
    }
    await backend.close();
    proxy.thaw();
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'gap' });
    const first = await sink.expect('event');
    assert.notEqual(first.id, 'f0');
    for (let heard = first; heard.id !== 'f5999'; ) heard = await sink.expect('event');
    await feed.stop();
    await proxy.close();
  });

  it('stays lost while a permission is missing, and goes on unbroken when it is back', async () => {
    const open = await caughtUp();
    const { sink, feed } = open;
    await publish(open, 'a1');
    await sink.ids(1);
    await node.ctl('set_permissions', 'guest', '.*', '.*', '^nothing$');
    await node.ctl('close_all_connections', 'test');
    await sink.expect('lost');
    await open.logger.line(/the user lacks a permission/);
    assert.deepEqual(sink.rest, []);
    await node.ctl('set_permissions', 'guest', '.*', '.*', '.*');
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'unbroken' });
    await publish(open, 'a2');
    assert.deepEqual(await sink.ids(1), ['a2']);
    await feed.stop();
  });

  it('stops within two seconds or so when the broker is frozen', async () => {
    const open = await caughtUp();
    node.freeze();
    const before = performance.now();
    await open.feed.stop();
    const took = performance.now() - before;
    node.thaw();
    assert.ok(took < 3000, `took ${took} ms`);
    await onChannel(node.url, channel => channel.deleteQueue(open.options.stream));
  });
});
