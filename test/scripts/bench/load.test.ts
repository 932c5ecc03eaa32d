import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { cwd } from 'node:process';
import { test, type TestContext } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';
import { micros } from '../../../scripts/lib/load/clock.mjs';
import { type Kind, kinds, startLoad } from '../../../scripts/bench/load/index.mjs';
import { eventually } from '../../support/eventually.js';

const event = (n: number) => `{"id":"x","data":{"n":${n},"at":${micros()},"filler":"${'x'.repeat(300)}"}}`;
const SCRIPT = { path: '/', steps: [{ expect: 'first' }, { send: 'second' }, { expect: 'third' }] };

/** So many clients that have been let in by a server of our own, and that server's ends. */
async function letIn(t: TestContext, kind: Kind, count: number) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const sockets: WebSocket[] = [];
  const heard: string[] = [];
  server.on('connection', socket => {
    sockets.push(socket);
    socket.send('the first word');
    socket.on('message', data => {
      const text = Buffer.isBuffer(data) ? data.toString() : '';
      heard.push(text);
      if (text === 'second') socket.send('the third word');
    });
  });
  const load = startLoad({ kind });
  t.after(async () => {
    await load.stop();
    server.close();
    for (const socket of sockets) socket.terminate();
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const scripts = Array.from({ length: count }, () => SCRIPT);
  const connected = await load.connect(address.port, scripts);
  assert.deepEqual([connected.ready, connected.failed], [count, 0]);
  await load.take();
  return { load, sockets, heard, port: address.port };
}

/** It isn't among what the compiler of TypeScript copies. Without a C compiler only the other one is there. */
const SOURCE = join(cwd(), 'scripts', 'bench', 'load', 'client.c');

for (const kind of kinds(SOURCE)) {
  test(`${kind.name}: clients say what they are given to say, and wait for the answer`, async t => {
    const { heard } = await letIn(t, kind, 5);
    assert.deepEqual(
      heard,
      Array.from({ length: 5 }, () => 'second'),
    );
  });

  test(`${kind.name}: events are counted, and their latency is what has passed since they were published`, async t => {
    const { load, sockets } = await letIn(t, kind, 3);
    const reached = load.reach(30, 10_000);
    for (let n = 1; n <= 10; n++) for (const socket of sockets) socket.send(event(n));
    assert.equal(await reached, true);
    const { events, lost, repeated, open, p50, max } = await load.take();
    assert.deepEqual({ events, lost, repeated, open }, { events: 30, lost: 0, repeated: 0, open: 3 });
    assert.ok(p50 > 0 && p50 <= max && max < 10_000, `p50 ${p50} ms of at most ${max} ms`);
    assert.ok(Number.isNaN((await load.take()).p50), 'nothing has come since');
  });

  test(`${kind.name}: numbers that are left out count as lost, those that come again as repeated`, async t => {
    const { load, sockets } = await letIn(t, kind, 1);
    const reached = load.reach(4, 10_000);
    for (const n of [7, 8, 11, 11]) sockets[0]?.send(event(n));
    await reached;
    const { lost, repeated } = await load.take();
    assert.deepEqual({ lost, repeated }, { lost: 2, repeated: 1 });
  });

  test(`${kind.name}: an event that comes in pieces, or is large, is one event`, async t => {
    const { load, sockets } = await letIn(t, kind, 1);
    const large = `{"data":{"n":1,"at":${micros()},"filler":"${'y'.repeat(200_000)}"}}`;
    sockets[0]?.send(large);
    sockets[0]?.send(event(2));
    assert.equal(await load.reach(2, 10_000), true);
    const { lost, bytes } = await load.take();
    assert.equal(lost, 0);
    assert.ok(bytes > large.length);
  });

  test(`${kind.name}: what does not come in time is not waited for`, async t => {
    const { load, sockets } = await letIn(t, kind, 1);
    sockets[0]?.send(event(1));
    assert.equal(await load.reach(2, 200), false);
  });

  test(`${kind.name}: pings are answered, those of Engine.IO too`, async t => {
    const { sockets, heard } = await letIn(t, kind, 1);
    const [socket] = sockets;
    assert.ok(socket !== undefined);
    const pong = once(socket, 'pong');
    socket.ping('are you there?');
    assert.equal(String((await pong)[0]), 'are you there?');
    socket.send('2');
    await eventually(
      () => heard.at(-1),
      last => last === '3',
    );
  });

  test(`${kind.name}: deaf clients read no more`, async t => {
    const { load, sockets } = await letIn(t, kind, 1);
    await load.deaf();
    const [socket] = sockets;
    assert.ok(socket !== undefined);
    while (socket.bufferedAmount === 0) {
      socket.send('z'.repeat(100_000));
      await new Promise(setImmediate);
    }
    assert.equal((await load.take()).bytes, 0);
  });

  test(`${kind.name}: who is refused or cut off is told apart from who is there`, async t => {
    const { load, sockets, port } = await letIn(t, kind, 2);
    sockets[0]?.terminate();
    await eventually(
      async () => (await load.take()).open,
      open => open === 1,
    );
    const { port: nobody } = await closedPort();
    const { ready, failed } = await load.connect(nobody, [SCRIPT]);
    assert.deepEqual([ready, failed], [0, 1]);
    await load.hangUp();
    assert.equal((await load.take()).open, 0);
    assert.equal((await load.connect(port, [SCRIPT])).ready, 1);
  });
}

/** Where nobody listens. */
async function closedPort() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  assert.ok(typeof address === 'object' && address !== null);
  return address;
}
