import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { PastReader } from '../../src/connection/feed.js';
import { eventually } from '../support/eventually.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import {
  consumers,
  publisher,
  sharedBroker,
  type TestBroker,
  type TestPublisher,
} from '../support/rabbitmq.js';
import { openStreamFeed, removeStream, type StreamFeedChanges } from './open-stream-feed.js';
import { eventBody } from './recording.js';

const ids = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `e${from + i}`);

describe('the past of a stream feed', { timeout: 120_000 }, () => {
  let broker: TestBroker;
  before(async () => {
    broker = await sharedBroker();
  });
  const toEnd: (() => Promise<void>)[] = [];
  after(async () => {
    for (const end of toEnd) await end();
  });

  /** An attached feed, and somebody who publishes. */
  async function attached(changes: StreamFeedChanges = {}) {
    const open = openStreamFeed(broker.url, changes);
    toEnd.push(async () => {
      await open.feed.stop();
      await removeStream(broker.url, open.options);
    });
    await open.feed.start(open.sink);
    await open.sink.expect('attached');
    await open.sink.whenCaughtUp();
    const backend = await publisher(broker.url, open.options.exchange);
    toEnd.push(() => backend.close());
    return { ...open, backend };
  }

  type Open = Awaited<ReturnType<typeof attached>>;

  async function publishAll(backend: TestPublisher, bodies: readonly string[]): Promise<void> {
    for (let i = 0; i < bodies.length; i += 500)
      await Promise.all(bodies.slice(i, i + 500).map(body => backend.publish(body)));
  }

  /** Reads, and keeps what it is told. */
  function readFrom({ feed }: Open, from: number) {
    const told = {
      ids: [] as string[],
      offsets: [] as number[],
      passed: [] as number[],
      ends: [] as string[],
    };
    assert.ok(feed.past !== null);
    let stopAt = Infinity;
    const reader: PastReader = feed.past.read(from, {
      event(event, place) {
        told.ids.push(event.id);
        told.offsets.push(place.offset);
        if (told.ids.length >= stopAt) reader.stop();
      },
      passed: place => void told.passed.push(place.offset),
      ended: why => void told.ends.push(why),
    });
    return {
      told,
      reader,
      stopAfter: (count: number) => void (stopAt = count),
      until: (count: number) =>
        eventually(
          () => told.ids.length,
          length => length >= count,
        ),
    };
  }

  it('is read from an offset on, each message once, in order, and on into what comes meanwhile', async () => {
    const open = await attached({ prefetch: 100 });
    await publishAll(
      open.backend,
      ids(0, 3000).map(id => eventBody(id)),
    );
    await open.sink.ids(3000);
    const from = open.sink.places.events[1000]?.offset ?? 0;
    const { told, until, reader } = readFrom(open, from);
    await publishAll(
      open.backend,
      ids(3000, 3100).map(id => eventBody(id)),
    );
    await until(2100);
    assert.deepEqual(told.ids, ids(1000, 3100));
    assert.deepEqual(await open.sink.ids(100), ids(3000, 3100));
    assert.deepEqual(
      told.offsets,
      open.sink.places.events.slice(1000).map(place => place?.offset),
    );
    assert.deepEqual(told.ends, []);
    reader.stop();
  });

  it('gives the ids and places that came live, and counts no rejection twice', async () => {
    const open = await attached();
    await open.backend.publish(eventBody('first'));
    await open.backend.publish('{"no":"event"}');
    await open.backend.publish('{"send_to_all":true,"data":1}');
    await open.sink.ids(1);
    const live = (await open.sink.ids(1))[0];
    assert.equal(open.report.rejections.length, 1);
    const { told, until } = readFrom(open, open.sink.places.events[0]?.offset ?? -1);
    await until(2);
    assert.deepEqual(told.ids, ['first', live]);
    assert.deepEqual(
      told.passed,
      open.sink.places.passed.map(({ offset }) => offset),
    );
    assert.equal(open.report.rejections.length, 1);
  });

  it('says nothing any more once it is stopped, and its consumer is gone', async () => {
    const open = await attached({ prefetch: 23 });
    await publishAll(
      open.backend,
      ids(0, 500).map(id => eventBody(id)),
    );
    await open.sink.ids(500);
    const { told, until, stopAfter } = readFrom(open, 0);
    stopAfter(50);
    await until(50);
    await eventually(
      () => consumers(broker, 23),
      count => count === 1,
    );
    assert.equal(told.ids.length, 50);
    assert.deepEqual(told.ends, []);
    await open.backend.publish(eventBody('live'));
    assert.deepEqual(await open.sink.ids(1), ['live']);
    const early = readFrom(open, 0);
    early.reader.stop();
    early.reader.stop();
    await open.backend.publish(eventBody('later'));
    assert.deepEqual(await open.sink.ids(1), ['later']);
    assert.deepEqual([early.told.ids, early.told.ends], [[], []]);
  });

  it('takes no more than its prefetch while held', async () => {
    const open = await attached({ prefetch: 10 });
    await publishAll(
      open.backend,
      ids(0, 500).map(id => eventBody(id)),
    );
    await open.sink.ids(500);
    const { told, until, reader } = readFrom(open, 0);
    reader.hold(true);
    await until(1);
    await open.backend.publish(eventBody('live'));
    assert.deepEqual(await open.sink.ids(1), ['live']);
    // What came before the broker had answered was acknowledged.
    assert.ok(told.ids.length <= 100, `${told.ids.length} came`);
    reader.hold(false);
    await until(501);
    assert.deepEqual(told.ids, [...ids(0, 500), 'live']);
    reader.stop();
  });

  it('begins with what is left if the stream was trimmed, and ends if that happens in front of it', async () => {
    const open = await attached({ streamMaxBytes: 2_000_000 });
    await publishAll(
      open.backend,
      ids(0, 10).map(id => eventBody(id)),
    );
    await open.sink.ids(10);
    const filler = 'x'.repeat(1000);
    const slow = readFrom(open, 0);
    slow.reader.hold(true);
    await slow.until(10);
    for (let i = 0; i < 20; i++) {
      await publishAll(
        open.backend,
        ids(10 + i * 500, 510 + i * 500).map(id => eventBody(id, filler)),
      );
      await open.sink.ids(500);
    }
    const late = readFrom(open, 0);
    await eventually(
      () => late.told.ids.at(-1),
      last => last === 'e10009',
    );
    assert.ok((late.told.offsets[0] ?? 0) > 1000);
    const count = late.told.ids.length;
    assert.deepEqual(late.told.ids, ids(10_010 - count, 10_010));
    late.reader.stop();
    slow.reader.hold(false);
    // RabbitMQ's reader jumps over what was trimmed, or it gives nothing any more, one time in about ten.
    let taken = 0;
    await eventually(
      () => slow.told.ends.length > 0 || slow.told.ids.length === taken,
      isStill => {
        taken = slow.told.ids.length;
        return isStill;
      },
    );
    assert.ok(taken < 9000, `${taken} came`);
    assert.deepEqual(slow.told.ids, ids(0, taken));
    slow.reader.stop();
    assert.deepEqual(open.report.losses, []);
  });

  it('ends with the attachment, and can be read again with the next', async () => {
    const { hostname, port } = new URL(broker.url);
    const proxy = await startFaultProxy({ host: hostname, port: Number(port) });
    toEnd.push(() => proxy.close());
    const open = await attached({ urls: [`amqp://guest:guest@127.0.0.1:${proxy.port}`], prefetch: 10 });
    await publishAll(
      open.backend,
      ids(0, 500).map(id => eventBody(id)),
    );
    await open.sink.ids(500);
    const cut = readFrom(open, 0);
    cut.reader.hold(true);
    await cut.until(10);
    proxy.cutAll('reset');
    await open.sink.expect('lost');
    assert.deepEqual(cut.told.ends.length, 1);
    cut.reader.stop();
    const between = readFrom(open, 0);
    await eventually(
      () => between.told.ends.length,
      ends => ends === 1,
    );
    await open.sink.expect('attached');
    const again = readFrom(open, 0);
    await again.until(500);
    assert.deepEqual(again.told.ids, ids(0, 500));
    assert.equal(cut.told.ends.length, 1);
    again.reader.stop();
  });
});
