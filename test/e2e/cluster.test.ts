import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as amqp from 'amqplib';
import type { TestClient } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { uniqueName } from '../support/rabbitmq.js';
import { type RabbitmqCluster, startCluster } from '../support/rabbitmq-cluster.js';
import { mintToken } from '../support/tokens.js';
import { startWarren, type Warren, type WarrenInProcess } from '../support/warren.js';

const PING_MS = 1000;
/** Of the stall: longer than the overlap in time. */
const PINGS = 8;
const HELD = Array.from({ length: 20 }, (_, i) => `held-${i}`);
/** More than the 1,000 positions that a resume on another pod goes back at least. */
const FILLERS = 1200;
/** A channel that has 400 messages under way to a queue waits for it: none may come near. */
const PER_CHANNEL = 100;
const CHANNELS = 1 + FILLERS / PER_CHANNEL;

const APPENDED = 'warren_events_received_total{outcome="appended"}';
const ids = (client: TestClient) => client.events().map(({ id }) => id);

/** A backend on one node that can't wait for confirms: while the link stands still there are none. */
async function impatientBackend(url: string, exchange: string) {
  const connection = await amqp.connect(url);
  connection.on('error', () => {});
  const channels: amqp.Channel[] = [];
  for (let i = 0; i < CHANNELS; i++) channels.push(await connection.createChannel());
  return {
    publish(events: readonly object[], channel = 0): void {
      for (const event of events)
        channels[channel]?.publish(exchange, '', Buffer.from(JSON.stringify(event)));
    },
    close: () => connection.close(),
  };
}

describe('pods on two nodes of a RabbitMQ cluster', { timeout: 200_000 }, () => {
  const exchange = uniqueName('e2e.events');
  let cluster: RabbitmqCluster;
  const pods: WarrenInProcess[] = [];

  before(async () => {
    cluster = await startCluster();
  });
  after(async () => {
    await Promise.all(pods.map(pod => pod.stop()));
    await cluster.stop();
  });

  async function pod(node: 0 | 1, control: string): Promise<Warren> {
    const warren = await startWarren({
      FEED: 'queue',
      AMQP_URL: cluster.nodes[node].url,
      AMQP_EXCHANGE: exchange,
      AMQP_CONTROL_EXCHANGE: `${exchange}.${control}`,
      RESUME_OVERLAP_MS: '300',
      PING_INTERVAL_MS: String(PING_MS),
      POD_NAME: `pod-${control}-${node}`,
    });
    pods.push(warren);
    await warren.untilReady();
    return warren;
  }

  test('a client that changes pods while the link stands still misses nothing, because the pods exchange marks', async () => {
    const near = await pod(0, 'shared');
    const far = await pod(1, 'shared');
    // These two don't hear one another, as before there were marks. They show that the test would notice.
    const nearDeaf = await pod(0, 'own-0');
    const farDeaf = await pod(1, 'own-1');
    const backend = await impatientBackend(cluster.nodes[0].url, exchange);
    const token = mintToken({ user: '7', tenant: 'acme' });
    const publish = (names: readonly string[], tenant: string, channel?: number) =>
      backend.publish(
        names.map(id => ({ id, tenant, send_to_tenant: true, data: id })),
        channel,
      );
    const nearPodsHave = (events: number) =>
      eventually(
        () => Promise.all([near, nearDeaf].map(each => each.metric(APPENDED))),
        counts => counts.every(count => count === events),
      );

    const [client, deaf] = await Promise.all([far.connect({ token }), farDeaf.connect({ token })]);
    await Promise.all([client.system('connected'), deaf.system('connected')]);
    // A channel's first message to a queue on another node waits for that node: each sends one before the stall.
    for (let i = 1; i < CHANNELS; i++) publish([`first-${i}`], 'globex', i);
    publish(['before'], 'acme');
    await Promise.all([client.event('before'), deaf.event('before')]);
    await nearPodsHave(CHANNELS);

    cluster.links.stall();
    publish(HELD, 'acme');
    await nearPodsHave(CHANNELS + HELD.length);
    for (let i = 0; i < FILLERS; i += PER_CHANNEL) {
      const names = Array.from({ length: PER_CHANNEL }, (_, n) => `filler-${i + n}`);
      publish(names, 'globex', 1 + i / PER_CHANNEL);
    }
    await nearPodsHave(CHANNELS + HELD.length + FILLERS);

    for (let i = 0; i < PINGS; i++) await Promise.all([client.system('ping'), deaf.system('ping')]);
    assert.ok((await far.metric('warren_feed_lag_seconds')) > 5, 'the far pod claims what it has not got');
    assert.deepEqual([ids(client), ids(deaf)], [['before'], ['before']]);
    await Promise.all([client.cut(), deaf.cut()]);

    const [moved, movedDeaf] = await Promise.all([
      near.connect({ token, cursor: client.cursor }),
      nearDeaf.connect({ token, cursor: deaf.cursor }),
    ]);
    assert.equal((await moved.system('connected')).resume, 'resumed');
    assert.equal((await movedDeaf.system('connected')).resume, 'resumed');
    publish(['live'], 'acme');
    await Promise.all([moved.event('live'), movedDeaf.event('live')]);
    assert.deepEqual(
      ids(moved).filter(id => id !== 'before'),
      [...HELD, 'live'],
    );
    assert.deepEqual(ids(movedDeaf), ['live'], 'without marks the events held up are lost');

    cluster.links.resume();
    await eventually(
      () => far.metric('warren_feed_lag_seconds'),
      lag => lag < 3,
    );
    for (const each of [near, far]) assert.equal(await each.metric('warren_feed_attached'), 1);
    await Promise.all([moved.close(), movedDeaf.close(), backend.close()]);
  });
});
