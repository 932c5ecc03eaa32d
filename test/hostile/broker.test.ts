import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { inspect } from 'node:util';
import type { Options } from 'amqplib';
import { REJECTIONS } from '../../src/broker/rejections.js';
import type { Audience } from '../../src/log/event.js';
import { corpus, MAX_EVENT_BYTES, MAX_RECIPIENTS, NOW, type Row } from '../broker/corpus.js';
import type { TestClient } from '../support/client.js';
import { publisher, sharedBroker, uniqueName } from '../support/rabbitmq.js';
import { meansTopic } from '../support/topics.js';
import { startWarren, type WarrenInProcess } from '../support/warren.js';
import { assertReturned, memory } from './bystanders.js';
import { BROKER_ROWS } from './broker-rows.js';

/**
 * Every message of the corpus through a real RabbitMQ, each followed by a good event for everybody: what came between
 * two of those is what the message came to.
 */
const ROWS = [...corpus, ...BROKER_ROWS];
const NOW_S = NOW / 1000;
/** Events that may be too late on a busy machine. */
const SHORTEST_TTL_S = 5;

interface Bystander {
  readonly tenant: string;
  readonly user: string;
  readonly subscribed: readonly string[];
  readonly client: TestClient;
}

interface Received {
  readonly id: string;
  readonly type: string | undefined;
  /** The text, as it was published. */
  readonly data: string;
}

const USERS: Readonly<Record<string, readonly string[]>> = {
  acme: ['7', '8', 'x:y', 'é', 'all', '*', '7,topic:t', 'nobody'],
  globex: ['7', '8', 'x:y', 'é', 'all', '*', '-3', 'nobody'],
  ['__proto__']: ['*', 'all'],
  1: ['7'],
  7: ['7'],
};
const SUBSCRIPTIONS = [['#'], ['t'], ['a.*', 'b'], []];

let warren: WarrenInProcess;
let memoryBefore: ReturnType<typeof memory>;
const bystanders: Bystander[] = [];
const received = new Map<Bystander, readonly Received[][]>();

before(async () => {
  const { url } = await sharedBroker();
  const exchange = uniqueName('hostile.events');
  warren = await startWarren({
    FEED: 'queue',
    AMQP_URL: url,
    AMQP_EXCHANGE: exchange,
    RESUME_OVERLAP_MS: '0',
    MAX_EVENT_BYTES: `${MAX_EVENT_BYTES}`,
    MAX_RECIPIENTS: `${MAX_RECIPIENTS}`,
    PING_INTERVAL_MS: '86400000',
  });
  await warren.untilReady();
  for (const [tenant, users] of Object.entries(USERS)) {
    for (const user of users) {
      const subscribed = SUBSCRIPTIONS[bystanders.length % SUBSCRIPTIONS.length] ?? [];
      const client = await warren.enter({ tenant, user, topics: ['#'] }, { subscribe: subscribed });
      bystanders.push({ tenant, user, subscribed, client });
    }
  }
  memoryBefore = memory();
  const backend = await publisher(url, exchange);
  const confirmed = ROWS.flatMap((row, i) => [
    backend.publish(row.body, propertiesOf(row)),
    backend.publish({ id: `marker-${i}`, send_to_all: true, data: i }),
  ]);
  await Promise.all(confirmed);
  for (const one of bystanders) {
    await one.client.event(`marker-${ROWS.length - 1}`);
    received.set(one, byRow(one.client));
  }
  await backend.close();
});
after(() => warren.stop());

/** The row's properties as amqplib takes them, its time moved to now. */
function propertiesOf({ properties = {} }: Row): Options.Publish {
  const { messageId = null, type = null, timestamp = null, contentEncoding = null, headers } = properties;
  return {
    ...(messageId === null ? {} : { messageId }),
    ...(type === null ? {} : { type }),
    ...(contentEncoding === null ? {} : { contentEncoding }),
    ...(timestamp === null ? {} : { timestamp: moved(timestamp) }),
    ...(headers === undefined ? {} : { headers }),
  };
}

/** A timestamp of the corpus' time in seconds or milliseconds, moved to now; others mean what they mean at any time. */
function moved(timestamp: number): number {
  const now = Date.now();
  if (Math.abs(timestamp - NOW_S) < 1e6) return timestamp - NOW_S + Math.floor(now / 1000);
  return Math.abs(timestamp - NOW) < 1e9 ? timestamp - NOW + now : timestamp;
}

/** What came before each marker. */
function byRow({ texts }: TestClient): Received[][] {
  const rows: Received[][] = [[]];
  for (const text of texts) {
    const { type, id, event }: { type: string; id: string; event?: string } = JSON.parse(text);
    if (type !== 'event') continue;
    if (id.startsWith('marker-')) rows.push([]);
    else rows.at(-1)?.push({ id, type: event, data: text.slice(text.indexOf('"data":') + 7, -1) });
  }
  return rows;
}

function isFor(audience: Audience, { tenant, user, subscribed }: Bystander): boolean {
  if (audience.kind === 'all') return true;
  if (audience.tenant !== tenant) return false;
  if (audience.kind === 'tenant') return true;
  const isSubscribed = audience.topics.some(topic => subscribed.some(pattern => meansTopic(pattern, topic)));
  return audience.users.includes(user) || isSubscribed;
}

/** What becomes of each row, in the words of `warren_events_received_total`. */
type Fate = 'rejected' | 'appended' | 'duplicate' | 'conflict' | 'expired';
const FATES = fatesOf(ROWS);

function fatesOf(rows: readonly Row[]): readonly Fate[] {
  const known = new Map<string, string>();
  return rows.map(({ becomes }) => {
    if (typeof becomes === 'string') return 'rejected';
    const { id, audience, data, type, expiresAfter = Infinity } = becomes;
    if (expiresAfter <= 0) return 'expired';
    if (id === undefined) return 'appended';
    const key = JSON.stringify([audience.kind === 'all' ? null : audience.tenant, id]);
    const content = JSON.stringify([audience, data, type]);
    const before = known.get(key);
    known.set(key, before ?? content);
    return before === undefined ? 'appended' : before === content ? 'duplicate' : 'conflict';
  });
}

describe('a message through RabbitMQ', () => {
  for (const [i, { name, becomes }] of ROWS.entries()) {
    it(`${name}: ${typeof becomes === 'string' ? becomes : FATES[i]}`, () => {
      for (const one of bystanders) {
        const got = received.get(one)?.[i] ?? [];
        const who = `${one.user} of ${one.tenant}`;
        if (typeof becomes === 'string' || FATES[i] !== 'appended' || !isFor(becomes.audience, one)) {
          assert.deepEqual(got, [], who);
          continue;
        }
        const { id, type, data, expiresAfter = Infinity } = becomes;
        if (got.length === 0 && expiresAfter < SHORTEST_TTL_S) continue;
        assert.deepEqual(got, [{ id: id ?? got[0]?.id, type, data }], who);
      }
    });
  }
});

describe('after all of them', () => {
  it('each has been counted by what it was', async () => {
    for (const reason of Object.keys(REJECTIONS)) {
      const rows = ROWS.filter(({ becomes }) => becomes === reason);
      const count = await warren.metric(`warren_events_rejected_total{reason="${reason}"}`);
      assert.equal(count, rows.length, reason);
    }
    for (const fate of ['appended', 'duplicate', 'conflict', 'expired']) {
      const markers = fate === 'appended' ? ROWS.length : 0;
      const count = await warren.metric(`warren_events_received_total{outcome="${fate}"}`);
      assert.equal(count, FATES.filter(one => one === fate).length + markers, fate);
    }
    assert.equal(await warren.metric('warren_events_failed_total'), 0);
    assert.equal(await warren.metric('warren_resyncs_total{reason="feed_gap"}'), 0);
  });

  it('the feed was never lost, and nobody was told of trouble or closed', async () => {
    assert.equal(await warren.metric('warren_feed_attempts_total'), 1);
    assert.equal(await warren.metric('warren_connections'), bystanders.length);
    for (const { client, tenant, user } of bystanders) {
      const told = client.story.filter(line => !line.startsWith('event '));
      assert.deepEqual(told, ['hello', 'connected'], `${user} of ${tenant}`);
    }
    assertReturned(memoryBefore);
  });

  it('the log has said so, at a limited rate and without what was in them', () => {
    const { lines } = warren;
    assert.deepEqual(
      lines.filter(({ level }) => level === 'error' || level === 'fatal'),
      [],
    );
    const rejections = lines.filter(({ reason }) => reason !== undefined);
    for (const line of rejections)
      assert.deepEqual(Object.keys(line).sort(), ['level', 'msg', 'reason', 'times']);
    assert.ok(rejections.length <= 2 * Object.keys(REJECTIONS).length, `${rejections.length} lines`);
    const text = inspect(lines, { depth: Infinity, maxArrayLength: null, maxStringLength: null });
    for (const { body, name } of ROWS) {
      if (typeof body === 'string' && body.length > 10) assert.ok(!text.includes(body.slice(0, 100)), name);
    }
  });
});
