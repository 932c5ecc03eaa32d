import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, it, mock, type TestContext } from 'node:test';
import v8 from 'node:v8';
import vm from 'node:vm';
import type { Wire, WireOwner } from '../../src/connection/wire.js';
import { CursorBatch, CursorCodec } from '../../src/log/cursor.js';
import type { Audience } from '../../src/log/event.js';
import { Entitlement } from '../../src/router/entitlement.js';
import { WebSocketTransport } from '../../src/transport/websocket.js';
import { eventually } from '../support/eventually.js';
import { frame, OPCODES, RawWebSocket } from '../support/raw-websocket.js';
import { forTopic, type Rig, rig, token } from './rig.js';

/** Work, not time: these counts are the same on every machine, and change when the hot path does more. */

const SESSIONS = 1000;
const EVERYBODY: Audience = { kind: 'tenant', tenant: 'acme' };
/** An event of about 300 B on the wire. */
const DATA = JSON.stringify({ filler: 'x'.repeat(200) });
const VISIT_BYTES = 64 * 1024;
/** Objects of JavaScript; 497 on Node 20. Other versions differ by less than the half that is left. */
const BYTES_PER_DELIVERY = 750;

/** Takes everything at once, and keeps what it was given to write. */
class CountingWire implements Wire {
  written: Buffer[] = [];
  readonly room = 2 ** 30;
  readonly unsent = 0;
  write(frames: Buffer): boolean {
    this.written.push(frames);
    return true;
  }
  probe(): void {}
  pause(): void {}
  resume(): void {}
  close(): void {}
  terminate(): void {}
}

/** So many sessions of one tenant that have been sent all that was due. */
async function sessions(
  world: Rig,
  count: number,
  topicsOf: (index: number) => readonly string[] = () => [],
): Promise<readonly CountingWire[]> {
  const wires: CountingWire[] = [];
  for (let index = 0; index < count; index++) {
    const wire = new CountingWire();
    const connection: WireOwner = world.hub.open(wire);
    const first = { access_token: token(world.clock, { user: `${index}` }), subscribe: topicsOf(index) };
    connection.text(JSON.stringify(first));
    wires.push(wire);
  }
  await world.settle();
  for (const wire of wires) wire.written = [];
  return wires;
}

const world = () => rig({ limits: { maxUnauthenticated: SESSIONS, maxSubscriptions: 10 } });
const writes = (wires: readonly CountingWire[]) =>
  wires.reduce((sum, { written }) => sum + written.length, 0);
const buffers = (wires: readonly CountingWire[]) => new Set(wires.flatMap(({ written }) => written)).size;

/** Counts the ways to make a buffer of one's own, a view on another one apart. */
function countBuffers(t: TestContext) {
  const made = [
    mock.method(Buffer, 'alloc'),
    mock.method(Buffer, 'allocUnsafe'),
    mock.method(Buffer, 'allocUnsafeSlow'),
    mock.method(Buffer, 'concat'),
    mock.method(Buffer, 'from'),
  ];
  const views = mock.method(Buffer.prototype, 'subarray');
  const restore = () => mock.restoreAll();
  t.after(restore);
  return {
    stop() {
      const counts = {
        made: made.reduce((sum, method) => sum + method.mock.callCount(), 0),
        views: views.mock.callCount(),
      };
      restore();
      return counts;
    },
  };
}

describe('the hot path', () => {
  it('sends one event to 1,000 sessions with a write each, one view for all and no copy', async t => {
    const one = world();
    const wires = await sessions(one, SESSIONS);
    one.publish('1', EVERYBODY, DATA);
    const counting = countBuffers(t);
    one.flush();
    const { made, views } = counting.stop();
    assert.equal(writes(wires), SESSIONS);
    assert.equal(made, 0);
    assert.equal(buffers(wires), 1);
    // And one for sealing the event's cursor.
    assert.equal(views, 2);
  });

  it('looks at the log once for each session that is due something, and at each event once', async t => {
    const one = world();
    await sessions(one, SESSIONS, index => [`deals.${index % 10}`]);
    const reads = t.mock.method(one.log, 'read');
    const decisions = t.mock.method(Entitlement.prototype, 'entitled');
    for (let i = 0; i < 10; i++) one.publish(`${i}`, EVERYBODY, DATA);
    one.flush();
    assert.equal(reads.mock.callCount(), SESSIONS);
    assert.equal(decisions.mock.callCount(), SESSIONS * 10);
    // Subscribers of one topic only: the other 900 sleep on.
    one.publish('topical', forTopic('deals.3'), DATA);
    one.flush();
    assert.equal(reads.mock.callCount(), SESSIONS + SESSIONS / 10);
    assert.equal(decisions.mock.callCount(), SESSIONS * 10 + SESSIONS / 10);
  });

  it('sends what is due together in one write, however many events it is', async () => {
    const one = world();
    const wires = await sessions(one, 100);
    for (let i = 0; i < 50; i++) one.publish(`${i}`, EVERYBODY, DATA);
    one.flush();
    assert.deepEqual(new Set(wires.map(({ written }) => written.length)), new Set([1]));
  });

  it('sends a burst in pieces of 64 kB', async () => {
    const one = world();
    const wires = await sessions(one, 10);
    for (let i = 0; i < 1000; i++) one.publish(`${i}`, EVERYBODY, DATA);
    one.flush();
    for (const { written } of wires) {
      const bytes = written.reduce((sum, { length }) => sum + length, 0);
      assert.ok(bytes > 4 * VISIT_BYTES, `${bytes} bytes are a burst`);
      // Where an event doesn't fit any more, or a block of the log ends, a piece is a little shorter.
      assert.ok(written.length <= Math.ceil(bytes / VISIT_BYTES) + 1, `${written.length} writes`);
    }
  });

  it('copies events that are no neighbours together once for the 1,000 sessions that are due the same', async t => {
    const one = world();
    const wires = await sessions(one, SESSIONS, () => ['deals.1']);
    for (let i = 0; i < 20; i++) {
      one.publish(`wanted-${i}`, forTopic('deals.1'), DATA);
      one.publish(`other-${i}`, forTopic('deals.2'), DATA);
    }
    const counting = countBuffers(t);
    one.flush();
    const { made } = counting.stop();
    assert.equal(writes(wires), SESSIONS);
    assert.equal(buffers(wires), 1);
    // Buffer.concat allocates by allocUnsafe.
    assert.ok(made <= 2, `${made} buffers were made`);
  });

  it('seals the cursors of events that come together at once, and none for a delivery', async t => {
    const one = world();
    await sessions(one, 100);
    const single = t.mock.method(CursorCodec.prototype, 'seal');
    const added = t.mock.method(CursorBatch.prototype, 'add');
    const ciphers = t.mock.method(
      Object.getPrototypeOf(createCipheriv('aes-256-ecb', Buffer.alloc(32), null)),
      'update',
    );
    for (let i = 0; i < 20; i++) one.publish(`${i}`, EVERYBODY, DATA);
    assert.equal(ciphers.mock.callCount(), 0);
    one.flush();
    assert.equal(ciphers.mock.callCount(), 1);
    assert.equal(added.mock.callCount(), 20);
    assert.equal(single.mock.callCount(), 0);
  });

  it('takes in an event that concerns nobody here with two buffers, and wakes nobody', async t => {
    const one = world();
    const wires = await sessions(one, 10);
    // A block of the log holds hundreds: with this it is there.
    one.publish('first', forTopic('nobody', 'elsewhere'), DATA);
    const reads = t.mock.method(one.log, 'read');
    const counting = countBuffers(t);
    one.publish('second', forTopic('nobody', 'elsewhere'), DATA);
    one.flush();
    const { made } = counting.stop();
    // Its data (made by the test) and the block's growth.
    assert.ok(made <= 2, `${made} buffers were made`);
    assert.equal(reads.mock.callCount(), 0);
    assert.equal(writes(wires), 0);
  });

  it('allocates little for a delivery', async () => {
    v8.setFlagsFromString('--expose-gc');
    const collect: unknown = vm.runInNewContext('gc');
    assert.ok(typeof collect === 'function');
    const one = world();
    const wires = await sessions(one, SESSIONS);
    const rounds: number[] = [];
    for (let round = 0; round < 10; round++) {
      one.publish(`${round}`, EVERYBODY, DATA);
      for (const wire of wires) wire.written = [];
      collect();
      const before = process.memoryUsage().heapUsed;
      one.flush();
      rounds.push((process.memoryUsage().heapUsed - before) / SESSIONS);
    }
    // A collection in between makes nonsense of one round.
    const least = Math.min(...rounds.filter(bytes => bytes > 0));
    assert.ok(least < BYTES_PER_DELIVERY, `${Math.round(least)} bytes a delivery`);
  });
});

describe('the hot path over a socket', () => {
  it('makes one write of all that is due together, and asks with one ping for every 64 kB', async t => {
    const one = world();
    const transport = new WebSocketTransport({ maxPayloadBytes: 65_536, maxInFlightBytes: 2 ** 20 });
    const server = createServer();
    let calls: Uint8Array[] = [];
    server.on('upgrade', (request, socket, head) => {
      const write = socket.write.bind(socket);
      t.mock.method(socket, 'write', (...args: Parameters<typeof write>) => {
        if (args[0] instanceof Uint8Array) calls.push(args[0]);
        return write(...args);
      });
      transport.upgrade(request, socket, head, wire => one.hub.open(wire));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const clients: RawWebSocket[] = [];
    for (let i = 0; i < 2; i++) {
      const client = await RawWebSocket.open(`http://127.0.0.1:${address.port}`);
      t.after(() => client.destroy());
      await client.send(frame(OPCODES.text, JSON.stringify({ access_token: token(one.clock) })));
      clients.push(client);
    }
    const received = (text: string) =>
      eventually(
        async () => {
          await one.settle();
          return clients.map(({ texts }) => texts.some(message => message.includes(text)));
        },
        all => all.every(Boolean),
      );
    await received('"connected"');

    calls = [];
    for (let i = 0; i < 50; i++) one.publish(`few-${i}`, EVERYBODY, DATA);
    await received('few-49');
    assert.equal(calls.length, clients.length);
    const [mine, theirs] = calls;
    assert.ok(mine !== undefined && theirs !== undefined);
    assert.equal(mine.buffer, theirs.buffer, 'both get the bytes of the log, not copies');
    assert.equal(mine.byteOffset, theirs.byteOffset);

    calls = [];
    for (let i = 0; i < 400; i++) one.publish(`many-${i}`, EVERYBODY, DATA);
    await received('many-399');
    const bytes = calls.reduce((sum, { length }) => sum + length, 0) / clients.length;
    const pieces = Math.ceil(bytes / VISIT_BYTES) + 1;
    assert.ok(bytes > VISIT_BYTES, `${bytes} bytes are more than one write`);
    // Each piece, and the ping behind it: its header and its payload.
    assert.ok(calls.length <= 3 * pieces * clients.length, `${calls.length} writes of ${bytes} bytes each`);
  });
});
