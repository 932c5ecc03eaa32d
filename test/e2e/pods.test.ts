import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { TestClient } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { publisher, sharedBroker, type TestPublisher, uniqueName } from '../support/rabbitmq.js';
import { mintToken } from '../support/tokens.js';
import { startWarrenProcess, type WarrenProcess } from '../support/warren.js';

/** Two pods as real processes on one broker, as Kubernetes would run them. */
describe('two pods on one RabbitMQ', () => {
  const exchange = uniqueName('e2e.events');
  let url = '';
  let env: Record<string, string> = {};
  let a: WarrenProcess;
  let b: WarrenProcess;
  let backend: TestPublisher;

  before(async () => {
    ({ url } = await sharedBroker());
    env = { FEED: 'queue', AMQP_URL: url, AMQP_EXCHANGE: exchange, RESUME_OVERLAP_MS: '300' };
    [a, b] = await Promise.all([
      startWarrenProcess({ ...env, POD_NAME: 'pod-a' }),
      startWarrenProcess({ ...env, POD_NAME: 'pod-b' }),
    ]);
    await Promise.all([a.untilReady(), b.untilReady()]);
    backend = await publisher(url, exchange);
  });

  after(async () => {
    await backend.close();
    await Promise.all([a.stop(), b.stop()]);
  });

  const APPENDED = 'warren_events_received_total{outcome="appended"}';
  const ids = (client: TestClient) => client.events().map(({ id }) => id);
  const publish = (id: string, audience: object) => backend.publish({ id, ...audience, data: { id } });
  /** An event to everybody that ends a test's traffic: who has it has all that came before. */
  const fence = async (id: string, ...clients: TestClient[]) => {
    await publish(id, { send_to_all: true });
    await Promise.all(clients.map(client => client.event(id)));
  };

  test('an event published once reaches its audience on both pods, each once, and nobody else', async () => {
    const seven = await a.enter({ user: '7', tenant: 'acme' });
    const sevenAgain = await b.enter({ user: '7', tenant: 'acme' });
    const eight = await b.enter(
      { user: '8', tenant: 'acme', topics: ['deals.#'] },
      { subscribe: ['deals.*'] },
    );
    const stranger = await a.enter({ user: '7', tenant: 'globex', topics: ['#'] }, { subscribe: ['#'] });
    await publish('one', { tenant: 'acme', users: ['7'] });
    await publish('two', { tenant: 'acme', user: '8', topic: 'deals.42' });
    await publish('three', { tenant: 'acme', send_to_tenant: true });
    await publish('four', { tenant: 'globex', topics: ['deals.42'] });
    await fence('five', seven, sevenAgain, eight, stranger);
    assert.deepEqual(ids(seven), ['one', 'three', 'five']);
    assert.deepEqual(ids(sevenAgain), ['one', 'three', 'five']);
    assert.deepEqual(ids(eight), ['two', 'three', 'five']);
    assert.deepEqual(ids(stranger), ['four', 'five']);
    await Promise.all([seven, sevenAgain, eight, stranger].map(client => client.close()));
  });

  test('a client cut on one pod gets on the other what it missed, in order, and then goes on live', async () => {
    const token = mintToken({ user: '20', tenant: 'acme', topics: ['notes.*'] });
    const first = await a.connect({ token, subscribe: ['notes.*'] });
    await first.system('connected');
    await publish('seen', { tenant: 'acme', topic: 'notes.1' });
    const { cursor = '' } = await first.event('seen');
    await first.cut();
    for (let i = 0; i < 50; i++) await publish(`missed-${i}`, { tenant: 'acme', topic: `notes.${i}` });
    const second = await b.connect({ token, subscribe: ['notes.*'], cursor });
    const connected = await second.system('connected');
    assert.equal(connected.resume, 'resumed');
    assert.equal(connected.cursor, cursor);
    await fence('live-again', second);
    // The overlap may repeat what was seen; a client drops ids that it knows.
    const fresh = [...new Set(ids(second))].filter(id => String(id).startsWith('missed-'));
    assert.deepEqual(
      fresh,
      Array.from({ length: 50 }, (_, i) => `missed-${i}`),
    );
    assert.equal(ids(second).at(-1), 'live-again');
    await second.close();
  });

  test('on the same pod a resume repeats nothing', async () => {
    const token = mintToken({ user: '21', tenant: 'acme' });
    const first = await a.connect({ token });
    await first.system('connected');
    await publish('s1', { tenant: 'acme', user: '21' });
    await publish('s2', { tenant: 'acme', user: '21' });
    const { cursor = '' } = await first.event('s1');
    await first.cut();
    const second = await a.connect({ token, cursor });
    assert.equal((await second.system('connected')).resume, 'resumed');
    await fence('s3', second);
    assert.deepEqual(ids(second), ['s2', 's3']);
    await second.close();
  });

  test('a quiet time is no reason for a resync, on either pod', async () => {
    const token = mintToken({ user: 'quiet', tenant: 'silent-tenant' });
    const first = await a.connect({ token });
    const { cursor = '' } = await first.system('connected');
    await first.cut();
    await publish('elsewhere', { tenant: 'acme', send_to_tenant: true });
    for (const pod of [a, b]) {
      const back = await pod.connect({ token, cursor });
      assert.equal((await back.system('connected')).resume, 'resumed', pod === a ? 'same pod' : 'other pod');
      await back.close();
    }
  });

  test("another tenant's cursor is a position, not a right", async () => {
    const theirs = await a.enter({ user: '1', tenant: 'globex' });
    const { cursor } = theirs;
    await theirs.close();
    await publish('secret', { tenant: 'globex', send_to_tenant: true });
    await publish('secret-too', { tenant: 'globex', user: '1' });
    for (const pod of [a, b]) {
      const intruder = await pod.enter(
        { user: '1', tenant: 'acme', topics: ['#'] },
        { cursor, subscribe: ['#'] },
      );
      await fence(`after-intrusion-${pod === a ? 'a' : 'b'}`, intruder);
      assert.deepEqual(
        intruder.texts.filter(text => text.includes('secret') || text.includes('globex')),
        [],
      );
      await intruder.close();
    }
  });

  test('a cursor that is garbled or of a foreign key leads to a resync', async () => {
    const foreign = await startWarrenProcess({ CURSOR_KEY: 'another-key-of-thirty-two-bytes-and-more' });
    const elsewhere = await foreign.enter();
    const foreignCursor = elsewhere.cursor;
    await foreign.stop();
    const own = await a.enter();
    const garbled = own.cursor.replace(/.$/, last => (last === 'A' ? 'B' : 'A'));
    for (const cursor of [foreignCursor, garbled, '', 'x', 'ü'.repeat(500)]) {
      const client = await a.connect({ token: mintToken(), cursor });
      const connected = await client.system('connected');
      assert.equal(connected.resume, 'resync', cursor);
      assert.equal(connected.reason, 'unknown_position');
      assert.equal(typeof connected.delayMs, 'number');
      await client.close();
    }
    await own.close();
  });

  test('a position that has been evicted leads to a resync, on the pod that gave it and on the other', async () => {
    const short = { ...env, HISTORY_MAX_EVENTS: '10' };
    const [one, two] = await Promise.all([startWarrenProcess(short), startWarrenProcess(short)]);
    await Promise.all([one.untilReady(), two.untilReady()]);
    const token = mintToken({ user: '1', tenant: 'noisy' });
    const client = await one.connect({ token });
    const { cursor = '' } = await client.system('connected');
    const had = await Promise.all([one, two].map(pod => pod.metric(APPENDED)));
    await client.cut();
    for (let i = 0; i < 30; i++) await publish(`noise-${i}`, { tenant: 'noisy', send_to_tenant: true });
    for (const [index, pod] of [one, two].entries()) {
      await eventually(
        () => pod.metric(APPENDED),
        count => count === (had[index] ?? 0) + 30,
      );
      const back = await pod.connect({ token, cursor });
      const connected = await back.system('connected');
      assert.equal(connected.resume, 'resync');
      assert.equal(connected.reason, 'evicted');
      await back.close();
    }
    await Promise.all([one.stop(), two.stop()]);
  });

  test('SIGTERM under load sends each client on with a cursor that loses nothing; exit 0, no queue left', async () => {
    const leaving = await startWarrenProcess({ ...env, POD_NAME: 'pod-leaving', DRAIN_MS: '1500' });
    await leaving.untilReady();
    const token = mintToken({ user: '30', tenant: 'acme' });
    const clients = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const client = await leaving.connect({ token });
        await client.system('connected');
        return client;
      }),
    );
    let sent = 0;
    const publishing = new AbortController();
    const load = (async () => {
      while (!publishing.signal.aborted) await publish(`load-${sent++}`, { tenant: 'acme', user: '30' });
    })();
    await clients[0]?.event();
    leaving.signal('SIGTERM');
    const moved = await Promise.all(
      clients.map(async old => {
        const hint = await old.system('reconnect');
        assert.equal(hint.reason, 'drain');
        assert.ok(typeof hint.delayMs === 'number');
        assert.deepEqual(await old.closed, { code: 1012, reason: 'drain' });
        const now = await b.connect({ token, cursor: old.cursor });
        assert.equal((await now.system('connected')).resume, 'resumed');
        return { old, now };
      }),
    );
    assert.equal(await leaving.exited, 0);
    publishing.abort();
    await load;
    const last = `load-${sent - 1}`;
    for (const { old, now } of moved) {
      await now.event(last);
      const got = new Set([...ids(old), ...ids(now)]);
      const begun = Number(String(ids(old)[0] ?? ids(now)[0]).slice('load-'.length));
      for (let i = begun; i < sent; i++)
        assert.ok(got.has(`load-${i}`), `load-${i} of ${sent}, begun at ${begun}`);
      await now.close();
    }
    const broker = await sharedBroker();
    assert.doesNotMatch(await broker.ctl('list_queues', 'name'), /pod-leaving/);
  });

  test('while draining, new sockets get 503 with Retry-After, and a second signal ends the process at once', async () => {
    const leaving = await startWarrenProcess({ ...env, DRAIN_MS: '60000' });
    await leaving.untilReady();
    // Two, of whom the second is told only later: with one alone the drain would be over at once.
    const clients = [await leaving.enter({ user: '31' }), await leaving.enter({ user: '32' })];
    leaving.signal('SIGTERM');
    await clients[0]?.system('reconnect');
    const response = await fetch(`${leaving.publicUrl}/healthz`);
    assert.equal(response.status, 503);
    await assert.rejects(leaving.connect(), /Unexpected server response: 503/);
    // Again and again: signals within 50 ms count as one.
    let exited = false;
    const exit = leaving.exited.then(code => {
      exited = true;
      return code;
    });
    await eventually(
      () => {
        leaving.signal('SIGTERM');
        return exited;
      },
      over => over,
    );
    assert.equal(await exit, 0);
  });
});
