import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { micros } from '../../../../scripts/lib/load/clock.mjs';
import { Peer, Tally } from '../../../../scripts/lib/load/peer.mjs';
import { encodeTextFrame } from '../../../support/server-frame.js';

const event = (n: number, cursor = 'c') =>
  encodeTextFrame(
    `{"status":"ok","type":"event","id":"x","cursor":"${cursor}","data":{"n":${n},"at":${micros()}}}`,
  );
const system = (fields: object) =>
  encodeTextFrame(JSON.stringify({ status: 'ok', type: 'system', ...fields }));
const connected = system({ event: 'connected', resume: 'new', cursor: 'start' });

/** A peer that is connected to a server of our own, and that server's end. */
async function connect(t: TestContext, from: { next?: number; trackCursor?: boolean } = {}) {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const tally = new Tally();
  let wake = () => {};
  const peer = new Peer({
    port: address.port,
    index: 0,
    token: 'a token',
    subscribe: [],
    cursor: null,
    next: from.next ?? null,
    trackCursor: from.trackCursor ?? false,
    tally: () => tally,
    onEvents: () => wake(),
    onClosed: () => wake(),
  });
  t.after(() => {
    peer.cut();
    server.close();
  });
  const [socket]: Socket[] = await once(server, 'connection');
  assert.ok(socket !== undefined);
  socket.on('error', () => {});
  await once(socket, 'data');
  socket.write(Buffer.concat([Buffer.from('HTTP/1.1 101 Switching Protocols\r\n\r\n'), connected]));
  await peer.connected();
  const seen = (condition: () => boolean) =>
    new Promise<void>(resolve => {
      wake = () => {
        if (condition()) resolve();
      };
      wake();
    });
  return { peer, socket, tally, seen };
}

test('a number that was left out counts as lost, one that came again as repeated', async t => {
  const { socket, tally, seen } = await connect(t, { next: 1 });
  socket.write(Buffer.concat([event(2), event(3), event(6), event(6)]));
  await seen(() => tally.events === 4);
  assert.equal(tally.lost, 3);
  assert.equal(tally.repeated, 1);
});

test('what was left out behind a resync does not count', async t => {
  const { socket, tally, seen } = await connect(t, { next: 1 });
  socket.write(Buffer.concat([event(1), system({ event: 'resync' }), event(9), event(10)]));
  await seen(() => tally.events === 3);
  assert.equal(tally.lost, 0);
  assert.equal(tally.resyncs, 1);
});

test('events are counted whole when their bytes come one by one', async t => {
  const { socket, tally, seen } = await connect(t, { next: 1 });
  for (const byte of Buffer.concat([event(1), event(2)])) socket.write(Buffer.from([byte]));
  await seen(() => tally.events === 2);
  assert.equal(tally.lost, 0);
  assert.ok(tally.latency.max < 60_000);
});

test('the newest cursor is kept for coming back', async t => {
  const { peer, socket, tally, seen } = await connect(t, { trackCursor: true });
  assert.equal(peer.cursor, 'start');
  socket.write(Buffer.concat([event(1, 'one'), event(2, 'two')]));
  await seen(() => tally.events === 2);
  assert.equal(peer.cursor, 'two');
});

test('a peer that stopped reading takes not one byte more', async t => {
  const { peer, socket, tally, seen } = await connect(t);
  peer.stopReading();
  const before = peer.bytesRead;
  const flood = Buffer.concat(Array.from({ length: 1000 }, (_, n) => event(n + 1)));
  // Once our writes find no room any more, they have reached the peer's end.
  while (socket.writableLength === 0) {
    socket.write(flood);
    await new Promise(setImmediate);
  }
  assert.equal(peer.bytesRead, before);
  assert.equal(tally.events, 0);
  peer.read();
  await seen(() => tally.events > 1000);
});

test('the code of a close is counted', async t => {
  const { socket, tally, seen } = await connect(t);
  socket.end(Buffer.from([0x88, 2, 0x11, 0x4d]));
  await seen(() => tally.closed['4429'] === 1);
});
