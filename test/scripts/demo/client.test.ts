import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, beforeEach, test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { WebSocket, WebSocketServer } from 'ws';
import { ENDINGS } from '../../../src/protocol/endings.js';
import { ROOT } from '../../support/demo-process.js';
import { eventually } from '../../support/eventually.js';

/** What the page's client tells its page, in order. */
type Told = readonly [what: string, detail: unknown];

interface Client {
  connect(): Promise<void>;
  close(): void;
}
interface ClientModule {
  readonly WarrenClient: new (options: object) => Client;
}

// A browser has one; Node from 22 on.
Object.assign(globalThis, { WebSocket });
const page = pathToFileURL(join(ROOT, 'scripts', 'demo', 'page', 'client.js')).href;
const { WarrenClient }: ClientModule = await import(page);

/** A server that says what the real one would only say in states that are hard to bring about. */
let server: WebSocketServer;
let url: string;
let client: Client | null = null;
let told: Told[] = [];
let tokens = 0;

before(async () => {
  server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  url = `ws://127.0.0.1:${address.port}`;
});
beforeEach(() => {
  client?.close();
  told = [];
  tokens = 0;
});
after(() => {
  client?.close();
  for (const socket of server.clients) socket.terminate();
  server.close();
});

function start(): void {
  client = new WarrenClient({
    url,
    topics: ['deals.42'],
    getToken: () => Promise.resolve(`token ${++tokens}`),
    onEvent: (event: { id: string }) => told.push(['event', event.id]),
    onResync: (reason: string) => told.push(['resync', reason]),
    onState: (state: { kind: string; ms?: number }) => told.push([state.kind, state.ms]),
  });
  void client.connect();
}

/** The next connection, and its first message. */
async function accept(): Promise<{ socket: WebSocket; first: unknown; say: (message: object) => void }> {
  const socket = await new Promise<WebSocket>(resolve => {
    server.once('connection', resolve);
  });
  const first = await new Promise<unknown>(resolve => {
    socket.once('message', (data: Buffer) => resolve(JSON.parse(data.toString())));
  });
  return { socket, first, say: message => socket.send(JSON.stringify(message)) };
}

const connected = {
  type: 'system',
  event: 'connected',
  resume: 'new',
  pingIntervalMs: 60_000,
  lastEventId: null,
};
const ping = (lastEventId: string | null) => ({ type: 'system', event: 'ping', lastEventId, cursor: 'p' });

test('it comes back with the newest position that it handled, and shows each event once', async () => {
  const arrival = accept();
  start();
  const { first, say, socket } = await arrival;
  assert.deepEqual(first, { access_token: 'token 1', protocol: 1, subscribe: ['deals.42'] });
  say({ ...connected, cursor: 'c0' });
  say({ type: 'event', id: 'a', cursor: 'c1', data: 1 });
  say({ type: 'event', id: 'b', cursor: 'c2', event: 'resync', data: 1 });
  await eventually(
    () => told.length,
    length => length === 4,
  );
  const again = accept();
  socket.terminate();
  const second = await again;
  assert.deepEqual(second.first, {
    access_token: 'token 1',
    protocol: 1,
    cursor: 'c2',
    subscribe: ['deals.42'],
  });
  second.say({ ...connected, resume: 'resumed', cursor: 'c2' });
  second.say({ type: 'event', id: 'b', cursor: 'c2', data: 1 });
  second.say({ type: 'event', id: 'c', cursor: 'c3', data: 1 });
  await eventually(
    () => told.at(-1)?.[1],
    id => id === 'c',
  );
  assert.deepEqual(
    told.filter(([what]) => what === 'event' || what === 'resync'),
    [
      ['event', 'a'],
      ['event', 'b'],
      ['event', 'c'],
    ],
  );
});

test('a ping that names an event that never came, and each resync, has the state fetched again', async () => {
  const arrival = accept();
  start();
  const { say } = await arrival;
  say({ ...connected, cursor: 'c0', lastEventId: 'announced' });
  say(ping(null));
  say(ping('announced'));
  say({ type: 'event', id: 'a', cursor: 'c1', data: 1 });
  say(ping('a'));
  say(ping('never came'));
  await eventually(
    () => told.at(-1),
    last => last?.[0] === 'resync',
  );
  say(ping('never came'));
  say({ type: 'system', event: 'resync', reason: 'evicted', delayMs: 0, lastEventId: null, cursor: 'c2' });
  await eventually(
    () => told.at(-1),
    last => last?.[1] === 'evicted',
  );
  assert.deepEqual(
    told.filter(([what]) => what === 'resync'),
    [
      ['resync', 'gap'],
      ['resync', 'evicted'],
    ],
  );
});

test('a resume that fails has the state fetched again', async () => {
  const arrival = accept();
  start();
  const { say } = await arrival;
  say({ ...connected, resume: 'resync', reason: 'unknown_position', delayMs: 0, cursor: 'c0' });
  await eventually(
    () => told.at(-1)?.[1],
    reason => reason === 'unknown_position',
  );
});

for (const [name, { code, reason, retry }] of Object.entries(ENDINGS)) {
  test(`after the ending ${name} (${code}) it does what the table says: ${retry}`, async () => {
    const arrival = accept();
    start();
    const { say, socket } = await arrival;
    say({ ...connected, cursor: 'c0' });
    if (retry === 'after-delay') say({ type: 'system', event: 'reconnect', delayMs: 150, cursor: 'c0' });
    const again = retry === 'stop' ? null : accept();
    socket.close(code, reason);
    if (again === null) {
      await eventually(
        () => told.at(-1)?.[0],
        what => what === 'stopped',
      );
      return;
    }
    const { first } = await again;
    assert.ok(typeof first === 'object' && first !== null && 'access_token' in first);
    assert.equal(first.access_token, retry === 'new-token' ? 'token 2' : 'token 1');
    const wait = told.find(([what]) => what === 'waiting')?.[1];
    assert.ok(typeof wait === 'number' && wait <= (retry === 'after-delay' ? 150 : 500), String(wait));
    if (retry === 'after-delay') assert.ok(wait > 50, String(wait));
  });
}

test('codes that it does not know: 44xx and 1000 end it, others do not', async () => {
  for (const [code, kind] of [
    [4499, 'stopped'],
    [1000, 'stopped'],
    [4000, 'waiting'],
    [3999, 'waiting'],
  ] as const) {
    const arrival = accept();
    const begun = told.length;
    start();
    (await arrival).socket.close(code);
    // All that it was told, not the last: its pause can be over before anybody looks.
    const kinds = await eventually(
      () => told.slice(begun).map(([what]) => what),
      all => all.includes('stopped') || all.includes('waiting'),
    );
    assert.equal(
      kinds.find(what => what === 'stopped' || what === 'waiting'),
      kind,
    );
    client?.close();
  }
});
