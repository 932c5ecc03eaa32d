import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createQueueFeed } from '../../src/broker/queue-feed.js';
import { waitingClock } from '../support/clock.js';
import { eventually } from '../support/eventually.js';
import {
  boundTo,
  connections,
  declareWithCanary,
  exchanges,
  onChannel,
  publisher,
  queues,
  sharedBroker,
  type TestBroker,
  type TestPublisher,
  uniqueName,
} from '../support/rabbitmq.js';
import { feedContract } from './feed-contract.js';
import { openQueueFeed, type QueueFeedChanges } from './open-queue-feed.js';
import { decode, eventBody, recordingLogger } from './recording.js';

feedContract('queue', async deps => {
  const { url } = await sharedBroker();
  const { options } = openQueueFeed(url);
  let backend: TestPublisher | null = null;
  return {
    feed: createQueueFeed(options, { ...deps, clock: waitingClock, logger: recordingLogger() }),
    async publish(body, id) {
      backend ??= await publisher(url, options.exchange);
      await backend.publish(body, { messageId: id });
    },
    async close() {
      await backend?.close();
      await onChannel(url, channel => channel.deleteExchange(options.exchange));
    },
  };
});

describe('the queue feed', { timeout: 120_000 }, () => {
  let broker: TestBroker;
  before(async () => {
    broker = await sharedBroker();
  });
  const toEnd: (() => Promise<void>)[] = [];
  after(async () => {
    for (const end of toEnd) await end();
  });

  /** A feed that is stopped at the end, whatever becomes of the test. */
  function opened(changes: QueueFeedChanges = {}) {
    const open = openQueueFeed(broker.url, changes);
    toEnd.push(async () => {
      await open.feed.stop();
      await onChannel(broker.url, channel => channel.deleteExchange(open.options.exchange));
    });
    return open;
  }

  async function backendOf(exchange: string): Promise<TestPublisher> {
    const backend = await publisher(broker.url, exchange);
    toEnd.push(() => backend.close());
    return backend;
  }

  it('has one exclusive, transient queue per connection, and leaves nothing behind', async () => {
    const { feed, sink, prefix, options } = opened({ podName: 'pod/7 ä' });
    await feed.start(sink);
    // Two for events, and one that shows the other pods that the connection with the marks is there.
    const own = await eventually(
      () => queues(broker, prefix),
      ({ length }) => length >= 3,
    );
    assert.equal(own.length, 3);
    for (const queue of own) {
      assert.match(queue.name, /^push\.pod\.[0-9a-f]+\.pod_7__\.[0-9a-f]{12}(\.overflow|\.marks)?$/);
      assert.deepEqual([queue.durable, queue.exclusive, queue.auto_delete], [false, true, true]);
      assert.equal(queue.consumers, queue.name.endsWith('.marks') ? 0 : 1);
    }
    assert.equal((await exchanges(broker, prefix)).length, 1);
    assert.equal((await boundTo(broker, options.exchange)).length, 1);
    assert.deepEqual(await boundTo(broker, options.controlExchange), await boundTo(broker, options.exchange));
    await feed.stop();
    assert.deepEqual(await queues(broker, prefix), []);
    assert.deepEqual(await exchanges(broker, prefix), []);
    assert.equal(await connections(broker, `warren ${options.podName}`), 0);
  });

  it('acknowledges everything, in batches', async () => {
    const { feed, sink, prefix, options } = opened({ prefetch: 20 });
    await feed.start(sink);
    await sink.expect('attached');
    const backend = await backendOf(options.exchange);
    await Promise.all(Array.from({ length: 500 }, (_, i) => backend.publish(eventBody(`e${i}`))));
    assert.equal((await sink.ids(500)).at(-1), 'e499');
    const [main] = await eventually(
      async () => (await queues(broker, prefix)).filter(({ name }) => isMain(name)),
      ([queue]) => queue?.messages_unacknowledged === 0,
    );
    assert.equal(main?.messages_ready, 0);
    await feed.stop();
  });

  it('takes no more than the prefetch while held, and all the rest, in order, once let go', async () => {
    const { feed, sink, prefix, options } = opened({ prefetch: 20, markIntervalMs: 60_000 });
    await feed.start(sink);
    await sink.expect('attached');
    feed.hold(true);
    const backend = await backendOf(options.exchange);
    await Promise.all(Array.from({ length: 500 }, (_, i) => backend.publish(eventBody(`e${i}`))));
    await eventually(
      async () => (await queues(broker, prefix)).find(({ name }) => isMain(name)),
      queue => queue?.messages_unacknowledged === 20 && queue.messages_ready >= 480,
    );
    // One of them may be the pod's first mark.
    assert.ok(sink.rest.length <= 20 && sink.rest.length >= 19, `${sink.rest.length} events`);
    feed.hold(false);
    assert.deepEqual(
      await sink.ids(500),
      Array.from({ length: 500 }, (_, i) => `e${i}`),
    );
    await feed.stop();
  });

  it('says attached before the first event, however many are waiting', async () => {
    const exchange = uniqueName('push.events');
    await onChannel(broker.url, channel => channel.assertExchange(exchange, 'fanout', { durable: true }));
    const backend = await backendOf(exchange);
    const enough = new AbortController();
    const flood = (async () => {
      for (let i = 0; !enough.signal.aborted; i++)
        await Promise.all([0, 1, 2, 3].map(n => backend.publish(eventBody(`e${i}-${n}`))));
    })();
    for (let i = 0; i < 20; i++) {
      const { feed, sink } = opened({ exchange });
      await feed.start(sink);
      assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'first' });
      await sink.ids(10);
      await feed.stop();
    }
    enough.abort();
    await flood;
  });

  it('notices that its queue was deleted, and begins again with a gap', async () => {
    const { feed, sink, prefix, options, report } = opened();
    await feed.start(sink);
    await sink.expect('attached');
    const main = (await queues(broker, prefix)).find(({ name }) => isMain(name));
    assert.ok(main);
    // Only the owner may delete an exclusive queue; an administrator can.
    await broker.ctl('delete_queue', main.name).catch(() => broker.ctl('eval', deleteQueue(main.name)));
    assert.match((await sink.expect('lost')).why, /queue was deleted/);
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'gap' });
    assert.deepEqual(report.losses, ['cancelled']);
    const backend = await backendOf(options.exchange);
    await backend.publish(eventBody('after'));
    assert.deepEqual(await sink.ids(1), ['after']);
    await feed.stop();
  });

  it('notices that the exchange was deleted, declares it again and begins with a gap', async () => {
    const { feed, sink, options, report } = opened();
    await feed.start(sink);
    await sink.expect('attached');
    await onChannel(broker.url, channel => channel.deleteExchange(options.exchange));
    assert.match((await sink.expect('lost')).why, /the exchange push\.events\.\w+ was deleted/);
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'gap' });
    assert.deepEqual(report.losses, ['exchange']);
    const backend = await backendOf(options.exchange);
    await backend.publish(eventBody('after'));
    assert.deepEqual(await sink.ids(1), ['after']);
    await feed.stop();
  });

  it('notices on each pod that the exchange was deleted, though it was declared anew at once', async () => {
    const exchange = uniqueName('push.events');
    await onChannel(broker.url, channel => declareWithCanary(channel, exchange));
    const pods = [opened({ exchange }), opened({ exchange })];
    for (const { feed, sink } of pods) {
      await feed.start(sink);
      await sink.expect('attached');
    }
    await onChannel(broker.url, async channel => {
      await channel.deleteExchange(exchange);
      await channel.assertExchange(exchange, 'fanout', { durable: true });
    });
    for (const { sink, report } of pods) {
      assert.match((await sink.expect('lost')).why, /the exchange push\.events\.\w+ was deleted .*\.canary/);
      assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'gap' });
      assert.deepEqual(report.losses, ['exchange']);
    }
    const backend = await backendOf(exchange);
    await backend.publish(eventBody('after'));
    for (const { feed, sink } of pods) {
      assert.deepEqual(await sink.ids(1), ['after']);
      await feed.stop();
    }
  });

  it('has a canary beside the exchange after a while, and a new one after each that died', async () => {
    const { feed, sink, options, report } = opened({ probeIntervalMs: 30 });
    const isThere = () => exchanges(broker, `${options.exchange}.canary`);
    await feed.start(sink);
    await sink.expect('attached');
    await eventually(isThere, found => found.length === 1);
    await onChannel(broker.url, channel => channel.deleteExchange(options.exchange));
    await sink.expect('lost');
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'gap' });
    await eventually(isThere, found => found.length === 1);
    assert.deepEqual(report.losses, ['exchange']);
    await feed.stop();
  });

  it('does without a canary where the user may not have one, and says so once', async () => {
    const { host } = new URL(broker.url);
    const user = uniqueName('pod').replace('.', '-');
    await broker.ctl('add_user', user, 'secret');
    toEnd.push(async () => {
      await broker.ctl('delete_user', user);
    });
    const { feed, sink, options, logger } = opened({ urls: [`amqp://${user}:secret@${host}`] });
    const own = String.raw`^push\.(pod\..*|control.*|events\.[^.]*)$`;
    await broker.ctl('set_permissions', user, own, String.raw`^push\.(pod\..*|control.*)$`, own);
    await feed.start(sink);
    const line = await logger.line(/no canary/);
    assert.equal(line.level, 'warn');
    assert.match(JSON.stringify(line.fields), /"configure.*" and .*read.*canary/);
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'first' });
    const backend = await backendOf(options.exchange);
    await backend.publish(eventBody('e1'));
    assert.deepEqual(await sink.ids(1), ['e1']);
    await feed.stop();
  });

  it('proves up to when it has everything, with events under way and without', async () => {
    const { feed, sink, options } = opened({ prefetch: 5 });
    await feed.start(sink);
    await sink.expect('attached');
    const backend = await backendOf(options.exchange);
    await sink.coveredBy(Date.now());
    for (let round = 0; round < 5; round++) {
      await Promise.all(Array.from({ length: 300 }, (_, i) => backend.publish(eventBody(`r${round}-${i}`))));
      // A timestamp after the last confirm: all 300 reached the queue before it.
      await sink.coveredBy(Date.now() + 1);
      assert.equal(sink.rest.length, 300);
      await sink.ids(300);
    }
    await feed.stop();
  });

  it('mends a binding that somebody removed', async () => {
    const { feed, sink, options } = opened();
    await feed.start(sink);
    const [queue] = await boundTo(broker, options.exchange);
    assert.ok(queue);
    await broker.ctl('eval', unbind(options.exchange, queue));
    await eventually(
      () => boundTo(broker, options.exchange),
      bound => bound.includes(queue),
    );
    await feed.stop();
  });

  it('says so when the queue overflowed, before anything behind the hole', async () => {
    const { feed, sink, options, report } = opened({ queueMaxLength: 10, prefetch: 5 });
    await feed.start(sink);
    await sink.expect('attached');
    const backend = await backendOf(options.exchange);
    // The broker can't deliver while this process doesn't read, so a burst in one turn overflows the queue.
    await Promise.all(Array.from({ length: 2000 }, (_, i) => backend.publish(eventBody(`e${i}`))));
    let expected = 0;
    for (let heard = await sink.next(); heard.kind !== 'lost'; heard = await sink.next()) {
      assert.ok(heard.kind === 'event');
      assert.equal(heard.id, `e${expected++}`);
    }
    assert.ok(expected < 2000, 'nothing was dropped: the burst is too small');
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'gap' });
    assert.equal(report.losses[0], 'overflow');
    await feed.stop();
  });

  it('does not attach while the exchange is of another type, says why, and heals', async () => {
    const { feed, sink, options, logger } = opened();
    await onChannel(broker.url, channel =>
      channel.assertExchange(options.exchange, 'topic', { durable: true }),
    );
    void feed.start(sink);
    const line = await logger.line(/exists with another type or durability/);
    assert.equal(line.level, 'warn');
    assert.deepEqual(sink.rest, []);
    await onChannel(broker.url, channel => channel.deleteExchange(options.exchange));
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'first' });
    await feed.stop();
  });

  it('waits for the exchange where it may not declare it, loud once and quiet then', async () => {
    const { feed, sink, options, logger, report } = opened({ declare: false });
    void feed.start(sink);
    await logger.line(/does not exist and AMQP_DECLARE=false/);
    await eventually(
      () => report.attempts,
      attempts => attempts >= 4,
    );
    assert.equal(logger.loud.length, 1);
    assert.deepEqual(sink.rest, []);
    await onChannel(broker.url, channel =>
      channel.assertExchange(options.exchange, 'fanout', { durable: true }),
    );
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'first' });
    await feed.stop();
  });

  it('gives up at once with a deadline of 0, when nobody listens', async () => {
    const { feed, sink, report } = opened({
      urls: ['amqp://127.0.0.1:1', 'amqp://127.0.0.1:2'],
      reconnectDeadlineMs: 0,
    });
    await feed.start(sink);
    assert.match((await sink.expect('givenUp')).why, /nobody listens there/);
    assert.equal(report.attempts, 2);
    assert.deepEqual(sink.rest, []);
  });

  it('gives up at its deadline', async () => {
    const { feed, sink } = opened({ urls: ['amqp://127.0.0.1:1'], reconnectDeadlineMs: 300 });
    await feed.start(sink);
    await sink.expect('givenUp');
  });

  it('tries the addresses in turn', async () => {
    const { feed, sink } = opened({ urls: ['amqp://127.0.0.1:1', broker.url], reconnectDeadlineMs: 0 });
    await feed.start(sink);
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'first' });
    await feed.stop();
  });

  it('explains a wrong password and a wrong virtual host, and shows no secret', async () => {
    const { host } = new URL(broker.url);
    const password = 'p:ss/w@rd%é';
    const wrongPassword = opened({
      urls: [`amqp://guest:${encodeURIComponent(password)}@${host}`],
      reconnectDeadlineMs: 0,
    });
    await wrongPassword.feed.start(wrongPassword.sink);
    assert.match(
      (await wrongPassword.sink.expect('givenUp')).why,
      /the user or the password in AMQP_URL is wrong/,
    );
    const logged = JSON.stringify(wrongPassword.logger.lines);
    for (const secret of [password, encodeURIComponent(password), 'w@rd'])
      assert.ok(!logged.includes(secret));
    assert.ok(logged.includes(`amqp://guest@${host}`));

    const wrongVhost = opened({ urls: [`amqp://guest:guest@${host}/no%2Fsuch`], reconnectDeadlineMs: 0 });
    await wrongVhost.feed.start(wrongVhost.sink);
    assert.match((await wrongVhost.sink.expect('givenUp')).why, /virtual host no\/such does not exist/);
  });

  it('needs only the permissions that the documentation names, and attaches once it has them', async () => {
    const { host } = new URL(broker.url);
    const user = uniqueName('pod').replace('.', '-');
    await broker.ctl('add_user', user, 'secret');
    toEnd.push(async () => {
      await broker.ctl('delete_user', user);
    });
    await broker.ctl('set_permissions', user, '^$', '^$', '^$');
    const exchange = uniqueName('push.events');
    await onChannel(broker.url, channel => channel.assertExchange(exchange, 'fanout', { durable: true }));
    const { feed, sink, logger, prefix } = opened({
      urls: [`amqp://${user}:secret@${host}`],
      declare: false,
      exchange,
    });
    void feed.start(sink);
    await logger.line(/the user lacks a permission/);
    const own = '^push\\.pod\\..*$';
    await broker.ctl(
      'set_permissions',
      user,
      own,
      own,
      `^(${exchange.replaceAll('.', '\\.')}|push\\.pod\\..*)$`,
    );
    assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'first' });
    const backend = await backendOf(exchange);
    await backend.publish(eventBody('e1'));
    assert.deepEqual(await sink.ids(1), ['e1']);
    await feed.stop();
    assert.deepEqual(await exchanges(broker, prefix), []);
  });

  it('takes no header out of one that poses as a prototype', async () => {
    let headers: Readonly<Record<string, unknown>> | null = null;
    const { feed, sink, options } = opened({
      decode(delivery, place) {
        headers = delivery.headers;
        return decode(delivery, place);
      },
    });
    await feed.start(sink);
    await sink.expect('attached');
    const backend = await backendOf(options.exchange);
    const sent: Record<string, unknown> = { other: 'x' };
    Object.defineProperty(sent, '__proto__', { value: { to: 'all' }, enumerable: true });
    await backend.publish(eventBody('e1'), { headers: sent });
    await sink.ids(1);
    assert.ok(headers);
    assert.equal(headers['to'], undefined);
    assert.deepEqual(headers, { other: 'x' });
    await feed.stop();
  });
});

/** The queue that events wait in. */
function isMain(name: string): boolean {
  return /\.[0-9a-f]{12}$/.test(name);
}

function deleteQueue(name: string): string {
  return `{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"${name}">>)), rabbit_amqqueue:delete(Q, false, false, <<"test">>), ok.`;
}

function unbind(exchange: string, queue: string): string {
  return `rabbit_binding:remove({binding, rabbit_misc:r(<<"/">>, exchange, <<"${exchange}">>), <<>>, rabbit_misc:r(<<"/">>, queue, <<"${queue}">>), []}, <<"test">>).`;
}
