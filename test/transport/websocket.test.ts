import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { Wire, WireOwner } from '../../src/connection/wire.js';
import { ENDINGS } from '../../src/protocol/endings.js';
import { WebSocketTransport } from '../../src/transport/websocket.js';
import { eventually } from '../support/eventually.js';
import { rawSocket, upgradeRequest } from '../support/raw-http.js';
import { mintToken } from '../support/tokens.js';
import { startWarren, type WarrenInProcess } from '../support/warren.js';

const MAX_PAYLOAD = 1000;

let warren: WarrenInProcess;
before(async () => (warren = await startWarren({ MAX_PAYLOAD_BYTES: `${MAX_PAYLOAD}` })));
after(() => warren.stop());

/** A client's frame (RFC 6455 §5.2) with a mask of zeros, which leaves the payload readable. */
function frame(firstByte: number, payload: string | Buffer): Buffer {
  const body = Buffer.from(payload);
  const length =
    body.length < 126
      ? Buffer.of(0x80 | body.length)
      : Buffer.of(0x80 | 126, body.length >> 8, body.length & 0xff);
  return Buffer.concat([Buffer.of(firstByte), length, Buffer.alloc(4), body]);
}

const TEXT = 0x81;
const PING = 0x89;
const CLOSE = 0x88;
const normal = Buffer.of(3, 1000 & 0xff);

interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Sends bytes behind a handshake and reads the frames until the server closes. */
async function exchange(...parts: readonly Buffer[]): Promise<Frame[]> {
  const socket = await rawSocket(warren.publicUrl);
  socket.write(upgradeRequest('/ws'));
  socket.write(Buffer.concat(parts));
  const chunks: Buffer[] = [];
  socket.on('error', () => {});
  const frames = () => {
    const all = Buffer.concat(chunks);
    return framesIn(all.subarray(all.indexOf('\r\n\r\n') + 4));
  };
  for await (const chunk of socket) {
    if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    // Unanswered, the server would wait for 3 s.
    if (frames().at(-1)?.opcode === CLOSE && socket.writable) socket.end(frame(CLOSE, normal));
  }
  return frames();
}

function framesIn(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let rest = bytes; rest.length >= 2; ) {
    const short = rest.readUInt8(1);
    const start = short === 126 ? 4 : 2;
    const length = short === 126 ? rest.readUInt16BE(2) : short;
    frames.push({ opcode: rest.readUInt8(0), payload: rest.subarray(start, start + length) });
    rest = rest.subarray(start + length);
  }
  return frames;
}

/** Close code and reason, from the last frame. */
function closingOf(frames: readonly Frame[]): { code: number; reason: string } {
  const last = frames.at(-1);
  assert.equal(last?.opcode, CLOSE, 'the last frame is a close');
  return { code: last.payload.readUInt16BE(0), reason: last.payload.toString('utf8', 2) };
}

describe('frames that no client should send', () => {
  const rows: readonly (readonly [string, Buffer, number])[] = [
    ['without a mask', Buffer.of(TEXT, 2, 0x7b, 0x7d), 1002],
    ['as if compressed', frame(0xc1, '{}'), 1002],
    ['with an opcode that is none', frame(0x83, '{}'), 1002],
    ['continuing nothing', frame(0x80, '{}'), 1002],
    ['a ping of 126 bytes', frame(PING, 'x'.repeat(126)), 1002],
    ['text that is no UTF-8', frame(TEXT, Buffer.of(0xc3, 0x28)), 1007],
    ['more than twice the limit', frame(TEXT, 'x'.repeat(2 * MAX_PAYLOAD + 1)), 1009],
    ['a message in more pieces than anybody needs', pieces(20), 1008],
  ];

  for (const [name, bytes, code] of rows) {
    it(`end that connection with ${code}, and no other: ${name}`, async () => {
      const bystander = await warren.enter();
      assert.equal(closingOf(await exchange(bytes)).code, code);
      const token = frame(TEXT, JSON.stringify({ access_token: mintToken() }));
      assert.equal(closingOf(await exchange(token, bytes)).code, code);
      await warren.publish({ tenant: 'acme', user: '7', data: 1, id: name.replaceAll(' ', '-') });
      await bystander.event();
      await bystander.close();
    });
  }
});

/** A wire whose client is a raw socket, and what the transport writes to its own one. */
async function openWire(t: TestContext) {
  const server = createServer();
  const transport = new WebSocketTransport({ maxPayloadBytes: MAX_PAYLOAD, maxInFlightBytes: 2 ** 30 });
  const writes: { readonly bytes: number; readonly corked: boolean; readonly args: number }[] = [];
  let flushed = 0;
  const opened = new Promise<Wire>(resolve => {
    const owner: WireOwner = {
      flushed: () => void flushed++,
      text() {},
      binary() {},
      tooBig() {},
      alive() {},
      closed() {},
    };
    server.on('upgrade', (request, socket, head) => {
      const write = socket.write.bind(socket);
      t.mock.method(socket, 'write', (...args: Parameters<typeof write>) => {
        const bytes = args[0] instanceof Uint8Array ? args[0].length : 0;
        writes.push({ bytes, corked: socket.writableCorked > 0, args: args.length });
        return write(...args);
      });
      transport.upgrade(request, socket, head, wire => {
        resolve(wire);
        return owner;
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const client = await rawSocket(`http://127.0.0.1:${address.port}`);
  t.after(() => client.destroy());
  client.write(upgradeRequest('/ws'));
  const wire = await opened;
  // Once the answer to the handshake has left, the socket isn't corked any more.
  await once(client, 'data');
  writes.length = 0;
  return { wire, client, writes, flushed: () => flushed };
}

describe('a write', () => {
  it('is through when the socket has taken it, not when an earlier one was', async t => {
    const { wire, client, flushed } = await openWire(t);
    client.pause();
    assert.equal(wire.write(Buffer.alloc(100)), true);
    assert.equal(wire.write(Buffer.alloc(30_000_000)), false);
    await turnOfTheLoop();
    await turnOfTheLoop();
    assert.equal(flushed(), 0);
    assert.ok(wire.unsent > 0);
    client.resume();
    await eventually(flushed, count => count === 1);
    assert.equal(wire.unsent, 0);
  });

  it('that is through at once costs no callback', async t => {
    const { wire, writes } = await openWire(t);
    assert.equal(wire.write(Buffer.alloc(100)), true);
    assert.deepEqual(writes, [{ bytes: 100, corked: false, args: 1 }]);
  });

  it('takes a ping along in one system call', async t => {
    const { wire, client, writes } = await openWire(t);
    wire.probe();
    assert.deepEqual(writes, []);
    assert.equal(wire.write(frame(TEXT, 'first')), true);
    assert.ok(writes.length > 1 && writes.every(({ corked }) => corked), JSON.stringify(writes));
    const [bytes]: Buffer[] = await once(client, 'data');
    assert.equal(bytes?.[0], PING);
    assert.ok(bytes.includes(frame(TEXT, 'first')));
    writes.length = 0;
    wire.write(frame(TEXT, 'second'));
    assert.equal(writes.length, 1, 'only once');
  });

  it('that is waited for lets pings go ahead', async t => {
    const { wire, client, writes } = await openWire(t);
    client.pause();
    wire.write(Buffer.alloc(30_000_000));
    writes.length = 0;
    wire.probe();
    assert.ok(writes.length > 0);
  });
});

function pieces(count: number): Buffer {
  const rest = Array.from({ length: count }, () => frame(0x00, '1'));
  return Buffer.concat([frame(0x01, '1'), ...rest]);
}

describe('frames that are unusual', () => {
  it('are understood: a message in two pieces with a ping between', async () => {
    const frames = await exchange(
      frame(0x01, '{"sub'),
      frame(PING, 'are you there'),
      frame(0x80, 'scribe":[]}'),
      frame(CLOSE, normal),
    );
    const pong = frames.find(({ opcode }) => opcode === 0x8a);
    assert.equal(pong?.payload.toString(), 'are you there');
    assert.equal(closingOf(frames).code, 1000);
  });

  it('an empty message is malformed, not binary and not the end of the process', async () => {
    const { code, reason } = closingOf(await exchange(frame(TEXT, '')));
    assert.deepEqual([code, reason], [4400, 'malformed']);
  });

  it('a close right behind a request is the last that either side says', async () => {
    const frames = await exchange(
      frame(TEXT, JSON.stringify({ access_token: mintToken() })),
      frame(TEXT, '{"ping":true}'),
      frame(CLOSE, normal),
    );
    assert.equal(closingOf(frames).code, 1000);
    assert.equal(frames.filter(({ opcode }) => opcode === CLOSE).length, 1);
  });

  it('half a frame and then nothing is somebody who left', async () => {
    const before = await warren.metric('warren_connections_opened_total');
    const socket = await rawSocket(warren.publicUrl);
    socket.end(Buffer.concat([Buffer.from(upgradeRequest('/ws')), Buffer.of(TEXT, 0xfe, 0x10)]));
    socket.resume();
    await new Promise(resolve => socket.on('close', resolve));
    assert.equal(await warren.metric('warren_connections_opened_total'), before + 1);
  });
});

describe('the limit of a message', () => {
  it('lets pass what is exactly as long, and refuses one byte more with words', async () => {
    const fill = (length: number) => `{"x":"${'x'.repeat(length - 8)}"}`;
    const frames = await exchange(frame(TEXT, fill(MAX_PAYLOAD)), frame(TEXT, fill(MAX_PAYLOAD + 1)));
    const texts = frames.filter(({ opcode }) => opcode === TEXT).map(({ payload }) => payload.toString());
    assert.match(texts[1] ?? '', /token_missing/);
    assert.match(texts[2] ?? '', /too_big/);
    assert.deepEqual(closingOf(frames), { code: 1009, reason: 'message too big' });
  });
});

describe('a peer that pings and reads nothing', () => {
  it('is cut off before its pongs fill the memory', async () => {
    const socket = await rawSocket(warren.publicUrl);
    socket.on('error', () => {});
    const gone = new Promise(resolve => socket.on('close', resolve));
    socket.pause();
    socket.write(upgradeRequest('/ws'));
    const pings = Buffer.concat(Array.from({ length: 5000 }, () => frame(PING, 'x'.repeat(125))));
    const flood = () => {
      if (!socket.destroyed) socket.write(pings, error => error ?? flood());
    };
    flood();
    await gone;
    await eventually(
      () => warren.metric('warren_connections'),
      connections => connections === 0,
    );
  });
});

describe('a peer that leaves behind more than has been worked off', () => {
  it('is gone at once', async () => {
    const socket = await rawSocket(warren.publicUrl);
    socket.on('error', () => {});
    socket.write(upgradeRequest('/ws'));
    const opened = await warren.metric('warren_connections_opened_total');
    await eventually(
      () => warren.metric('warren_connections'),
      connections => connections === 1,
    );
    // Each takes a turn of the event loop.
    socket.write(Buffer.concat(Array.from({ length: 20_000 }, () => frame(PING, ''))));
    await eventually(
      () => socket.writableLength,
      left => left === 0,
    );
    socket.resetAndDestroy();
    // A pod that has something to do in each turn.
    let isBusy = true;
    const turn = () => {
      for (const until = performance.now() + 1; performance.now() < until; );
      if (isBusy) setImmediate(turn);
    };
    turn();
    const isNobody = (connections: number) => connections === 0;
    await eventually(() => warren.metric('warren_connections'), isNobody, 4000).finally(() => {
      isBusy = false;
    });
    assert.equal(await warren.metric('warren_connections_opened_total'), opened + 1);
  });
});

describe('a peer that goes on after a close frame', () => {
  /** More than the kernel's buffers of both sides hold, by far. */
  const MOST_BYTES = 32 * 2 ** 20;
  const messages = Buffer.concat(Array.from({ length: 10_000 }, () => frame(TEXT, '{"ping":true}')));

  /** Goes on for as long as it is let, whatever it is sent, the end of the other side's stream included. */
  async function floodAfter(offence: Buffer) {
    const { hostname, port } = new URL(warren.publicUrl);
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    const received: Buffer[] = [];
    let taken = 0;
    const gone = new Promise(resolve => socket.on('close', resolve));
    socket.on('error', () => {}).on('data', chunk => received.push(chunk));
    await once(socket, 'connect');
    socket.write(upgradeRequest('/ws'));
    socket.write(offence);
    const flood = () => {
      if (taken > MOST_BYTES) socket.destroy();
      if (socket.destroyed) return;
      socket.write(messages, error => {
        if (error) return;
        taken += messages.length;
        flood();
      });
    };
    flood();
    const closeCode = () => {
      const all = Buffer.concat(received);
      const last = framesIn(all.subarray(all.indexOf('\r\n\r\n') + 4)).at(-1);
      return last?.opcode === CLOSE ? last.payload.readUInt16BE(0) : null;
    };
    await eventually(
      () => closeCode() !== null || socket.destroyed,
      isOver => isOver,
    );
    return { gone, taken: () => taken, isGone: () => socket.destroyed, closeCode };
  }

  for (const [name, offence, code] of [
    ['a broken frame', Buffer.of(TEXT, 2, 0x7b, 0x7d), 1002],
    ['a binary message', frame(0x82, 'x'), ENDINGS.binary.code],
    ['a close frame of its own', frame(CLOSE, normal), 1000],
  ] as const) {
    it(`is told why and isn't read any more, after ${name}`, async () => {
      const flooder = await floodAfter(offence);
      assert.equal(flooder.closeCode(), code);
      // A socket that goes on being read takes the rest in no time.
      await flooder.gone;
      assert.ok(flooder.taken() < MOST_BYTES, `${flooder.taken()} bytes were taken`);
    });
  }

  it('is cut off at once if 8 others wait already, and those are not', async () => {
    const flooders = [];
    for (let i = 0; i < 8; i++) flooders.push(await floodAfter(frame(0x82, 'x')));
    const last = await floodAfter(frame(0x82, 'x'));
    await eventually(last.isGone, isGone => isGone, 1000);
    assert.ok(flooders.every(flooder => !flooder.isGone()));
    await Promise.all(flooders.map(({ gone }) => gone));
  });
});
