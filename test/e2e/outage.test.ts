import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { RabbitmqNode } from '../../scripts/lib/rabbitmq-node.mjs';
import { eventually } from '../support/eventually.js';
import { privateBroker, publisher } from '../support/rabbitmq.js';
import { runMain, startWarrenProcess, type Warren } from '../support/warren.js';

const readiness = async (warren: Warren) => {
  const response = await fetch(`${warren.adminUrl}/readyz`);
  const body: unknown = await response.json();
  return { status: response.status, body };
};

describe('a broker in trouble, as clients and Kubernetes see it', () => {
  let broker: RabbitmqNode;
  const env = () => ({ FEED: 'queue', AMQP_URL: broker.url, RESUME_OVERLAP_MS: '100' });

  before(async () => {
    broker = await privateBroker();
  });
  after(() => broker.stop());

  test('killed and back: nobody is cut off; stale, unready, then stale:false, resync, events, in that order', async () => {
    const pod = await startWarrenProcess(env());
    await pod.untilReady();
    const clients = await Promise.all([pod.enter({ user: '1' }), pod.enter({ user: '2' })]);
    await broker.kill();
    for (const client of clients) assert.equal((await client.system('stale')).stale, true);
    assert.equal((await pod.enter({ user: '3' })).messages.at(-1)?.stale, true, 'newcomers are told as well');
    await eventually(
      () => readiness(pod),
      ({ status }) => status === 503,
    );
    assert.deepEqual((await readiness(pod)).body, { ready: false, reasons: ['feed'] });
    assert.equal((await fetch(`${pod.adminUrl}/livez`)).status, 200);
    const unconfirmed = await pod.publish({ id: 'nowhere', send_to_all: true, data: 1 });
    assert.deepEqual(unconfirmed, { status: 503, body: { reason: 'unconfirmed', id: 'nowhere' } });

    await broker.restart();
    await pod.untilReady();
    const backend = await publisher(broker.url, 'push.events');
    await backend.publish({ id: 'after', send_to_all: true, data: 1 });
    for (const client of clients) {
      await client.event('after');
      const story = client.story.filter(line => line !== 'ping');
      assert.deepEqual(story.slice(2), ['stale true', 'stale false', 'resync feed_gap', 'event after']);
    }
    // A cursor from before the gap can't be honoured, one from after it can.
    const before = clients[0]?.messages.find(({ event }) => event === 'connected')?.cursor ?? '';
    const late = await pod.enter({ user: '1' }, { cursor: before });
    const connected = late.messages.find(({ event }) => event === 'connected');
    assert.equal(connected?.resume, 'resync');
    assert.equal(connected?.reason, 'feed_gap');
    await backend.close();
    assert.equal(await pod.stop(), 0);
    assert.equal((await broker.ctl('list_queues', 'name')).trim(), '', 'no queue is left');
  });

  test('the queue deleted under the consumer: stale, a new queue, resync', async () => {
    const pod = await startWarrenProcess({ ...env(), POD_NAME: 'robbed' });
    await pod.untilReady();
    const client = await pod.enter();
    const queues = (await broker.ctl('list_queues', 'name')).split('\n');
    const queue = queues.find(name => /robbed\.[0-9a-f]{12}$/.test(name)) ?? '';
    await broker.ctl('delete_queue', queue);
    assert.equal((await client.system('stale')).stale, true);
    assert.equal((await client.system('resync')).reason, 'feed_gap');
    assert.equal((await pod.publish({ id: 'again', send_to_all: true, data: 1 })).status, 202);
    await client.event('again');
    await pod.stop();
  });

  test('frozen: the pod stays live, and goes on once it thaws', async () => {
    const pod = await startWarrenProcess(env());
    await pod.untilReady();
    const client = await pod.enter();
    broker.freeze();
    assert.equal((await fetch(`${pod.adminUrl}/livez`)).status, 200);
    broker.thaw();
    await eventually(
      () => pod.publish({ id: 'thawed', send_to_all: true, data: 1 }),
      ({ status }) => status === 202,
    );
    await client.event('thawed');
    await pod.stop();
  });

  test('absent at the start: clients are told to come back, and served once it is there', async () => {
    await broker.kill();
    const pod = await startWarrenProcess(env());
    const early = await pod.connect();
    assert.equal((await early.error()).code, 'over_capacity');
    assert.deepEqual(await early.closed, { code: 1013, reason: 'no feed yet' });
    assert.deepEqual((await readiness(pod)).body, { ready: false, reasons: ['starting'] });
    await broker.restart();
    await pod.untilReady();
    const client = await pod.enter();
    await pod.publish({ id: 'first', send_to_all: true, data: 1 });
    await client.event('first');
    await pod.stop();
  });

  test('away for longer than the deadline: clients are sent away and the process ends with 69', async () => {
    const pod = await startWarrenProcess({ ...env(), FEED_RECONNECT_DEADLINE_MS: '1500' });
    await pod.untilReady();
    const client = await pod.enter();
    await broker.kill();
    await client.system('reconnect');
    assert.equal(await pod.exited, 69);
    await broker.restart();
  });

  test('wrong password: not ready, exit 69 at the deadline, and the password is in no line', async () => {
    const password = 'hunter2-secret';
    const url = broker.url.replace('guest:guest', `guest:${password}`);
    const pod = await startWarrenProcess({ ...env(), AMQP_URL: url, FEED_RECONNECT_DEADLINE_MS: '1500' });
    assert.equal((await readiness(pod)).status, 503);
    assert.equal(await pod.exited, 69);
    assert.ok(
      pod.lines.some(line => JSON.stringify(line).includes('ACCESS_REFUSED')),
      JSON.stringify(pod.lines),
    );
    assert.ok(!JSON.stringify(pod.lines).includes(password));
  });
});

describe('how the process ends', () => {
  test('with 78 and a line per fault if a setting is wrong, and no secret in them', async () => {
    const secret = 'short-secret';
    const { code, stderr } = await runMain({ JWT_SECRET: secret, PORT: '8080x', FEED: 'kafka' });
    assert.equal(code, 78);
    const lines = stderr.trim().split('\n');
    const named = lines.map(line => /warren: (\w+)/.exec(line)?.[1] ?? '');
    assert.deepEqual(new Set(named), new Set(['FEED', 'JWT_SECRET', 'PORT']));
    assert.ok(!stderr.includes(secret));
  });

  test('with 71 if its port is taken', async () => {
    const squatter = createServer();
    await new Promise<void>(resolve => squatter.listen(0, '127.0.0.1', resolve));
    const address = squatter.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await assert.rejects(startWarrenProcess({ PORT: `${port}` }), /exit 71/);
    squatter.close();
  });

  test('with 70 and a fatal line after a bug', async () => {
    const bomb = encodeURIComponent("process.on('SIGUSR2', () => { throw new Error('a bug'); })");
    const pod = await startWarrenProcess({ NODE_OPTIONS: `--import data:text/javascript,${bomb}` });
    pod.signal('SIGUSR2');
    assert.equal(await pod.exited, 70);
    await eventually(
      () => pod.lines.some(({ level }) => level === 'fatal'),
      said => said,
    );
  });

  test('with 0 after SIGINT, at once when nobody is connected', async () => {
    const pod = await startWarrenProcess({ DRAIN_MS: '60000' });
    pod.signal('SIGINT');
    assert.equal(await pod.exited, 0);
  });
});
