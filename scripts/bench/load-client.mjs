/**
 * Many WebSocket clients in one process, cheap enough not to be what is measured: raw sockets, no `ws`, frames counted
 * by their headers. Run as a child process; driven by messages (see `Command`), answers each with one message.
 */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

/**
 * @typedef {{ kind: 'connect', port: number, count: number, tokens: string[], subscribe: string[][] }
 *   | { kind: 'expect', events: number }
 *   | { kind: 'close' }} Command
 */

/** Loopback has several addresses: one alone runs out of ports at 28,000 clients, and fills its backlog sooner. */
const ADDRESSES = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'];
/** Connects under way at once: less than the listen backlog of 511. */
const AT_ONCE = 100;
const EVENT = Buffer.from('{"status":"ok","type":"event"');
const CONNECTED = Buffer.from('"event":"connected"');
const SENT_AT = Buffer.from('"sentAt":');

let events = 0;
let wanted = Infinity;
/** @type {() => void} */
let whenReached = () => {};
/** @type {number[]} */
let latencies = [];
/** @type {import('node:net').Socket[]} */
const sockets = [];

/** @param {string} text */
function maskedFrame(text) {
  const payload = Buffer.from(text);
  const header = payload.length < 126 ? Buffer.from([0x81, 0x80 | payload.length]) : Buffer.alloc(4);
  if (payload.length >= 126) {
    header[0] = 0x81;
    header[1] = 0x80 | 126;
    header.writeUInt16BE(payload.length, 2);
  }
  // A mask of zeros is a mask (RFC 6455 §5.3 wants it unpredictable, for proxies; there is none here).
  return Buffer.concat([header, Buffer.alloc(4), payload]);
}

/**
 * @param {number} port @param {number} index @param {string} token @param {string[]} subscribe
 * @returns {Promise<void>} authenticated
 */
function open(port, index, token, subscribe) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: ADDRESSES[index % ADDRESSES.length] });
    socket.setNoDelay(true);
    sockets.push(socket);
    const key = randomBytes(16).toString('base64');
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    let upgraded = false;
    /** @type {Buffer} */
    let rest = Buffer.alloc(0);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed by the server')));
    socket.on('data', chunk => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      if (!upgraded) {
        const end = rest.indexOf('\r\n\r\n');
        if (end < 0) return;
        upgraded = true;
        rest = rest.subarray(end + 4);
        socket.write(maskedFrame(JSON.stringify({ access_token: token, subscribe })));
      }
      rest = takeFrames(rest, socket, resolve);
    });
  });
}

/** @param {Buffer} bytes @param {import('node:net').Socket} socket @param {() => void} onConnected @returns {Buffer} what isn't complete yet */
function takeFrames(bytes, socket, onConnected) {
  let offset = 0;
  for (;;) {
    if (bytes.length - offset < 2) break;
    const short = (bytes[offset + 1] ?? 0) & 0x7f;
    const header = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length - offset < header) break;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(offset + 2) : bytes.readUInt32BE(offset + 6);
    const start = offset + header;
    if (bytes.length - start < length) break;
    const opcode = (bytes[offset] ?? 0) & 0x0f;
    if (opcode === 9) socket.write(Buffer.concat([Buffer.from([0x8a, 0x80 | length]), Buffer.alloc(4), bytes.subarray(start, start + length)]));
    else if (opcode === 1) takeMessage(bytes.subarray(start, start + length), onConnected);
    offset = start + length;
  }
  return offset === 0 ? bytes : bytes.subarray(offset);
}

/** @param {Buffer} payload @param {() => void} onConnected */
function takeMessage(payload, onConnected) {
  if (payload.subarray(0, EVENT.length).equals(EVENT)) {
    events++;
    // One in 64 is enough for percentiles, and parsing all would make this process what is measured.
    if ((events & 63) === 0) {
      const at = payload.indexOf(SENT_AT);
      if (at >= 0) latencies.push(Date.now() - Number.parseInt(payload.toString('latin1', at + SENT_AT.length, at + SENT_AT.length + 13), 10));
    }
    if (events >= wanted) whenReached();
  } else if (payload.includes(CONNECTED)) onConnected();
}

/** @param {Command} command */
async function obey(command) {
  if (command.kind === 'connect') {
    let next = 0;
    const worker = async () => {
      while (next < command.count) {
        const index = next++;
        await open(command.port, index, command.tokens[index % command.tokens.length] ?? '', command.subscribe[index % command.subscribe.length] ?? []);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return { connected: sockets.length };
  }
  if (command.kind === 'expect') {
    const before = process.cpuUsage();
    events = 0;
    latencies = [];
    wanted = command.events;
    process.send?.({ waiting: true });
    await new Promise(resolve => {
      whenReached = () => resolve(undefined);
    });
    wanted = Infinity;
    const used = process.cpuUsage(before);
    latencies.sort((a, b) => a - b);
    const at = (/** @type {number} */ share) => latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))] ?? null;
    return { events, clientCpuMs: (used.user + used.system) / 1000, p50: at(0.5), p99: at(0.99), p999: at(0.999) };
  }
  for (const socket of sockets) {
    socket.removeAllListeners('close');
    socket.on('error', () => {});
    socket.destroy();
  }
  return { closed: true };
}

process.on('message', (/** @type {Command} */ command) => {
  obey(command).then(
    answer => process.send?.(answer),
    error => process.send?.({ error: String(error) }),
  );
});
