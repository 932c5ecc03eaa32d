import { pause } from '../../lib/load/clock.mjs';
import { connectAll } from '../stage.mjs';
import { forEach } from './scenario.mjs';

const CROWD = { clients: 10_000, perSecond: 5 };
const SINGLE_PER_SECOND = 50;
const SECONDS = 15;
const WARM_UP_SECONDS = 2;
const SILENT = { clients: 300, perSecond: 1000, bytes: 1000, seconds: 8 };
const SAMPLE_MS = 100;
const TIMEOUT_MS = 60_000;
const MB = 1e6;

/** @type {import('./scenario.mjs').Variant['measure']} */
const bystander = async (stage, peer) => {
  const running = await stage.start(peer);
  // They share a core with the one who is measured, and stand back there.
  const crowd = stage.load({ nice: 15 });
  const single = stage.load();
  const clients = stage.scale(CROWD.clients);
  await connectAll(crowd, running, clients, index => ({ tenant: 'crowd', user: `u${index}`, topic: null }));
  await connectAll(single, running, 1, () => ({ tenant: 'single', user: 'u', topic: 'mine' }));
  const publisher = await stage.publisher(running);
  const broadcast = publisher.series({ tenant: 'crowd', send_to_tenant: true });
  const personal = publisher.series({ tenant: 'single', topic: 'mine' });
  /** @param {number} seconds */
  const both = seconds =>
    Promise.all([
      publisher.pace(SINGLE_PER_SECOND, seconds, personal.publish),
      publisher.pace(CROWD.perSecond, seconds, broadcast.publish),
    ]);

  await both(WARM_UP_SECONDS);
  await pause(500);
  await single.take();
  await publisher.pace(SINGLE_PER_SECOND, SECONDS, personal.publish);
  await pause(500);
  const quiet = await single.take();
  const watching = stage.watch(running);
  const cpu = running.cpu();
  const begun = performance.now();
  await crowd.take();
  await both(SECONDS);
  const server = (running.cpu() - cpu) / ((performance.now() - begun) / 1000);
  await watching.stop();
  await pause(1000);
  const loaded = await single.take();
  const all = await crowd.take();
  if (all.events < CROWD.perSecond * SECONDS * clients) throw new Error('The crowd did not get everything.');
  return { quiet: quiet.p99, p50: loaded.p50, p99: loaded.p99, max: loaded.max, crowd: all.p99, server };
};

/**
 * Compared with the same publishing without them: the log's growth isn't theirs. A small log, full before.
 *
 * @type {import('./scenario.mjs').Variant['measure']}
 */
const silent = async (stage, peer) => {
  const running = await stage.start(peer, { settings: { HISTORY_MAX_BYTES: '4MiB' } });
  const reader = stage.load();
  const deaf = stage.load();
  await connectAll(reader, running, 1, () => ({ tenant: 'silent', user: 'reader', topic: null }));
  const publisher = await stage.publisher(running);
  const { publish } = publisher.series({ tenant: 'silent', send_to_tenant: true }, SILENT.bytes);
  const events = stage.scale(SILENT.perSecond * SILENT.seconds);
  const flood = async () => {
    await reader.take();
    let peak = running.rss();
    const sampling = setInterval(() => {
      peak = Math.max(peak, running.rss());
    }, SAMPLE_MS);
    const there = reader.reach(events, TIMEOUT_MS);
    await publisher.pace(SILENT.perSecond, events / SILENT.perSecond, publish);
    const inTime = await there;
    clearInterval(sampling);
    if (!inTime) throw new Error(`${running.name}: the one who reads did not get everything`);
    return peak;
  };
  const alone = await flood();
  await connectAll(deaf, running, stage.scale(SILENT.clients), index => ({
    tenant: 'silent',
    user: `deaf${index}`,
    topic: null,
  }));
  await deaf.deaf();
  const cpu = running.cpu();
  const peak = await flood();
  const { p99 } = await reader.take();
  return { extra: (peak - alone) / MB, p99, cpuSeconds: running.cpu() - cpu };
};

/** @type {import('./scenario.mjs').Scenario} */
export const i = {
  id: 'i',
  title: "One tenant broadcasts to 10,000 clients 5 times a second: another's single client",
  figures: ['quiet', 'p50', 'p99', 'max', 'crowd', 'server'],
  variants: forEach(['warren'], bystander),
};

/** @type {import('./scenario.mjs').Scenario} */
export const j = {
  id: 'j',
  title: '300 clients that do not read, 1,000 events/s of 1 kB to each and to one who reads',
  figures: ['extra', 'p99', 'cpuSeconds'],
  variants: forEach(['warren', 'plain-loop'], silent),
};
