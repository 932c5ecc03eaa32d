/**
 * Hostile clients in one process: raw sockets. Run as a child process by `startAttackers`; obeys one attack at a time,
 * which lasts a given time and then leaves nothing open.
 */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { micros, pause } from '../lib/load/clock.mjs';
import { clientFrame, handshake, OPCODE, readFrames } from '../lib/load/frames.mjs';
import { SECRET } from '../lib/load/secret.mjs';
import { mintToken } from '../lib/mint.mjs';

/** @typedef {{ kind: keyof typeof ATTACKS, port: number, seconds: number }} Attack */

const PING_BYTES = 125;
const FRAMES_A_CHUNK = 500;
/** Bytes a flooder may have written and not sent: it shouldn't drown itself. */
const CHUNKS_IN_FLIGHT = 4;

/** @type {Set<import('node:net').Socket>} */
const sockets = new Set();
let opened = 0;
let ended = 0;

/** @param {number} index */
const token = index =>
  mintToken(SECRET, { user: `foe${index}`, tenant: 'foes', topics: ['#'], seconds: 3600 }, {});
/** @param {object} message */
const say = message => clientFrame(OPCODE.text, JSON.stringify(message));

/** A bare TCP connection. @param {number} port */
function reach(port) {
  const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${2 + (opened % 200)}` });
  opened++;
  sockets.add(socket);
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.on('close', () => {
    if (sockets.delete(socket)) ended++;
  });
  return socket;
}

/**
 * A WebSocket, with a session if it gets a token.
 *
 * @param {number} port
 * @param {string | null} accessToken
 * @returns {Promise<import('node:net').Socket | null>} null: the server didn't want it
 */
function open(port, accessToken) {
  const socket = reach(port);
  socket.write(handshake(randomBytes(16).toString('base64')));
  return new Promise(resolve => {
    socket.on('close', () => resolve(null));
    let upgraded = false;
    /** @type {Buffer} */
    let rest = Buffer.alloc(0);
    socket.on('data', chunk => {
      rest = Buffer.concat([rest, chunk]);
      if (!upgraded) {
        const end = rest.indexOf('\r\n\r\n');
        if (end < 0) return;
        upgraded = true;
        rest = rest.subarray(end + 4);
        if (accessToken === null) resolve(socket);
        else socket.write(say({ access_token: accessToken }));
      }
      rest = readFrames(rest, (opcode, bytes, start, stop) => {
        if (opcode === OPCODE.text && bytes.toString('latin1', start, stop).includes('"event":"connected"'))
          resolve(socket);
        if (opcode === OPCODE.close)
          socket.end(clientFrame(OPCODE.close, bytes.subarray(start, Math.min(stop, start + 2))));
      });
    });
  });
}

/** @param {import('node:net').Socket} socket */
function leave(socket) {
  sockets.delete(socket);
  socket.resetAndDestroy();
}

/** @param {number} count @param {(index: number) => Promise<unknown>} task */
async function manyAtOnce(count, task) {
  let next = 0;
  const worker = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: 50 }, worker));
}

/** Starts so many a second, whatever becomes of them. @param {number} perSecond @param {number} until @param {(index: number) => Promise<unknown>} task */
async function steadily(perSecond, until, task) {
  const begun = micros();
  let done = 0;
  while (micros() < until) {
    const due = Math.ceil(((micros() - begun) / 1e6) * perSecond);
    for (; done < due; done++) void task(done);
    await pause(5);
  }
  return done;
}

/** Writes the same chunk for as long as the socket lives and takes it. @param {import('node:net').Socket} socket @param {Buffer} chunk @param {number} until @param {(bytes: number) => void} onSent */
function flood(socket, chunk, until, onSent) {
  const next = () => {
    if (socket.destroyed || micros() >= until) return;
    socket.write(chunk, error => {
      if (error) return;
      onSent(chunk.length);
      next();
    });
  };
  for (let i = 0; i < CHUNKS_IN_FLIGHT; i++) next();
}

/** @param {Buffer} frame */
const chunkOf = frame => Buffer.concat(Array.from({ length: FRAMES_A_CHUNK }, () => frame));

/**
 * @param {number} port @param {number} until @param {number} count
 * @param {Buffer} chunk @param {number} frameBytes @param {boolean} reading
 */
async function floodAll(port, until, count, chunk, frameBytes, reading) {
  let bytes = 0;
  // A server that stands still mustn't keep us: what it did to the others is told by them.
  const opening = manyAtOnce(count, async index => {
    const socket = await open(port, token(index));
    if (socket === null) return;
    if (!reading) socket.pause();
    flood(socket, chunk, until, sent => {
      bytes += sent;
    });
  });
  await Promise.race([opening, pause((until - micros()) / 1000)]);
  await pause((until - micros()) / 1000);
  return { frames: Math.round(bytes / frameBytes) };
}

/** Each returns what it did, to be held against what it meant to do. */
const ATTACKS = {
  /** @param {number} port @param {number} until */
  async silent(port, until) {
    await Promise.race([manyAtOnce(1000, () => open(port, null)), pause((until - micros()) / 1000)]);
    await pause((until - micros()) / 1000);
    return {};
  },

  /** @param {number} port @param {number} until */
  async slowloris(port, until) {
    const loris = Array.from({ length: 500 }, () => reach(port));
    const text = `GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ${'x'.repeat(1000)}`;
    let bytes = 0;
    for (; micros() < until; bytes++) {
      for (const socket of loris) if (!socket.destroyed) socket.write(text.charAt(bytes));
      await pause(1000);
    }
    return { bytesEach: bytes };
  },

  /** @param {number} port @param {number} until */
  async badTokens(port, until) {
    // Well formed, known algorithm, wrong signature: the dearest kind to refuse.
    const bad = mintToken(
      'another secret than the one of the server',
      { user: 'x', tenant: 'y', topics: ['#'], seconds: 3600 },
      {},
    );
    return { tried: await steadily(200, until, () => open(port, bad)) };
  },

  /** @param {number} port @param {number} until */
  pingFlood: (port, until) =>
    floodAll(
      port,
      until,
      10,
      chunkOf(clientFrame(OPCODE.ping, Buffer.alloc(PING_BYTES))),
      PING_BYTES + 6,
      false,
    ),

  /** @param {number} port @param {number} until */
  async fragments(port, until) {
    const start = clientFrame(OPCODE.text, 'a', false);
    const more = chunkOf(clientFrame(OPCODE.continuation, 'a', false));
    let bytes = 0;
    const rounds = await steadily(100, until, async index => {
      const socket = await open(port, token(index));
      if (socket === null) return;
      socket.write(start);
      flood(socket, more, until, sent => {
        bytes += sent;
      });
    });
    return { tried: rounds, frames: Math.round(bytes / 7) };
  },

  /** @param {number} port @param {number} until */
  async reconnects(port, until) {
    let connected = 0;
    await steadily(50, until, async index => {
      const socket = await open(port, token(index));
      if (socket === null) return;
      connected++;
      leave(socket);
    });
    return { connected };
  },

  /** @param {number} port @param {number} until */
  messageFlood: (port, until) => floodAll(port, until, 50, chunkOf(say({ ping: true })), 19, true),

  /** @param {number} port @param {number} until */
  async garbage(port, until) {
    const tried = await steadily(100, until, async index => {
      const socket = await open(port, index % 2 === 0 ? token(index) : null);
      socket?.write(randomBytes(2000));
    });
    return { tried };
  },
};

/** @param {Attack} attack */
async function run({ kind, port, seconds }) {
  opened = 0;
  ended = 0;
  const did = await ATTACKS[kind](port, micros() + seconds * 1e6);
  await pause(200);
  const answer = { ...did, opened, endedByServer: ended };
  for (const socket of sockets) leave(socket);
  return answer;
}

process.on('message', (/** @type {{ id: number, command: Attack }} */ { id, command }) => {
  run(command).then(
    answer => process.send?.({ id, answer }),
    error => process.send?.({ id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
