/**
 * What client.c does, for systems without a C compiler: dearer, so that it is the limit sooner, which the figures say.
 * Obeys lines on standard input, answers each with a line of JSON; load/index.mjs says what they are.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { micros } from '../../lib/load/clock.mjs';
import { clientFrame, OPCODE, readFrames } from '../../lib/load/frames.mjs';
import { Histogram } from '../../lib/load/histogram.mjs';

/** @typedef {{ waits: boolean, bytes: Buffer }} Step */

const ADDRESSES = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'];
const NUMBER = Buffer.from('{"n":');
const AT = ',"at":'.length;
const ENGINE_IO_PING = 0x32;
/** All sockets read to it, one at a time. */
const CHUNK = Buffer.alloc(256 * 1024);

/** @type {Client[]} */
const clients = [];
let figures = fresh();
let cpu = process.cpuUsage();
let takenAt = performance.now();
/** @type {{ events: number, timer: NodeJS.Timeout } | null} */
let goal = null;

function fresh() {
  return { events: 0, bytes: 0, lost: 0, repeated: 0, closed: 0, latency: new Histogram() };
}

class Client {
  ready = false;
  closed = false;
  #upgraded = false;
  /** @type {Buffer} */
  #rest = Buffer.alloc(0);
  #step = 0;
  #next = 0;
  #receivedAt = 0;
  #plan;
  #socket;
  #onSettled;

  /** @param {{ port: number, index: number, line: string, onSettled: (good: boolean) => void }} options */
  constructor({ port, index, line, onSettled }) {
    const [path = '/', protocol = '-', ...steps] = line.split('\t');
    this.#onSettled = onSettled;
    this.#plan = steps.map(step => ({
      waits: step.startsWith('E'),
      bytes: Buffer.from(step.slice(1), 'hex'),
    }));
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      localAddress: ADDRESSES[index % ADDRESSES.length],
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
    this.#socket.on('close', () => this.#end());
    const named = protocol === '-' ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
    this.#socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\nSec-WebSocket-Version: 13\r\n${named}\r\n`,
    );
  }

  deaf() {
    this.#socket.pause();
  }

  hangUp() {
    this.closed = true;
    this.#socket.resetAndDestroy();
  }

  #end() {
    if (this.closed) return;
    this.closed = true;
    figures.closed++;
    if (!this.ready) this.#onSettled(false);
  }

  /** @param {Buffer} chunk */
  #take(chunk) {
    this.#receivedAt = micros();
    figures.bytes += chunk.length;
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (!this.#upgraded) {
      const blank = bytes.indexOf('\r\n\r\n');
      if (blank < 0) {
        this.#rest = Buffer.from(bytes);
        return;
      }
      if (!bytes.subarray(0, blank).includes(' 101 ')) {
        this.#socket.destroy();
        return;
      }
      this.#upgraded = true;
      bytes = bytes.subarray(blank + 4);
      this.#goOn();
    }
    const rest = readFrames(bytes, this.#frame);
    this.#rest = Buffer.from(rest);
    lookAtGoal();
  }

  #goOn() {
    for (let step = this.#plan[this.#step]; step !== undefined && !step.waits; ) {
      this.#socket.write(clientFrame(OPCODE.text, step.bytes));
      step = this.#plan[++this.#step];
    }
    if (this.ready || this.#step < this.#plan.length) return;
    this.ready = true;
    this.#onSettled(true);
  }

  /** @type {Parameters<typeof readFrames>[1]} */
  #frame = (opcode, bytes, start, end) => {
    if (opcode === OPCODE.text) this.#text(bytes, start, end);
    else if (opcode === OPCODE.ping) this.#socket.write(clientFrame(OPCODE.pong, bytes.subarray(start, end)));
    else if (opcode === OPCODE.close) this.#socket.destroy();
  };

  /** @param {Buffer} bytes @param {number} start @param {number} end */
  #text(bytes, start, end) {
    if (!this.ready) {
      const step = this.#plan[this.#step];
      if (step === undefined || !bytes.subarray(start, end).includes(step.bytes)) return;
      this.#step++;
      this.#goOn();
      return;
    }
    const found = bytes.indexOf(NUMBER, start);
    if (found < 0 || found >= end) {
      if (end - start === 1 && bytes[start] === ENGINE_IO_PING)
        this.#socket.write(clientFrame(OPCODE.text, '3'));
      return;
    }
    const number = digits(bytes, found + NUMBER.length);
    figures.latency.add(this.#receivedAt - digits(bytes, found + NUMBER.length + String(number).length + AT));
    figures.events++;
    if (this.#next !== 0 && number > this.#next) figures.lost += number - this.#next;
    if (this.#next !== 0 && number < this.#next) figures.repeated++;
    else this.#next = number + 1;
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

/** @param {object} answer */
const say = answer => process.stdout.write(`${JSON.stringify(answer)}\n`);

function lookAtGoal() {
  if (goal === null || figures.events < goal.events) return;
  clearTimeout(goal.timer);
  goal = null;
  say({ reply: 'reach', done: true });
}

/** @param {number} port @param {number} atOnce @param {string} file */
function connectAll(port, atOnce, file) {
  const lines = readFileSync(file, 'latin1').split('\n').slice(0, -1);
  const begun = performance.now();
  let opened = 0;
  let settled = 0;
  let failed = 0;
  const openNext = () => {
    const line = lines[opened];
    if (line === undefined) return;
    clients.push(new Client({ port, index: opened++, line, onSettled }));
  };
  /** @param {boolean} good */
  const onSettled = good => {
    settled++;
    if (!good) failed++;
    if (settled < lines.length) openNext();
    else say({ reply: 'connect', ms: performance.now() - begun, ready: settled - failed, failed });
  };
  for (let i = 0; i < atOnce; i++) openNext();
}

function take() {
  const used = process.cpuUsage(cpu);
  const { latency, ...counts } = figures;
  const ms = performance.now() - takenAt;
  say({
    reply: 'take',
    ...counts,
    open: clients.filter(client => client.ready && !client.closed).length,
    ms,
    cpu: (used.user + used.system) / 1e6,
    p50: latency.at(0.5),
    p99: latency.at(0.99),
    p999: latency.at(0.999),
    max: latency.max,
  });
  figures = fresh();
  cpu = process.cpuUsage();
  takenAt = performance.now();
}

createInterface({ input: process.stdin })
  .on('line', line => {
    const [word = '', a, b, file = ''] = line.split(' ');
    switch (word) {
      case 'connect':
        return connectAll(Number(a), Number(b), file);
      case 'take':
        return take();
      case 'reach': {
        const timer = setTimeout(() => {
          goal = null;
          say({ reply: 'reach', done: false });
        }, Number(b));
        goal = { events: Number(a), timer };
        return lookAtGoal();
      }
      case 'deaf':
        for (const client of clients) client.deaf();
        return say({ reply: word });
      default:
        for (const client of clients) client.hangUp();
        return say({ reply: word });
    }
  })
  // Whoever started us is gone.
  .on('close', () => process.exit(0));
