import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { micros } from './clock.mjs';
import { clientFrame, handshake, OPCODE, readFrames } from './frames.mjs';
import { Histogram } from './histogram.mjs';

/** Loopback has several addresses: one alone runs out of ports at 28,000 clients, and fills its backlog sooner. */
const ADDRESSES = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'];
const NUMBER = Buffer.from('"data":{"n":');
const SENT_AT = ',"at":'.length;
const CURSOR = Buffer.from('"cursor":"');
const QUOTE = 0x22;
/** Where `{"status":"ok","type":"event"` differs from all other messages. */
const STATUS_AT = 11;
const TYPE_AT = 23;
const O = 0x6f;
const E = 0x65;
const NO_CODE = 1006;

/** Where all sockets of the process read to, one at a time; what is left over is copied. */
const CHUNK = Buffer.alloc(64 * 1024);
/** @type {Buffer} */
const NOTHING = Buffer.alloc(0);

/** What many peers have seen since somebody last asked. */
export class Tally {
  events = 0;
  /** Numbers that were left out without a `resync`. */
  lost = 0;
  /** Numbers that came again. */
  repeated = 0;
  resyncs = 0;
  bytes = 0;
  /** @type {Record<string, number>} by close code, those that we ended ourselves apart */
  closed = {};
  /** @type {Record<string, number>} how sessions began: new, resumed, resync */
  began = {};
  latency = new Histogram();
}

/**
 * @typedef {object} PeerOptions
 * @property {number} port
 * @property {number} index
 * @property {string} token
 * @property {readonly string[]} subscribe
 * @property {string | null} cursor
 * @property {number | null} next the number that its next event must have; null: any
 * @property {boolean} trackCursor keep the newest cursor, for coming back
 * @property {() => Tally} tally the one of this moment
 * @property {(peer: Peer) => void} onEvents something came in
 * @property {(peer: Peer) => void} onClosed the server, or somebody between, ended it
 */

/** One client: a raw socket, frames told apart by their bytes. Checks that the numbers in its events have no gap. */
export class Peer {
  next;
  cursor;
  resyncs = 0;
  events = 0;
  /** How the session began. */
  resume = '';
  closed = false;
  #options;
  #socket;
  #upgraded = false;
  /** @type {Buffer} */
  #rest = NOTHING;
  /** Of the chunk at hand. */
  #receivedAt = 0;
  #code = NO_CODE;
  #onConnected = () => {};
  /** @type {(error: Error) => void} */
  #onRefused = () => {};

  /** @param {PeerOptions} options */
  constructor(options) {
    this.#options = options;
    this.next = options.next;
    this.cursor = options.cursor;
    this.#socket = connect({
      port: options.port,
      host: '127.0.0.1',
      localAddress: ADDRESSES[options.index % ADDRESSES.length],
      // Besides sparing a buffer for each read: only so does pause() stop reading at once, not 64 kB later.
      onread: {
        buffer: CHUNK,
        callback: length => {
          this.#take(CHUNK.subarray(0, length));
          return true;
        },
      },
    });
    this.#socket.setNoDelay(true);
    this.#socket.on('error', () => {}); // `close` follows.
    this.#socket.on('close', () => this.#closed());
    this.#socket.write(handshake(randomBytes(16).toString('base64')));
  }

  /** @returns {Promise<void>} authenticated */
  connected() {
    return new Promise((resolve, reject) => {
      this.#onConnected = resolve;
      this.#onRefused = reject;
    });
  }

  /** What the socket has taken from the kernel. */
  get bytesRead() {
    return this.#socket.bytesRead;
  }

  /** Reads no more: its kernel buffers fill, then the server's. */
  stopReading() {
    this.#socket.pause();
  }

  read() {
    this.#socket.resume();
  }

  /** @param {Buffer} bytes */
  write(bytes) {
    this.#socket.write(bytes);
  }

  /** Cuts the connection, as a lost network would. */
  cut() {
    this.closed = true;
    this.#socket.removeAllListeners('close').on('close', () => {});
    // Not destroy() alone: with unread bytes it resets, without it leaves a TIME_WAIT, and ports run out.
    this.#socket.resetAndDestroy();
  }

  #closed() {
    if (this.closed) return;
    this.closed = true;
    const { closed } = this.#options.tally();
    closed[this.#code] = (closed[this.#code] ?? 0) + 1;
    this.#onRefused(new Error(`closed by the server with ${this.#code}`));
    this.#options.onClosed(this);
  }

  /** @param {Buffer} chunk */
  #take(chunk) {
    this.#receivedAt = micros();
    this.#options.tally().bytes += chunk.length;
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (!this.#upgraded) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) {
        this.#rest = Buffer.from(bytes);
        return;
      }
      this.#upgraded = true;
      bytes = bytes.subarray(end + 4);
      const { token, subscribe, cursor } = this.#options;
      const first = { access_token: token, subscribe, ...(cursor === null ? {} : { cursor }) };
      this.#socket.write(clientFrame(OPCODE.text, JSON.stringify(first)));
    }
    const rest = readFrames(bytes, this.#frame);
    this.#rest = rest.length === 0 ? NOTHING : Buffer.from(rest);
    this.#options.onEvents(this);
  }

  /** @type {Parameters<typeof readFrames>[1]} */
  #frame = (opcode, bytes, start, end) => {
    if (opcode === OPCODE.text) {
      if (bytes[start + STATUS_AT] === O && bytes[start + TYPE_AT] === E) this.#event(bytes, start, end);
      else this.#message(JSON.parse(bytes.toString('utf8', start, end)));
    } else if (opcode === OPCODE.ping) {
      this.#socket.write(clientFrame(OPCODE.pong, bytes.subarray(start, end)));
    } else if (opcode === OPCODE.close) {
      if (end - start >= 2) this.#code = bytes.readUInt16BE(start);
      this.#socket.end(clientFrame(OPCODE.close, bytes.subarray(start, Math.min(end, start + 2))));
    }
  };

  /** @param {Buffer} bytes @param {number} start @param {number} end */
  #event(bytes, start, end) {
    const tally = this.#options.tally();
    tally.events++;
    this.events++;
    const found = bytes.indexOf(NUMBER, start);
    if (found < 0 || found >= end) return;
    let at = found + NUMBER.length;
    const number = digits(bytes, at);
    at += String(number).length + SENT_AT;
    tally.latency.add(this.#receivedAt - digits(bytes, at));
    if (this.next !== null && number > this.next) tally.lost += number - this.next;
    if (this.next !== null && number < this.next) tally.repeated++;
    else this.next = number + 1;
    if (this.#options.trackCursor) {
      const from = bytes.indexOf(CURSOR, start) + CURSOR.length;
      this.cursor = bytes.toString('latin1', from, bytes.indexOf(QUOTE, from));
    }
  }

  /** @param {{ event?: string, resume?: string, cursor?: string }} message */
  #message({ event, resume, cursor }) {
    const tally = this.#options.tally();
    if (cursor !== undefined && (this.#options.trackCursor || event === 'connected')) this.cursor = cursor;
    if (event === 'resync' || resume === 'resync') {
      tally.resyncs++;
      this.resyncs++;
      this.next = null;
    }
    if (event !== 'connected') return;
    this.resume = resume ?? '';
    tally.began[this.resume] = (tally.began[this.resume] ?? 0) + 1;
    this.#onConnected();
  }
}

/** @param {Buffer} bytes @param {number} at */
function digits(bytes, at) {
  let value = 0;
  for (let i = at; ; i++) {
    const digit = (bytes[i] ?? 0) - 48;
    if (digit < 0 || digit > 9) return value;
    value = value * 10 + digit;
  }
}
