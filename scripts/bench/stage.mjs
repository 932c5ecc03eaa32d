import { readFileSync } from 'node:fs';
import { pause } from '../lib/load/clock.mjs';
import { openPublisher } from '../lib/load/publisher.mjs';
import { startLoad } from './load/index.mjs';

/** How long a server may take to serve who comes and goes, and to see that they are gone. */
const SERVED_MS = 60_000;
const GONE_MS = 2000;

/** @typedef {ReturnType<typeof openStage>} Stage */
/** @typedef {import('./peers/peer.mjs').Running} Running */
/** @typedef {import('./load/index.mjs').Load} Load */
/** @typedef {import('../lib/load/publisher.mjs').Publisher} Publisher */

/**
 * Everything that one measurement starts, so that it ends with it.
 *
 * @param {{ amqpUrl: string, quick: boolean, kind: import('./load/index.mjs').Kind | undefined, nodeArgs: readonly string[], watch: (running: Running) => { stop: () => Promise<void> } }} options
 * `watch`: called when what is measured begins, e.g. to profile it
 */
export function openStage({ amqpUrl, quick, kind, nodeArgs, watch }) {
  /** @type {(() => Promise<unknown>)[]} */
  const closing = [];
  return {
    amqpUrl,
    watch,
    /** So many, or a twentieth for a quick look at whether it works. @param {number} full */
    scale: full => (quick ? Math.max(1, Math.round(full / 20)) : full),
    /** @param {import('./peers/peer.mjs').Peer} peer @param {Partial<import('./peers/peer.mjs').StartOptions>} [options] */
    async start(peer, options = {}) {
      const running = await peer.start({ amqpUrl, nodeArgs, ...options });
      closing.push(() => running.stop());
      return running;
    },
    /** @param {{ nice?: number }} [options] */
    load(options = {}) {
      const load = startLoad({ kind, ...options });
      closing.push(() => load.stop());
      return load;
    },
    /** @param {Running} running */
    async publisher(running) {
      const publisher = await openPublisher(running.publishUrl);
      closing.push(() => publisher.close());
      return publisher;
    },
    async close() {
      for (const close of closing.splice(0).toReversed()) await close();
    },
  };
}

/**
 * @param {Load} load
 * @param {Running} running
 * @param {number} count
 * @param {(index: number) => import('./peers/peer.mjs').Wanted} wantedOf
 */
export async function connectAll(load, running, count, wantedOf) {
  const scripts = Array.from({ length: count }, (_, index) => running.client(wantedOf(index)));
  const cpu = running.cpu();
  const { failed, ms } = await load.connect(running.port, scripts);
  if (failed > 0) throw new Error(`${running.name} refused ${failed} of ${count} clients`);
  return { ms, cpu: running.cpu() - cpu };
}

/**
 * Clients that come and go again before the ones that are measured: a storm meets a server that has been in service,
 * with its code compiled.
 *
 * @param {Stage} stage
 * @param {Running} running
 * @param {number} count
 * @param {(index: number) => import('./peers/peer.mjs').Wanted} wantedOf
 * @param {number} [events] that they wait for, in all
 */
export async function comeAndGo(stage, running, count, wantedOf, events = 0) {
  const load = stage.load();
  await connectAll(load, running, count, wantedOf);
  if (!(await load.reach(events, SERVED_MS))) throw new Error(`${running.name} did not serve those before`);
  await load.stop();
  await pause(GONE_MS);
}

/**
 * CPU of the server and what the clients saw, from the first publish until they have all.
 *
 * @param {Stage} stage
 * @param {Running} running
 * @param {Load} load
 * @param {{ deliveries: number, timeoutMs: number, publish: () => Promise<unknown> | void }} goal
 */
export async function measureDeliveries(stage, running, load, { deliveries, timeoutMs, publish }) {
  const watching = stage.watch(running);
  await load.take();
  const before = { cpu: running.cpu(), core: loadCore(), at: performance.now() };
  const reached = load.reach(deliveries, timeoutMs);
  await publish();
  const inTime = await reached;
  const seconds = (performance.now() - before.at) / 1000;
  const cpu = running.cpu() - before.cpu;
  const core = loadCore();
  const seen = await load.take();
  await watching.stop();
  if (!inTime) {
    throw new Error(`${running.name}: ${seen.events} of ${deliveries} deliveries in ${timeoutMs / 1000} s`);
  }
  if (seen.lost + seen.repeated + seen.closed > 0) {
    throw new Error(
      `${running.name}: ${seen.lost} lost, ${seen.repeated} repeated, ${seen.closed} clients closed`,
    );
  }
  return {
    cpu: (cpu / deliveries) * 1e6,
    rate: deliveries / seconds,
    p50: seen.p50,
    p99: seen.p99,
    p999: seen.p999,
    server: cpu / seconds,
    clients: seen.cpu / seconds,
    loadCore: (core.busy - before.core.busy) / (core.all - before.core.all),
  };
}

/** Of the second core, which broker, publisher and clients share: proc_stat(5), user nice system idle iowait … */
function loadCore() {
  const line = /^cpu1 (.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '';
  const ticks = line.trim().split(/\s+/).map(Number);
  const all = ticks.reduce((sum, one) => sum + one, 0);
  return { all, busy: all - (ticks[3] ?? 0) - (ticks[4] ?? 0) };
}
