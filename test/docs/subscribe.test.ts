import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { WebSocket, WebSocketServer } from 'ws';
import { eventually } from '../support/eventually.js';
import { mintToken } from '../support/tokens.js';
import { startWarren } from '../support/warren.js';
import { read } from './documents.js';

/** The example as a page would run it, with the page's own functions, and timers that run when told to. */
function openPage(address: { url: string }) {
  const shown: unknown[] = [];
  const sockets: WebSocket[] = [];
  const timers: { readonly task: () => void; readonly ms: number }[] = [];
  let fetches = 0;

  class PageSocket extends WebSocket {
    constructor() {
      super(address.url);
      this.on('error', () => {});
      sockets.push(this);
    }
  }

  const page = createContext({
    WebSocket: PageSocket,
    setTimeout: (task: () => void, ms: number) => void timers.push({ task, ms }),
    getToken: () => Promise.resolve(mintToken({ topics: ['deals.#'] })),
    show: (message: { readonly id: string }) => void shown.push(message.id),
    fetchState: () => void fetches++,
  });
  runInContext(read('docs/examples/subscribe.js'), page);

  return {
    shown,
    sockets,
    timers,
    fetches: () => fetches,
    runTimers() {
      for (const { task } of timers.splice(0)) task();
    },
    close() {
      for (const socket of sockets) socket.terminate();
    },
  };
}

const event = (id: string) => ({ id, tenant: 'acme', topics: ['deals.42'], data: null });

test("the README's page gets what was published while it was cut off, without fetching its state again", async t => {
  const warren = await startWarren();
  t.after(() => warren.stop());
  const page = openPage(warren);
  t.after(() => page.close());
  await eventually(page.fetches, fetches => fetches === 1);
  await warren.publish(event('before'));
  await eventually(
    () => page.shown.length,
    length => length === 1,
  );

  page.sockets[0]?.terminate();
  await eventually(
    () => page.timers.length,
    length => length === 1,
  );
  await warren.publish(event('meanwhile'));
  page.runTimers();
  await eventually(
    () => page.shown.length,
    length => length === 2,
  );
  assert.deepEqual(page.shown, ['before', 'meanwhile']);
  assert.equal(page.fetches(), 1);
});

test("the README's page comes back after the delay that it is given, and fetches its state when told to", async t => {
  const first = await startWarren();
  const address = { url: first.url };
  const page = openPage(address);
  t.after(() => page.close());
  await eventually(page.fetches, fetches => fetches === 1);
  await first.stop();
  await eventually(
    () => page.timers.length,
    length => length === 1,
  );

  // Knows nothing of the first one's positions.
  const second = await startWarren();
  t.after(() => second.stop());
  address.url = second.url;
  page.runTimers();
  await eventually(
    () => page.timers.length,
    length => length === 1,
  );
  assert.equal(page.fetches(), 1, 'not before the delay');
  page.runTimers();
  assert.equal(page.fetches(), 2);
});

test("the README's page that may come back at once backs off if that fails", async t => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  t.after(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  server.once('connection', socket => {
    socket.send(
      '{"status":"ok","type":"system","event":"reconnect","delayMs":0,"reason":"drain","cursor":"c"}',
    );
  });
  server.on('connection', socket => socket.close(1012));
  const page = openPage({ url: `ws://127.0.0.1:${address.port}` });
  t.after(() => page.close());
  const pauses: number[] = [];
  while (pauses.length < 3) {
    await eventually(
      () => page.timers.length,
      length => length === 1,
    );
    pauses.push(page.timers[0]?.ms ?? NaN);
    page.runTimers();
  }
  const [first = NaN, second = NaN, third = NaN] = pauses;
  assert.equal(first, 0);
  assert.ok(second >= 1000 && second < 2000, `${second}`);
  assert.ok(third >= 2000 && third < 4000, `${third}`);
});

test("the README's page stays away when it is told to stop", async t => {
  const warren = await startWarren();
  t.after(() => warren.stop());
  const page = openPage(warren);
  t.after(() => page.close());
  await eventually(page.fetches, fetches => fetches === 1);
  const [socket] = page.sockets;
  assert.ok(socket);
  const closed = new Promise<number>(resolve => socket.once('close', resolve));
  for (let fault = 0; fault < 3; fault++) socket.send('not JSON');
  assert.equal(await closed, 4400);
  assert.deepEqual(page.timers, []);
});
