import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { WebSocket } from 'ws';
import { eventually } from '../support/eventually.js';
import { cursorOf } from '../support/messages.js';
import { mintToken } from '../support/tokens.js';
import { startWarren, type WarrenInProcess } from '../support/warren.js';

let warren: WarrenInProcess;
before(async () => (warren = await startWarren()));
after(() => warren.stop());

/** Published last and for everybody: whoever has it has everything before it. */
async function last(): Promise<string> {
  const id = `last-${randomUUID()}`;
  await warren.publish({ send_to_all: true, data: null, id });
  return id;
}

async function idsUntil(
  client: Awaited<ReturnType<WarrenInProcess['enter']>>,
  id: string,
): Promise<string[]> {
  await client.event(id);
  return client
    .events()
    .map(event => event.id ?? '')
    .filter(one => !one.startsWith('last-'));
}

describe('a client that knows only the plain protocol', () => {
  it('works: it sends a token and reads status, connected, data and lastEventId', async () => {
    const socket = new WebSocket(warren.url);
    const data: unknown[] = [];
    const lastEventId = new Promise(resolve => {
      socket.on('open', () => socket.send(JSON.stringify({ access_token: mintToken() })));
      socket.on('message', (raw: Buffer) => {
        const message: { status: string; connected?: boolean; data?: unknown; lastEventId?: string } =
          JSON.parse(raw.toString());
        assert.equal(message.status, 'ok');
        if ('data' in message) {
          data.push(message.data);
          socket.send('{"ping":true}');
        } else if (message.connected === true && data.length > 0) resolve(message.lastEventId);
        else if (message.connected === true)
          void warren.publish({ tenant: 'acme', user: '7', data: { price: 1 }, id: 'plain' });
      });
    });
    assert.equal(await lastEventId, 'plain');
    assert.deepEqual(data, [{ price: 1 }]);
    socket.close();
  });
});

describe('an event', () => {
  it('reaches every tab of its users, and nobody else', async () => {
    const tabs = await Promise.all([warren.enter(), warren.enter(), warren.enter({ user: 7 })]);
    const others = await Promise.all([warren.enter({ user: '8' }), warren.enter({ tenant: 'other' })]);
    await warren.publish({ tenant: 'acme', users: ['7', '9'], data: 1, id: 'tabs' });
    const end = await last();
    for (const tab of tabs) assert.deepEqual(await idsUntil(tab, end), ['tabs']);
    for (const other of others) assert.deepEqual(await idsUntil(other, end), []);
    for (const client of [...tabs, ...others]) await client.close();
  });

  it('reaches subscribers of its topics by name and by pattern, once each', async () => {
    const topics = ['deals.#'];
    const subscriptions = [['deals.42'], ['deals.*'], ['deals.#'], ['deals.*.won'], ['deals.7', 'deals.*']];
    const clients = await Promise.all(
      subscriptions.map((subscribe, i) => warren.enter({ user: `t${i}`, topics }, { subscribe })),
    );
    const publish = (id: string, topic: string) => warren.publish({ tenant: 'acme', topic, data: 1, id });
    await publish('42', 'deals.42');
    await publish('won', 'deals.42.won');
    await publish('none', 'deals');
    await warren.publish({ tenant: 'other', topic: 'deals.42', data: 1, id: 'foreign' });
    await warren.publish({
      tenant: 'acme',
      topics: ['deals.7', 'deals.8'],
      user: 't4',
      data: 1,
      id: 'union',
    });
    const end = await last();
    const got = await Promise.all(clients.map(client => idsUntil(client, end)));
    assert.deepEqual(got, [
      ['42'],
      ['42', 'union'],
      ['42', 'won', 'none', 'union'],
      ['won'],
      ['42', 'union'],
    ]);
    for (const client of clients) await client.close();
  });

  it('reaches a whole tenant or everybody when it says so', async () => {
    const own = await warren.enter();
    const foreign = await warren.enter({ tenant: 'other' });
    await warren.publish({ tenant: 'acme', send_to_tenant: true, data: 1, id: 'tenant' });
    await warren.publish({ send_to_all: true, data: 1, id: 'all' });
    const end = await last();
    assert.deepEqual(await idsUntil(own, end), ['tenant', 'all']);
    assert.deepEqual(await idsUntil(foreign, end), ['all']);
    for (const client of [own, foreign]) await client.close();
  });

  it('keeps its data token for token', async () => {
    const client = await warren.enter();
    const rows = [
      '12345678901234567890123',
      '-0',
      '1.0',
      '1E+400',
      '"\\u00e9\\/\\ud800é\u2028"',
      '{"b":1,"a":2,"__proto__":{"x":1},"a.b":[ ] , "":null}',
      '[\n\t1 ,  2\r\n]',
      '"😀"',
    ];
    for (const [i, data] of rows.entries()) {
      const id = `bytes-${i}`;
      await warren.publish(`{"tenant":"acme","user":"7","id":"${id}","type":"t","topic":"x","data":${data}}`);
      const { cursor } = await client.event(id);
      const text = `{"status":"ok","type":"event","cursor":"${cursor}","id":"${id}","event":"t","topics":["x"],"data":${data}}`;
      assert.equal(client.texts.at(-1), text);
    }
    await client.close();
  });

  it('arrives in any size that may be published, between others in order', async () => {
    const client = await warren.enter();
    const sizes = [0, 1, 100, 125, 126, 60_000, 65_535, 65_536, 70_000, 250_000];
    for (const size of sizes)
      await warren.publish({ tenant: 'acme', user: '7', data: 'x'.repeat(size), id: `size-${size}` });
    const end = await last();
    assert.deepEqual(
      await idsUntil(client, end),
      sizes.map(size => `size-${size}`),
    );
    await client.close();
  });
});

describe('a client that comes back', () => {
  it('gets what it missed, in order, and nothing twice', async () => {
    const first = await warren.enter({}, { subscribe: [] });
    await warren.publish({ tenant: 'acme', user: '7', data: 1, id: 'seen' });
    const cursor = cursorOf(await first.event('seen'));
    await first.cut();
    await warren.publish({ tenant: 'acme', user: '7', data: 1, id: 'missed-1' });
    await warren.publish({ tenant: 'acme', user: '8', data: 1, id: 'foreign' });
    await warren.publish({ tenant: 'acme', user: '7', data: 1, id: 'missed-2' });
    const second = await warren.enter({}, { cursor });
    const end = await last();
    assert.deepEqual(await idsUntil(second, end), ['missed-1', 'missed-2']);
    assert.equal(second.messages.find(({ event }) => event === 'connected')?.resume, 'resumed');
    await second.close();
  });

  it('gets nothing by the cursor of somebody else but its own events', async () => {
    const other = await warren.enter({ user: '8', tenant: 'other' });
    const { cursor } = other;
    await warren.publish({ tenant: 'other', user: '8', data: 1, id: 'theirs' });
    await warren.publish({ tenant: 'acme', user: '7', data: 1, id: 'own' });
    await other.close();
    const client = await warren.enter({}, { cursor });
    const end = await last();
    assert.deepEqual(await idsUntil(client, end), ['own']);
    await client.close();
  });

  it('after a quiet time resumes from the cursor of a ping', async () => {
    const client = await warren.enter();
    await warren.publish({ tenant: 'other', user: '8', data: 1 });
    client.send({ ping: true });
    const cursor = cursorOf(await client.system('ping'));
    await client.close();
    const again = await warren.enter({}, { cursor });
    assert.equal(again.messages.find(({ event }) => event === 'connected')?.resume, 'resumed');
    await again.close();
  });
});

describe('a client that stops reading', () => {
  const EVENTS = 160;
  const data = 'x'.repeat(100_000);

  it('holds up nobody, and later has everything in order, or one resync', async () => {
    const slow = await warren.enter({ user: 'slow' });
    const other = await warren.enter({ user: 'other' });
    slow.stopReading();
    for (let i = 0; i < EVENTS; i++) {
      await warren.publish({ tenant: 'acme', users: ['slow'], data, id: `slow-${i}` });
      await warren.publish({ tenant: 'acme', users: ['other'], data: i, id: `other-${i}` });
      assert.equal((await other.event()).id, `other-${i}`);
    }
    slow.resumeReading();
    const end = await last();
    const expected = Array.from({ length: EVENTS }, (_, i) => `slow-${i}`);
    assert.deepEqual(await idsUntil(slow, end), expected);
    assert.ok(!slow.story.some(one => one.startsWith('resync')));
    for (const client of [slow, other]) await client.close();
  });

  it('gets one resync when the log could not hold all that it is owed, and goes on from there', async () => {
    const small = await startWarren({ HISTORY_MAX_BYTES: '1MiB' });
    const slow = await small.enter();
    slow.stopReading();
    for (let i = 0; i < EVENTS; i++) await small.publish({ tenant: 'acme', user: '7', data, id: `${i}` });
    slow.resumeReading();
    await slow.system('resync');
    await small.publish({ tenant: 'acme', user: '7', data: 1, id: 'after' });
    await slow.event('after');
    const story = slow.story.filter(one => /event|resync/.test(one));
    const before = story.slice(0, -2);
    assert.deepEqual(
      before,
      before.map((_, i) => `event ${i}`),
    );
    assert.deepEqual(story.slice(-2), ['resync evicted', 'event after']);
    await small.stop();
  });
});

describe('after the last client is gone', () => {
  it('the process holds nothing of any', async () => {
    const own = await startWarren();
    const clients = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        own.enter({ user: `${i % 3}`, tenant: `t${i % 4}`, topics: ['#'] }, { subscribe: ['a', 'b.*'] }),
      ),
    );
    await own.publish({ send_to_all: true, data: 1 });
    await Promise.all(clients.map(client => client.event()));
    await Promise.all(clients.map((client, i) => (i % 2 === 0 ? client.close() : client.cut())));
    for (const gauge of ['connections', 'connections_unauthenticated', 'tenants_connected']) {
      // The server may hear of a cut a moment after the client.
      await eventually(
        () => own.metric(`warren_${gauge}`),
        value => value === 0,
        5000,
      );
    }
    assert.equal(await own.metric('warren_connections_closed_total{how="peer"}'), 20);
    await own.stop();
  });
});
