import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RabbitmqNode } from '../../scripts/lib/rabbitmq-node.mjs';
import type { TestClient } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { onChannel, privateBroker, publisher, type TestPublisher } from '../support/rabbitmq.js';
import { mintToken } from '../support/tokens.js';
import { startWarrenProcess, type WarrenProcess } from '../support/warren.js';

const EVERYBODY = { send_to_all: true };
const numbered = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}-${i}`);
const ids = (client: TestClient) => client.events().map(({ id }) => id);

/** Pods as real processes that read one stream. */
describe('pods on one stream', () => {
  let broker: RabbitmqNode;
  let env: Record<string, string> = {};
  let a: WarrenProcess;
  let b: WarrenProcess;
  let backend: TestPublisher;

  const start = (feed: 'queue' | 'stream') => startWarrenProcess({ ...env, FEED: feed });
  const publish = (id: string) => backend.publish({ id, ...EVERYBODY, data: { id } });

  before(async () => {
    broker = await privateBroker();
    env = { AMQP_URL: broker.url, RESUME_OVERLAP_MS: '300' };
    [a, b] = await Promise.all([start('stream'), start('stream')]);
    await Promise.all([a.untilReady(), b.untilReady()]);
    backend = await publisher(broker.url, 'push.events');
  });
  after(async () => {
    await backend.close();
    await Promise.all([a.stop(), b.stop()]);
    await broker.stop();
  });

  test('a client that changes pods gets what it missed, in order, and nothing twice', async () => {
    const token = mintToken({ user: '7' });
    const first = await a.connect({ token });
    await first.system('connected');
    for (const id of numbered('seen', 20)) await publish(id);
    const { cursor = '' } = await first.event('seen-19');
    await first.cut();
    for (const id of numbered('missed', 20)) await publish(id);
    const second = await b.connect({ token, cursor });
    assert.equal((await second.system('connected')).resume, 'resumed');
    await second.event('missed-19');
    assert.deepEqual(ids(second), numbered('missed', 20));
    await second.close();
  });

  test('a pod that is started anew has the history, and clients resume at it exactly', async () => {
    const token = mintToken({ user: '7' });
    const first = await a.connect({ token });
    await first.system('connected');
    await publish('last-seen');
    const { cursor = '' } = await first.event('last-seen');
    await first.cut();
    for (const id of numbered('while-away', 5)) await publish(id);
    const young = await start('stream');
    await young.untilReady();
    const second = await young.connect({ token, cursor });
    assert.equal((await second.system('connected')).resume, 'resumed');
    await second.event('while-away-4');
    assert.deepEqual(ids(second), numbered('while-away', 5));
    await second.close();
    assert.equal(await young.stop(), 0);
  });

  test('clients stay through a broken connection to the broker, and get what was published meanwhile, without a resync', async () => {
    const client = await a.enter({ user: '7' });
    await publish('before-the-cut');
    await client.event('before-the-cut');
    const text = await broker.ctl('list_connections', 'pid', 'client_properties');
    const feeds = text.split('\n').filter(line => /warren .* feed/.test(line));
    assert.ok(feeds.length > 0);
    for (const line of feeds) await broker.ctl('close_connection', line.split('\t')[0] ?? '', 'test');
    for (const id of numbered('meanwhile', 10)) await publish(id);
    await client.event('meanwhile-9');
    assert.deepEqual(ids(client), ['before-the-cut', ...numbered('meanwhile', 10)]);
    assert.deepEqual(
      client.story.filter(line => /^(?:stale|resync)/.test(line)),
      ['stale true', 'stale false'],
    );
    await client.close();
  });

  test('the stream deleted: stale, then a resync, and nothing is passed off as complete', async () => {
    const client = await a.enter({ user: '7' });
    await publish('before-the-end');
    const { cursor = '' } = await client.event('before-the-end');
    await onChannel(broker.url, channel => channel.deleteQueue('push.history'));
    await eventually(
      () => client.story.filter(line => /^(?:stale|resync)/.test(line)),
      story => story.includes('resync feed_gap'),
    );
    await b.untilReady();
    const late = await b.enter({ user: '7' }, { cursor });
    assert.equal(late.messages.find(({ event }) => event === 'connected')?.resume, 'resync');
    await publish('in-the-new-one');
    await Promise.all([client, late].map(one => one.event('in-the-new-one')));
    await Promise.all([client, late].map(one => one.close()));
  });

  test('pods with a queue and pods with the stream work side by side: clients change both ways and miss nothing', async () => {
    const token = mintToken({ user: '7' });
    const queue = await start('queue');
    await queue.untilReady();
    let cursor: string | undefined;
    const seen = new Set<string | undefined>();
    for (const [round, pod] of [queue, a, queue, b].entries()) {
      const client = await pod.connect({ token, ...(cursor === undefined ? {} : { cursor }) });
      const connected = await client.system('connected');
      assert.equal(connected.resume, round === 0 ? 'new' : 'resumed');
      await publish(`live-${round}`);
      cursor = (await client.event(`live-${round}`)).cursor;
      for (const id of ids(client)) seen.add(id);
      await client.cut();
      await publish(`away-${round}`);
    }
    const last = await a.connect({ token, ...(cursor === undefined ? {} : { cursor }) });
    await last.event('away-3');
    for (const id of ids(last)) seen.add(id);
    for (const id of [...numbered('live', 4), ...numbered('away', 4)]) assert.ok(seen.has(id), id);
    await last.close();
    assert.equal(await queue.stop(), 0);
  });
});
