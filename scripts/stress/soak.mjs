import { pause, until } from '../lib/load/clock.mjs';
import { trend } from '../lib/load/trend.mjs';
import { MB } from './rig.mjs';

const TENANTS = 5;
const CLIENTS_PER_TENANT = 80;
const SAMPLE_MS = 5000;
const BACKLOG_EVERY = 12;
/** A short run has at least three. */
const RESTARTS_AT_LEAST = 3;
/** Many times its longest wait between tries. */
const ATTACH_TIMEOUT_MS = 60_000;
const RESTART_EVERY_MS = 5 * 60_000;
/** Less than this in half the run is no trend, whatever the scatter. */
const LEAST_RISE_MB = 3;

/**
 * Random load for as long as wanted: connects, cuts, resumes, slow readers, bursts. Memory doesn't trend upwards, and no
 * client misses an event without being told.
 *
 * @param {import('./rig.mjs').Context} context
 */
export async function soak({ rig, report, minutes, restarts }) {
  const server = await rig.server({
    HISTORY_MAX_BYTES: '8MiB', // Full within seconds.
    PING_INTERVAL_MS: '5000',
    PONG_TIMEOUT_MS: '5000',
    FEED_RECONNECT_DEADLINE_MS: '-1',
  });
  let publisher = await rig.publisher();
  const tenants = Array.from({ length: TENANTS }, (_, index) => `tenant${index}`);
  const groups = await Promise.all(
    tenants.map(async tenant => {
      const clients = rig.clients();
      const wishes = { port: server.port, tenant, next: 1, trackCursor: true, comesBack: true };
      await clients.connect({ ...wishes, count: CLIENTS_PER_TENANT });
      return clients;
    }),
  );
  const open = () => tenants.map(tenant => publisher.series({ tenant, send_to_tenant: true }, 500));
  let series = open();
  const handlesAtStart = server.handles();

  /** @type {{ x: number, y: number }[]} hours, MB */
  const memory = [];
  let deepest = 0;
  let handles = 0;
  let restarted = 0;
  let stirred = 0;
  const begun = performance.now();
  const end = begun + minutes * 60_000;
  const restartEvery = Math.min(RESTART_EVERY_MS, (minutes * 60_000) / (RESTARTS_AT_LEAST + 1));
  let restartAt = begun + restartEvery;
  for (let samples = 0; performance.now() < end; samples++) {
    const sampleAt = performance.now() + SAMPLE_MS;
    while (performance.now() < sampleAt) {
      await publisher.pace(20 + Math.random() * 400, 1, () =>
        series[Math.floor(Math.random() ** 2 * TENANTS)]?.publish(),
      );
      for (const clients of groups) {
        const cuts = Math.floor(Math.random() * 4);
        stirred += cuts;
        await clients.stir(cuts, Math.floor(Math.random() * 2));
      }
    }
    memory.push({ x: (performance.now() - begun) / 3_600_000, y: server.rss() / MB });
    handles = Math.max(handles, server.handles());
    if (samples % BACKLOG_EVERY === 0) deepest = Math.max(deepest, await rig.backlog());
    if (restarts && performance.now() > restartAt) {
      restartAt += restartEvery;
      restarted++;
      await publisher.close();
      await rig.broker.restart();
      publisher = await rig.publisher();
      await reattached(server);
      series = continued(series, open());
    }
  }
  await pause(12_000); // Those who stopped reading read again, those who were cut are back.
  // Behind a resync only the next event tells a client where it is.
  for (const one of series) one.publish();
  await publisher.confirmed();
  const isLast = await Promise.all(
    groups.map((clients, index) =>
      clients.reach({ next: (series[index]?.published ?? 0) + 1, timeoutMs: 20_000 }),
    ),
  );
  const totals = { events: 0, lost: 0, repeated: 0, resyncs: 0, resumed: 0, open: 0 };
  for (const clients of groups) {
    const figures = await clients.take();
    totals.events += figures.events;
    totals.lost += figures.lost;
    totals.repeated += figures.repeated;
    totals.resyncs += figures.resyncs;
    totals.resumed += figures.began['resumed'] ?? 0;
    totals.open += (await clients.look()).open;
  }
  const half = memory.slice(memory.length >> 1);
  const { slope, scatter, rise } = trend(half);

  report.instrument.atLeast('connections that were cut and resumed', totals.resumed, stirred * 0.5);
  report.instrument.atLeast('samples of memory', memory.length, Math.min(12, minutes * 6));
  report.info('events received', totals.events);
  report.info('told to resync', totals.resyncs);
  report.info('broker restarts', restarted);
  report.exactly('events lost without being told', totals.lost, 0);
  report.exactly('events received twice', totals.repeated, 0);
  report.exactly('groups that did not get the last events', isLast.filter(reached => !reached).length, 0);
  report.exactly('clients that are back in the end', totals.open, TENANTS * CLIENTS_PER_TENANT);
  report.info('memory of the process in the end', memory.at(-1)?.y ?? 0, 'MB');
  report.info('slope over the second half', slope, 'MB/h');
  report.info('scatter around it', scatter, 'MB');
  report.atMost('memory, rise over the second half', rise, Math.max(LEAST_RISE_MB, 2 * scatter), 'MB');
  report.atMost('open files at the most', handles, handlesAtStart + 50);
  report.atMost('events that waited at the broker', deepest, 5000);
}

/** @param {import('../lib/load/server.mjs').Server} server */
async function reattached(server) {
  const isAttached = async () => !server.isAlive() || (await server.stats()).warren_feed_attached === 1;
  if (!(await until(isAttached, ATTACH_TIMEOUT_MS))) {
    throw new Error(
      `After a broker restart the server did not attach again within ${ATTACH_TIMEOUT_MS / 1000} s: ` +
        JSON.stringify((await server.stats()).feed),
    );
  }
}

/**
 * Goes on with the numbers that were reached.
 *
 * @param {import('../lib/load/publisher.mjs').Series[]} old
 * @param {import('../lib/load/publisher.mjs').Series[]} fresh
 */
function continued(old, fresh) {
  for (const [index, one] of fresh.entries()) one.continueAt(old[index]?.published ?? 0);
  return fresh;
}
