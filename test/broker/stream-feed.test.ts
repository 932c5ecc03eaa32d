import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createStreamFeed } from '../../src/broker/stream-feed.js';
import { createPlaceIds } from '../../src/broker/stream-ids.js';
import { decodeDelivery } from '../../src/broker/envelope.js';
import type { Decode } from '../../src/broker/intake.js';
import { waitingClock } from '../support/clock.js';
import { eventually } from '../support/eventually.js';
import {
  boundTo,
  connections,
  declareWithCanary,
  onChannel,
  publisher,
  queues,
  sharedBroker,
  type TestBroker,
  type TestPublisher,
  uniqueName,
} from '../support/rabbitmq.js';
import { feedContract } from './feed-contract.js';
import { openStreamFeed, removeStream, type StreamFeedChanges } from './open-stream-feed.js';
import { eventBody, recordingLogger } from './recording.js';

feedContract('stream', async deps => {
  const { url } = await sharedBroker();
  const { options } = openStreamFeed(url);
  let backend: TestPublisher | null = null;
  return {
    feed: createStreamFeed(options, { ...deps, clock: waitingClock, logger: recordingLogger() }),
    async publish(body, id) {
      backend ??= await publisher(url, options.exchange);
      await backend.publish(body, { messageId: id });
    },
    async close() {
      await backend?.close();
      await removeStream(url, options);
    },
  };
});

/** e0, e1, … */
function ids(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => `e${from + i}`);
}

describe('the stream feed', { timeout: 120_000 }, () => {
  let broker: TestBroker;
  before(async () => {
    broker = await sharedBroker();
  });
  const toEnd: (() => Promise<void>)[] = [];
  after(async () => {
    for (const end of toEnd) await end();
  });

  /** A feed that is stopped at the end, whatever becomes of the test. */
  function opened(changes: StreamFeedChanges = {}) {
    const open = openStreamFeed(broker.url, changes);
    toEnd.push(async () => {
      await open.feed.stop();
      await removeStream(broker.url, open.options);
    });
    return open;
  }

  async function backendOf(exchange: string): Promise<TestPublisher> {
    const backend = await publisher(broker.url, exchange);
    toEnd.push(() => backend.close());
    return backend;
  }

  async function publishAll(backend: TestPublisher, names: readonly string[]): Promise<void> {
    await Promise.all(names.map(id => backend.publish(eventBody(id))));
  }

  /** A stream that an earlier pod declared, with something in it. */
  async function withHistory(names: readonly string[], changes: StreamFeedChanges = {}) {
    const earlier = opened(changes);
    await earlier.feed.start(earlier.sink);
    await earlier.sink.whenCaughtUp();
    const backend = await backendOf(earlier.options.exchange);
    await publishAll(backend, names);
    await earlier.feed.stop();
    return { backend, names: { exchange: earlier.options.exchange, stream: earlier.options.stream } };
  }

  it('begins with what the stream holds, and has caught up only when it has all of it', async () => {
    const { names } = await withHistory(ids(3000));
    const { feed, sink } = opened({ ...names, prefetch: 100 });
    const atLast: boolean[] = [];
    let taken = 0;
    sink.onEvent = () => {
      if (++taken === 3000) atLast.push(sink.isCaughtUp);
    };
    void feed.start(sink);
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'first' });
    assert.deepEqual(sink.places.attached, [null]);
    await sink.whenCaughtUp();
    assert.equal(taken, 3000);
    assert.deepEqual(atLast, [false]);
    assert.deepEqual(await sink.ids(3000), ids(3000));
    await feed.stop();
  });

  it('goes back no further than the history may hold', async () => {
    const { names } = await withHistory(ids(500));
    const { feed, sink } = opened({ ...names, historyMaxEvents: 20 });
    await feed.start(sink);
    await sink.expect('attached');
    await sink.whenCaughtUp();
    assert.deepEqual(await sink.ids(20), ids(20, 480));
    await feed.stop();
  });

  it('begins with the last chunk when nothing is young enough, so that idle clients find their place', async () => {
    const { names } = await withHistory(ids(10));
    const { feed, sink } = opened({ ...names, historyMaxAgeMs: -60_000 });
    await feed.start(sink);
    await sink.expect('attached');
    await sink.whenCaughtUp();
    assert.equal((await eventually(() => sink.rest.at(-1), Boolean))?.kind, 'event');
    assert.equal(sink.places.events.at(-1)?.offset, 9);
    await feed.stop();
  });

  it('has caught up at once with an empty stream, and misses nothing that comes then', async () => {
    const { feed, sink, options } = opened();
    await feed.start(sink);
    await sink.expect('attached');
    await sink.whenCaughtUp();
    const backend = await backendOf(options.exchange);
    await backend.publish(eventBody('first'));
    assert.deepEqual(await sink.ids(1), ['first']);
    assert.equal(sink.places.events[0]?.offset, 0);
    await feed.stop();
  });

  it('gives each message the same place on every pod, and events without an id the same id', async () => {
    const decodeFor = (secret: string): Decode => {
      const idOf = createPlaceIds(secret);
      return (delivery, place) =>
        decodeDelivery(delivery, {
          now: () => 1,
          maxEventBytes: 1000,
          maxRecipients: 10,
          newId: () => (place === null ? 'no place' : idOf(place)),
        });
    };
    const one = opened({ decode: decodeFor('a'.repeat(32)) });
    await one.feed.start(one.sink);
    const backend = await backendOf(one.options.exchange);
    const body = JSON.stringify({ send_to_all: true, data: 1 });
    for (let i = 0; i < 20; i++) await backend.publish(body, { timestamp: 7, type: 'x' });
    await backend.publish('no event');
    const { exchange, stream } = one.options;
    const two = opened({ exchange, stream, decode: decodeFor('a'.repeat(32)) });
    const foreign = opened({ exchange, stream, decode: decodeFor('b'.repeat(32)) });
    await two.feed.start(two.sink);
    await foreign.feed.start(foreign.sink);
    for (const { sink } of [one, two, foreign]) await sink.expect('attached');
    const given = await one.sink.ids(20);
    assert.equal(new Set(given).size, 20);
    for (const id of given) assert.match(id, /^s[\w-]{22}$/);
    assert.deepEqual(await two.sink.ids(20), given);
    assert.notDeepEqual(await foreign.sink.ids(20), given);
    await eventually(
      () => [one, two].map(({ sink }) => sink.places.passed.length),
      ([first, second]) => first === 1 && second === 1,
    );
    assert.deepEqual(two.sink.places.events, one.sink.places.events);
    assert.deepEqual(two.sink.places.passed, one.sink.places.passed);
    for (const { feed } of [one, two, foreign]) await feed.stop();
  });

  it('acknowledges everything, in batches', async () => {
    const { feed, sink, options } = opened({ prefetch: 20 });
    await feed.start(sink);
    await sink.expect('attached');
    const backend = await backendOf(options.exchange);
    await publishAll(backend, ids(2000));
    assert.deepEqual(await sink.ids(2000), ids(2000));
    await feed.stop();
  });

  it('takes little more than the prefetch while held, and all the rest, in order, once let go', async () => {
    const { feed, sink, options } = opened({ prefetch: 20 });
    await feed.start(sink);
    await sink.expect('attached');
    feed.hold(true);
    const backend = await backendOf(options.exchange);
    // One by one, since a chunk is sent whole however little of it the prefetch has room for.
    for (const id of ids(200)) await backend.publish(eventBody(id));
    const until = Date.now() + 1;
    assert.ok(sink.rest.length <= 30, `${sink.rest.length} came`);
    feed.hold(false);
    assert.deepEqual(await sink.ids(200), ids(200));
    await sink.coveredBy(until);
    await feed.stop();
  });

  it('proves up to when it has everything, with events under way and without', async () => {
    const { feed, sink, options } = opened({ prefetch: 5 });
    await feed.start(sink);
    await sink.expect('attached');
    const backend = await backendOf(options.exchange);
    await sink.coveredBy(Date.now());
    for (let round = 0; round < 5; round++) {
      await publishAll(backend, ids(300));
      // A timestamp after the last confirm: all 300 reached the stream before it.
      await sink.coveredBy(Date.now() + 1);
      assert.equal(sink.rest.length, 300);
      await sink.ids(300);
    }
    await feed.stop();
  });

  it('proves nothing while held', async () => {
    const { feed, sink, options } = opened({ prefetch: 1 });
    await feed.start(sink);
    await sink.expect('attached');
    feed.hold(true);
    const backend = await backendOf(options.exchange);
    for (const id of ids(50)) await backend.publish(eventBody(id));
    let isCovered = false;
    const covered = sink.coveredBy(Date.now() + 1).then(() => {
      isCovered = true;
    });
    await sink.ids(1);
    assert.equal(isCovered, false);
    feed.hold(false);
    await covered;
    assert.equal(sink.rest.length, 49);
    await feed.stop();
  });

  it('begins again with a gap when the stream was trimmed past its place', async () => {
    const small = { streamMaxBytes: 2_000_000 };
    const { feed, sink, options, report } = opened(small);
    await feed.start(sink);
    await sink.expect('attached');
    const backend = await backendOf(options.exchange);
    await publishAll(backend, ids(10));
    await sink.ids(10);
    feed.hold(true);
    const filler = 'x'.repeat(1000);
    // While held it takes its prefetch of 1000, and the stream is trimmed far in front of it.
    for (let i = 0; i < 10; i++) {
      await Promise.all(ids(1000).map(id => backend.publish(eventBody(`${i}-${id}`, filler))));
    }
    feed.hold(false);
    let heard = await sink.next();
    let taken = 0;
    for (; heard.kind === 'event'; heard = await sink.next()) taken++;
    assert.equal(heard.kind, 'lost');
    assert.ok(taken < 10_000);
    // RabbitMQ's reader jumps over what was trimmed, or it stops for good, one time in about ten.
    assert.ok(['trimmed', 'unanswered'].includes(report.losses[0] ?? ''), report.losses[0]);
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'gap' });
    assert.deepEqual(sink.places.attached, [null, null]);
    await backend.publish(eventBody('after'));
    for (heard = await sink.next(); heard.kind === 'event' && heard.id !== 'after'; )
      heard = await sink.next();
    assert.equal(heard.kind, 'event');
    await feed.stop();
  });

  for (const [what, count] of [
    ['fewer', 1],
    ['as many', 10],
    ['more', 30],
    ['no', 0],
  ] as const) {
    it(`begins again with a gap when the stream was created anew with ${what} messages`, async () => {
      const { feed, sink, options, report } = opened();
      await feed.start(sink);
      await sink.expect('attached');
      const backend = await backendOf(options.exchange);
      await publishAll(backend, ids(10));
      await sink.ids(10);
      await onChannel(broker.url, channel => channel.deleteQueue(options.stream));
      await sink.expect('lost');
      // RabbitMQ 3.10 sometimes fails (541) when a consumer begins while the stream goes, and once closed the channel.
      assert.ok(['cancelled', 'connection', 'channel'].includes(report.losses[0] ?? ''), report.losses[0]);
      await eventually(
        () => boundTo(broker, options.exchange),
        bound => bound.includes(options.stream),
      );
      const fresh = ids(count, 100);
      await publishAll(backend, fresh);
      assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'gap' });
      assert.deepEqual(sink.places.attached, [null, null]);
      assert.deepEqual(await sink.ids(count), fresh);
      await backend.publish(eventBody('after'));
      assert.deepEqual(await sink.ids(1), ['after']);
      await feed.stop();
    });
  }

  it('notices that the exchange was deleted, declares it again and says that events may be missing', async () => {
    const { feed, sink, options, report } = opened();
    await feed.start(sink);
    await sink.expect('attached');
    const backend = await backendOf(options.exchange);
    await backend.publish(eventBody('before'));
    await sink.ids(1);
    await onChannel(broker.url, channel => channel.deleteExchange(options.exchange));
    assert.match((await sink.expect('lost')).why, /the exchange push\.events\.\w+ was deleted/);
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'gap' });
    assert.deepEqual(report.losses, ['exchange']);
    // Not the last one taken: whoever stands there may have missed what was published without a binding.
    assert.deepEqual(sink.places.attached, [null, null]);
    const again = await backendOf(options.exchange);
    await again.publish(eventBody('after'));
    assert.deepEqual(await sink.ids(1), ['after']);
    await feed.stop();
  });

  it('notices that the exchange was deleted, though it was declared anew at once', async () => {
    const exchange = uniqueName('push.events');
    await onChannel(broker.url, channel => declareWithCanary(channel, exchange));
    const { feed, sink, report } = opened({ exchange });
    await feed.start(sink);
    await sink.expect('attached');
    await onChannel(broker.url, async channel => {
      await channel.deleteExchange(exchange);
      await channel.assertExchange(exchange, 'fanout', { durable: true });
    });
    assert.match((await sink.expect('lost')).why, /the exchange push\.events\.\w+ was deleted .*\.canary/);
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'gap' });
    assert.deepEqual(report.losses, ['exchange']);
    await feed.stop();
  });

  it('does not attach to a stream that was declared otherwise, and says what to do', async () => {
    const { names } = await withHistory([]);
    const { feed, sink, logger } = opened({ ...names, streamMaxAgeMs: 7_200_000 });
    void feed.start(sink);
    await logger.line(/exists with other arguments, which can't be changed: set AMQP_STREAM_MAX_BYTES/);
    assert.deepEqual(sink.rest, []);
    await feed.stop();
    const asItIs = opened({ ...names, streamMaxAgeMs: 7_200_000, declare: false });
    await asItIs.feed.start(asItIs.sink);
    await asItIs.sink.expect('attached');
    await asItIs.feed.stop();
  });

  it('waits for the stream where it may not declare it, and does not read a queue that is none', async () => {
    const { feed, sink, logger, options } = opened({ declare: false });
    await onChannel(broker.url, channel =>
      channel.assertExchange(options.exchange, 'fanout', { durable: true }),
    );
    void feed.start(sink);
    await logger.line(/the stream push\.history\.\w+ does not exist and AMQP_DECLARE=false/);
    await onChannel(broker.url, channel => channel.assertQueue(options.stream, { durable: true }));
    await logger.line(/is a queue of another kind, not a stream/);
    // It is bound by now. What comes belongs to whoever reads that queue.
    const backend = await backendOf(options.exchange);
    await backend.publish(eventBody('foreign'));
    await eventually(
      () => onChannel(broker.url, async channel => (await channel.checkQueue(options.stream)).messageCount),
      count => count === 1,
    );
    assert.deepEqual(
      sink.rest.filter(({ kind }) => kind === 'event'),
      [],
    );
    await feed.stop();
  });

  it('needs only the permissions that the documentation names, and attaches once it has them', async () => {
    const { backend, names } = await withHistory(['e0']);
    const { host } = new URL(broker.url);
    const user = uniqueName('pod').replace('.', '-');
    await broker.ctl('add_user', user, 'secret');
    toEnd.push(async () => {
      await broker.ctl('delete_user', user);
    });
    await broker.ctl('set_permissions', user, '^$', '^$', '^$');
    const { feed, sink, logger } = opened({
      ...names,
      urls: [`amqp://${user}:secret@${host}`],
      declare: false,
    });
    void feed.start(sink);
    await logger.line(/the user lacks a permission: it needs/);
    const [exchange, stream] = [names.exchange, names.stream].map(name => name.replaceAll('.', '\\.'));
    await broker.ctl('set_permissions', user, '^$', `^${stream}$`, `^(${exchange}|${stream})$`);
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'first' });
    await backend.publish(eventBody('e1'));
    assert.deepEqual(await sink.ids(2), ['e0', 'e1']);
    await feed.stop();
  });

  it('stops at once at whatever moment, also while it looks at the end of the stream', async () => {
    const { names } = await withHistory(['e0']);
    for (let round = 0; round < 40; round++) {
      const { feed, sink } = opened({ ...names, soundIntervalMs: 0 });
      await feed.start(sink);
      await sink.coveredBy(Date.now() + (round % 10));
      await feed.stop();
    }
  });

  it('leaves the stream and the exchange to the others, and nothing else', async () => {
    const { feed, sink, options } = opened({ podName: uniqueName('pod') });
    await feed.start(sink);
    const [own] = await queues(broker, options.stream);
    assert.deepEqual([own?.durable, own?.auto_delete], [true, false]);
    assert.deepEqual(await boundTo(broker, options.exchange), [options.stream]);
    await feed.stop();
    assert.equal((await queues(broker, options.stream)).length, 1);
    assert.equal(await connections(broker, options.podName), 0);
  });
});
