/**
 * Many WebSocket clients in one process, cheap enough not to be what is measured. Run as a child process by
 * `startClients`; obeys commands and answers each.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { mintToken } from '../mint.mjs';
import { pause, until } from './clock.mjs';
import { Peer, Tally } from './peer.mjs';
import { SECRET } from './secret.mjs';

/**
 * @typedef {object} ConnectWishes
 * @property {number} port
 * @property {number} count
 * @property {string} tenant
 * @property {string} [user] prefix of the users' names (default `u`); the rest is a number
 * @property {string[][]} [subscribe] the topics of the first, the second … client, from the start again after the last
 * @property {string} [cursor] to resume from
 * @property {number} [next] number that the first event of each must have
 * @property {boolean} [reading] false: reads nothing once it is connected
 * @property {boolean} [comesBack] when the server ends it, it resumes
 * @property {boolean} [trackCursor] keeps the newest cursor
 * @property {number} [atOnce] connects under way at a time: more than the listen backlog of 511 means lost SYNs
 */

/**
 * @typedef {{ kind: 'connect', wishes: ConnectWishes }
 *   | { kind: 'take' }
 *   | { kind: 'reach', events?: number, next?: number, timeoutMs: number }
 *   | { kind: 'look' }
 *   | { kind: 'stir', cuts: number, stops: number }
 *   | { kind: 'close' }} Command
 */

const CONNECTS_AT_ONCE = 100;
/** A peer that stopped reading starts again after this at most. */
const SLOW_MS = 8000;
const BACK_MS = 2000;

/** @type {Peer[]} */
let peers = [];
let tally = new Tally();
/** Since the first connect. */
let opened = 0;
let cpu = process.cpuUsage();
let takenAt = performance.now();
const delay = monitorEventLoopDelay({ resolution: 2 });
delay.enable();
/** @type {() => void} */
let onEvents = () => {};
let ending = false;

/** @param {ConnectWishes} wishes @param {number} index @param {Pick<Peer, 'cursor' | 'next'>} from */
function open(wishes, index, from) {
  const { tenant, user = 'u', subscribe = [] } = wishes;
  const peer = new Peer({
    port: wishes.port,
    index: opened++,
    token: mintToken(SECRET, { user: `${user}${index}`, tenant, topics: ['#'], seconds: 36_000 }, {}),
    subscribe: subscribe[index % subscribe.length] ?? [],
    cursor: from.cursor,
    next: from.next,
    trackCursor: wishes.trackCursor === true,
    tally: () => tally,
    onEvents: () => onEvents(),
    onClosed: () => {
      if (wishes.comesBack) comeBack();
    },
  });
  const comeBack = () => {
    peers = peers.filter(other => other !== peer);
    setTimeout(() => {
      if (!ending) peers.push(open(wishes, index, peer).peer);
    }, Math.random() * BACK_MS);
  };
  byPeer.set(peer, comeBack);
  const connected = peer.connected();
  connected.catch(() => {}); // Counted in the tally; who waits for it hears of it besides.
  return { peer, connected };
}

/** @type {WeakMap<Peer, () => void>} */
const byPeer = new WeakMap();

/** @param {ConnectWishes} wishes */
async function connectAll(wishes) {
  const begun = performance.now();
  const from = { cursor: wishes.cursor ?? null, next: wishes.next ?? null };
  let index = 0;
  let refused = 0;
  const worker = async () => {
    while (index < wishes.count) {
      const { peer, connected } = open(wishes, index++, from);
      peers.push(peer);
      try {
        await connected;
        if (wishes.reading === false) peer.stopReading();
      } catch {
        refused++;
      }
    }
  };
  await Promise.all(Array.from({ length: wishes.atOnce ?? CONNECTS_AT_ONCE }, worker));
  return { ms: performance.now() - begun, refused, cursor: peers.at(-1)?.cursor ?? '' };
}

/** Figures since the last time, and a new beginning. */
function take() {
  const used = process.cpuUsage(cpu);
  const ms = performance.now() - takenAt;
  const { latency, ...counts } = tally;
  const figures = {
    ...counts,
    ms,
    cpuShare: (used.user + used.system) / 1000 / ms,
    loopDelayP99: delay.percentile(99) / 1e6,
    p50: latency.at(0.5),
    p99: latency.at(0.99),
    p999: latency.at(0.999),
    max: latency.max,
  };
  tally = new Tally();
  cpu = process.cpuUsage();
  takenAt = performance.now();
  delay.reset();
  return figures;
}

/** @param {{ events?: number, next?: number, timeoutMs: number }} goal */
async function reach({ events, next, timeoutMs }) {
  const isThere = () =>
    (events === undefined || tally.events >= events) &&
    (next === undefined || peers.every(peer => peer.closed || (peer.next ?? 0) >= next));
  if (events !== undefined && next === undefined) {
    // Exact to the chunk: the time until then is a figure of the benchmark.
    await new Promise(resolve => {
      const timer = setTimeout(resolve, timeoutMs);
      onEvents = () => {
        if (!isThere()) return;
        clearTimeout(timer);
        resolve(undefined);
      };
      onEvents();
    });
    onEvents = () => {};
  } else {
    await until(isThere, timeoutMs);
  }
  return isThere();
}

function look() {
  return {
    open: peers.filter(peer => !peer.closed).length,
    bytesRead: peers.reduce((sum, peer) => sum + peer.bytesRead, 0),
    resynced: peers.filter(peer => peer.resyncs > 0).length,
    least: peers.reduce((least, peer) => Math.min(least, peer.next ?? 0), Infinity),
    fewestEvents: peers.reduce((least, peer) => Math.min(least, peer.events), Infinity),
  };
}

/** Cuts some, who come back with their cursors, and lets others stop reading for a while. @param {number} cuts @param {number} stops */
function stir(cuts, stops) {
  for (let i = 0; i < cuts; i++) {
    const peer = anyOpen();
    peer?.cut();
    if (peer !== undefined) byPeer.get(peer)?.();
  }
  for (let i = 0; i < stops; i++) {
    const peer = anyOpen();
    peer?.stopReading();
    setTimeout(() => peer?.read(), Math.random() * SLOW_MS);
  }
}

function anyOpen() {
  const open = peers.filter(peer => !peer.closed);
  return open[Math.floor(Math.random() * open.length)];
}

async function close() {
  ending = true;
  for (const peer of peers) peer.cut();
  peers = [];
  await pause(0);
  ending = false;
}

/** @param {Command} command */
async function obey(command) {
  switch (command.kind) {
    case 'connect':
      return connectAll(command.wishes);
    case 'take':
      return take();
    case 'reach':
      return reach(command);
    case 'look':
      return look();
    case 'stir':
      return stir(command.cuts, command.stops);
    case 'close':
      return close();
  }
}

/** @typedef {Awaited<ReturnType<typeof connectAll>>} Connected */
/** @typedef {ReturnType<typeof take>} Figures */
/** @typedef {ReturnType<typeof look>} Look */

process.on('message', (/** @type {{ id: number, command: Command }} */ { id, command }) => {
  obey(command).then(
    answer => process.send?.({ id, answer }),
    error => process.send?.({ id, error: String(error) }),
  );
});
// Whoever started us is gone.
process.on('disconnect', () => process.exit(0));
