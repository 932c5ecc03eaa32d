import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { decodeMark, encodeMark, type Mark } from '../../src/control/mark.js';
import { eventually } from '../support/eventually.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import { onChannel, publisher, sharedBroker, type TestBroker, uniqueName } from '../support/rabbitmq.js';
import { type OpenQueueFeed, openQueueFeed, type QueueFeedChanges } from './open-queue-feed.js';
import { eventBody } from './recording.js';

describe('the marks between pods', { timeout: 120_000 }, () => {
  let broker: TestBroker;
  const exchange = uniqueName('push.events');
  const exchangesMade = new Set<string>([exchange]);
  before(async () => {
    broker = await sharedBroker();
  });
  after(() =>
    onChannel(broker.url, async channel => {
      for (const name of exchangesMade) await channel.deleteExchange(name);
    }),
  );

  interface Pod extends OpenQueueFeed {
    /** How far what it claims lies behind what reached its own queue, ms. */
    behind(): number;
    /** Resolves when it has claimed anew `times`. */
    claims(times: number): Promise<void>;
  }

  /** A pod of a test's own group, stopped at its end. */
  async function pod(
    test: TestContext,
    controlExchange: string,
    podName: string,
    changes: QueueFeedChanges = {},
  ): Promise<Pod> {
    exchangesMade.add(controlExchange);
    const url = changes.urls?.[0] ?? broker.url;
    const open = openQueueFeed(url, { exchange, controlExchange, podName, ...changes });
    let behind = Infinity;
    let count = 0;
    const sink = {
      ...open.sink,
      covered(until: number, reached: number) {
        behind = reached - until;
        count++;
        open.sink.covered(until, reached);
      },
    };
    test.after(() => open.feed.stop());
    await open.feed.start(sink);
    await open.sink.expect('attached');
    return {
      ...open,
      behind: () => behind,
      async claims(times) {
        const from = count;
        await eventually(
          () => count,
          now => now >= from + times,
        );
      },
    };
  }

  /** What passes through the exchange, as a queue bound to it sees it. */
  async function listen(test: TestContext, controlExchange: string): Promise<Mark[]> {
    const heard: Mark[] = [];
    let stop = (): void => {};
    const stopped = new Promise<void>(resolve => {
      stop = resolve;
    });
    let begin = (): void => {};
    const begun = new Promise<void>(resolve => {
      begin = resolve;
    });
    const listening = onChannel(broker.url, async channel => {
      await channel.assertExchange(controlExchange, 'fanout', { durable: true });
      const { queue } = await channel.assertQueue('', { exclusive: true });
      await channel.bindQueue(queue, controlExchange, '');
      await channel.consume(
        queue,
        message => {
          const mark = message === null ? null : decodeMark(message.content);
          assert.ok(mark !== null);
          heard.push(mark);
        },
        { noAck: true },
      );
      begin();
      await stopped;
    });
    await begun;
    test.after(async () => {
      stop();
      await listening;
    });
    return heard;
  }

  const group = () => uniqueName('push.control');
  const sourcesOf = (marks: readonly Mark[]) => new Set(marks.map(({ source }) => source));

  async function frozenPod(test: TestContext, controlExchange: string, changes: QueueFeedChanges = {}) {
    const address = new URL(broker.url);
    const proxy = await startFaultProxy({ host: address.hostname, port: Number(address.port) });
    address.port = String(proxy.port);
    const frozen = await pod(test, controlExchange, 'frozen', { urls: [address.href], ...changes });
    test.after(() => proxy.close()); // After the feed, which would come back over it.
    return { frozen, proxy };
  }

  it('are published by each with its time, one source for each connection, and end with bye', async test => {
    const controlExchange = group();
    const heard = await listen(test, controlExchange);
    const before = Date.now();
    const one = await pod(test, controlExchange, 'one');
    await pod(test, controlExchange, 'two');
    await eventually(
      () => heard.length,
      count => count >= 10 && sourcesOf(heard).size === 2,
    );
    for (const { kind, source, at } of heard) {
      assert.equal(kind, 'mark');
      assert.match(source, /^push\.pod\.[0-9a-f]+\.(?:one|two)\.[0-9a-f]{12}\.marks$/);
      assert.ok(at >= before && at <= Date.now());
    }
    await one.feed.stop();
    await eventually(
      () => heard.findLast(({ source }) => source.includes('.one.'))?.kind,
      kind => kind === 'bye',
    );
    assert.equal(heard.filter(({ kind }) => kind === 'bye').length, 1);
  });

  it('reach the pods in order with the events, and are none', async test => {
    const controlExchange = group();
    const listening = await pod(test, controlExchange, 'one');
    const backend = await publisher(broker.url, exchange);
    await backend.publish(eventBody('e1'));
    await listening.claims(10);
    await backend.publish(eventBody('e2'));
    await backend.close();
    assert.deepEqual(await listening.sink.ids(2), ['e1', 'e2']);
    assert.deepEqual(listening.sink.rest, []);
    assert.deepEqual(listening.report.rejections, []);
  });

  it('that come through the exchange for events are no marks', async test => {
    const listening = await pod(test, group(), 'one');
    const backend = await publisher(broker.url, exchange);
    await backend.publish(Buffer.from(encodeMark({ kind: 'mark', source: 'forged', at: 0 })));
    await backend.close();
    await eventually(
      () => listening.report.rejections.length,
      count => count === 1,
    );
    await listening.claims(3);
    assert.ok(listening.behind() < 5000);
  });

  it('hold back what the others claim while those of one pod fail to come, and let it go on when they do again', async test => {
    const controlExchange = group();
    const watching = await pod(test, controlExchange, 'watching');
    const { proxy } = await frozenPod(test, controlExchange, { heartbeatSeconds: 60 });
    await watching.claims(10);
    assert.ok(watching.behind() < 1000, `${watching.behind()} ms`);
    proxy.freeze();
    // The broker is asked after 5 s, and knows that the connection is there.
    await eventually(
      () => watching.behind(),
      behind => behind > 7000,
    );
    proxy.thaw();
    await eventually(
      () => watching.behind(),
      behind => behind < 1000,
    );
  });

  it('of a pod that was killed hold back the others only until the broker has been asked about it', async test => {
    const controlExchange = group();
    const watching = await pod(test, controlExchange, 'watching');
    const { frozen, proxy } = await frozenPod(test, controlExchange, { random: () => 0.999 });
    await watching.claims(10);
    // Its connections end without a bye, and new ones get nowhere.
    proxy.cutAll('reset');
    proxy.freeze();
    let most = 0;
    await eventually(
      () => {
        most = Math.max(most, watching.behind());
        return most > 4000 && watching.behind() < 1000;
      },
      over => over,
    );
    assert.ok(most < 9000, `${most} ms`);
    proxy.thaw();
    await frozen.feed.stop();
  });

  it('of a pod that leaves properly hold back nobody', async test => {
    const controlExchange = group();
    const watching = await pod(test, controlExchange, 'watching');
    const leaving = await pod(test, controlExchange, 'leaving');
    await watching.claims(10);
    await leaving.feed.stop();
    // 60 claims of at least 50 ms each: without the bye they would lie 3 s behind by now.
    await watching.claims(60);
    assert.ok(watching.behind() < 1500, `${watching.behind()} ms`);
  });

  it('are missed by nobody where the exchange is missing: one warning, and the feed works', async test => {
    await onChannel(broker.url, channel => channel.assertExchange(exchange, 'fanout', { durable: true }));
    const controlExchange = group();
    exchangesMade.add(controlExchange);
    const alone = await pod(test, controlExchange, 'alone', { declare: false });
    const line = await alone.logger.line(/pods exchange no marks/);
    assert.equal(line.level, 'warn');
    assert.match(JSON.stringify(line), /push\.control\.\w+ does not exist: declare it.*AMQP_DECLARE=true/);
    await alone.claims(3);
    assert.equal(alone.behind(), 0);
    // Once the exchange is there, its queue is bound to it without a new attachment.
    const heard = await listen(test, controlExchange);
    await pod(test, controlExchange, 'other');
    await eventually(
      () => heard.length,
      count => count > 0,
    );
    await onChannel(broker.url, async channel => {
      const old = { kind: 'mark', source: 'unheard-of', at: Date.now() - 60_000 } as const;
      await eventually(
        () => {
          channel.publish(controlExchange, '', Buffer.from(encodeMark(old)));
          return alone.behind();
        },
        behind => behind >= 50_000,
      );
    });
    assert.equal(alone.logger.loud.filter(({ message }) => message.includes('no marks')).length, 1);
    assert.deepEqual(alone.report.losses, []);
  });

  it('are done without where the user may not take part in them', async test => {
    const { host } = new URL(broker.url);
    const user = uniqueName('pod').replace('.', '-');
    await broker.ctl('add_user', user, 'secret');
    test.after(() => broker.ctl('delete_user', user));
    const own = '^push\\.pod\\..*$';
    const read = `^(${exchange.replaceAll('.', '\\.')}|push\\.pod\\..*)$`;
    await broker.ctl('set_permissions', user, own, own, read);
    const controlExchange = group();
    await onChannel(broker.url, async channel => {
      await channel.assertExchange(exchange, 'fanout', { durable: true });
      await channel.assertExchange(controlExchange, 'fanout', { durable: true });
    });
    const alone = await pod(test, controlExchange, 'alone', {
      urls: [`amqp://${user}:secret@${host}`],
      declare: false,
    });
    const line = await alone.logger.line(/pods exchange no marks/);
    assert.match(JSON.stringify(line), /grant \\"read\\" and \\"write\\" on push\.control/);
    const backend = await publisher(broker.url, exchange);
    await backend.publish(eventBody('e1'));
    await backend.close();
    assert.deepEqual(await alone.sink.ids(1), ['e1']);
    await alone.claims(3);
    assert.equal(alone.behind(), 0);
  });
});
