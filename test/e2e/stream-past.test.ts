import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RabbitmqNode } from '../../scripts/lib/rabbitmq-node.mjs';
import type { TestClient } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { consumers, privateBroker, publisher, type TestPublisher } from '../support/rabbitmq.js';
import { mintToken } from '../support/tokens.js';
import { startWarrenProcess, type WarrenProcess } from '../support/warren.js';

const numbered = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}-${i}`);
const ids = (client: TestClient) => client.events().map(({ id }) => id);

/** A pod as a real process, with a log of 50 events and a stream that has them all. */
describe('clients that were away for longer than the pod’s history', { timeout: 120_000 }, () => {
  let broker: RabbitmqNode;
  let pod: WarrenProcess;
  let backend: TestPublisher;

  /** `atOnce`: for somebody who is there, fewer than the log holds. */
  const publishAll = async (names: readonly string[], atOnce = 250) => {
    for (let i = 0; i < names.length; i += atOnce) {
      const some = names.slice(i, i + atOnce);
      await Promise.all(
        some.map(id =>
          backend.publish({ id, tenant: 'acme', user: '7', data: { id, pad: 'x'.repeat(100) } }),
        ),
      );
    }
  };
  const PREFETCH = 77;
  const readers = () => consumers(broker, PREFETCH);

  before(async () => {
    broker = await privateBroker();
    pod = await startWarrenProcess({
      AMQP_URL: broker.url,
      FEED: 'stream',
      AMQP_PREFETCH: String(PREFETCH),
      HISTORY_MAX_EVENTS: '50',
      RESUME_OVERLAP_MS: '300',
    });
    await pod.untilReady();
    backend = await publisher(broker.url, 'push.events');
  });
  after(async () => {
    await backend.close();
    await pod.stop();
    await broker.stop();
  });

  /** A client's place behind ten events. */
  async function leave(name: string): Promise<string> {
    const client = await pod.enter({ user: '7', tenant: 'acme' });
    await publishAll(numbered(name, 10));
    const { cursor = '' } = await client.event(`${name}-9`);
    await client.cut();
    return cursor;
  }

  test('get all that they missed from the stream, in order and each once, and then what comes live', async () => {
    const cursor = await leave('seen');
    await publishAll(numbered('missed', 2000));
    const token = mintToken({ user: '7', tenant: 'acme' });
    const client = await pod.connect({ token, cursor });
    const during = publishAll(numbered('meanwhile', 200), 10);
    assert.equal((await client.system('connected')).resume, 'resumed');
    await during;
    await client.event('meanwhile-199');
    await publishAll(['last']);
    await client.event('last');
    assert.deepEqual(ids(client), [...numbered('missed', 2000), ...numbered('meanwhile', 200), 'last']);
    assert.ok(!client.story.some(line => line.startsWith('resync')));
    await client.close();
    await eventually(readers, count => count === 1);
    assert.equal(await pod.metric('warren_past_runs_total{outcome="done"}'), 1);
    assert.equal(await pod.metric('warren_past_clients'), 0);
  });

  test('are brought up by one consumer at the broker, however many they are', async () => {
    const cursor = await leave('before');
    await publishAll(numbered('away', 2000));
    const token = mintToken({ user: '7', tenant: 'acme' });
    const before = await pod.metric('warren_past_runs_total{outcome="done"}');
    let most = 0;
    const over = new AbortController();
    const watching = (async () => {
      while (!over.signal.aborted) most = Math.max(most, await readers());
    })();
    const clients = await Promise.all(Array.from({ length: 50 }, () => pod.connect({ token, cursor })));
    await Promise.all(clients.map(client => client.event('away-1999')));
    over.abort();
    await watching;
    for (const client of clients) {
      assert.deepEqual(ids(client), numbered('away', 2000));
      assert.equal(client.messages.find(({ event }) => event === 'connected')?.resume, 'resumed');
    }
    assert.ok(most >= 1 && most <= 2, `${most} consumers`);
    await eventually(
      () => pod.metric('warren_past_clients'),
      count => count === 0,
    );
    const runs = (await pod.metric('warren_past_runs_total{outcome="done"}')) - before;
    assert.ok(runs <= 3, `${runs} runs`);
    assert.equal(
      pod.lines.filter(({ msg }) => msg === 'the past was read from the stream').length,
      runs + before,
    );
    await Promise.all(clients.map(client => client.close()));
  });
});
