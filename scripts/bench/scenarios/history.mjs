import { pause } from '../../lib/load/clock.mjs';
import { comeAndGo, connectAll } from '../stage.mjs';
import { DEEP_QUEUE, forEach, TENANT } from './scenario.mjs';

const COMING_BACK = 5000;
/** As many as in the accept storm: with 1,000, an eighth of the CPU went to compiling. */
const WARM_UP = 5000;
const TOPICS = 500;
const OWED = 20;
const BYTES = 300;
const TIMEOUT_MS = 60_000;
const LIVE = { clients: 10, perSecond: 100, seconds: 8 };
const INGEST = 100_000;
const INGEST_ROUND = 20_000;
/** More than the log holds: until old ones have gone for a while V8 hasn't compiled what makes them go. */
const INGEST_BEFORE = 160_000;
/** So that publishing isn't held up by confirms, nor the broker by its queue. */
const INGEST_PER_SECOND = 200_000;

/**
 * 5,000 clients come back at once. Each is owed 20 events of its topic, whatever else the log holds.
 *
 * @param {number} logSize
 * @param {number} earlier so many come and go first
 * @returns {import('./scenario.mjs').Variant['measure']}
 */
const resume = (logSize, earlier) => async (stage, peer) => {
  const running = await stage.start(peer, {
    settings: { ...DEEP_QUEUE, HISTORY_MAX_EVENTS: '200000', HISTORY_MAX_BYTES: '256MiB' },
  });
  const topics = stage.scale(TOPICS);
  const clients = stage.scale(COMING_BACK);
  const others = Math.max(0, stage.scale(logSize) / OWED - topics);
  const publisher = await stage.publisher(running);
  const first = stage.load();
  await connectAll(first, running, 1, () => ({ tenant: TENANT, user: 'first', topic: 'sentinel' }));
  const cursor = await cursorOf(running);

  const series = Array.from({ length: topics + others }, (_, index) =>
    publisher.series({ tenant: TENANT, topic: `t.${index}` }, BYTES),
  );
  for (let n = 0; n < OWED; n++) {
    for (const { publish } of series) publish();
    await publisher.confirmed();
  }
  await passed(first, publisher);
  await first.stop();

  /** @param {number} index */
  const wanted = index => ({ tenant: TENANT, user: `u${index}`, topic: `t.${index % topics}`, cursor });
  const warm = stage.scale(earlier);
  if (warm > 0) await comeAndGo(stage, running, warm, wanted, warm * OWED);

  const live = stage.load();
  await connectAll(live, running, LIVE.clients, index => ({
    tenant: 'others',
    user: `live${index}`,
    topic: null,
  }));
  const { publish } = publisher.series({ tenant: 'others', send_to_tenant: true }, BYTES);
  await publisher.pace(LIVE.perSecond, 2, publish);
  await live.take();
  await publisher.pace(LIVE.perSecond, LIVE.seconds, publish);
  await pause(200);
  const quiet = await live.take();

  // They share the core of those whose latency is measured, and stand back there.
  const crowd = stage.load({ nice: 10 });
  const stop = publisher.keepPacing(LIVE.perSecond, publish);
  const watching = stage.watch(running);
  await live.take();
  const before = { cpu: running.cpu(), at: performance.now() };
  const all = crowd.reach(clients * OWED, TIMEOUT_MS);
  await connectAll(crowd, running, clients, wanted);
  const inTime = await all;
  const seconds = (performance.now() - before.at) / 1000;
  const cpu = running.cpu() - before.cpu;
  const meanwhile = await live.take();
  await watching.stop();
  await stop();
  const seen = await crowd.take();
  if (!inTime) throw new Error(`${seen.events} of ${clients * OWED} events were replayed`);
  return {
    resume: (cpu / clients) * 1e6,
    seconds,
    quiet: quiet.p99,
    p99: meanwhile.p99,
    max: meanwhile.max,
    clients: seen.cpu / seconds,
  };
};

/**
 * A cursor of before it all, from a client that reads its `connected`.
 *
 * @param {import('../stage.mjs').Running} running
 */
async function cursorOf(running) {
  const { WebSocket } = await import('ws');
  const { path, steps } = running.client({ tenant: TENANT, user: 'cursor', topic: null });
  const [first] = steps;
  const socket = new WebSocket(`ws://127.0.0.1:${running.port}${path}`);
  try {
    /** @type {string} */
    const cursor = await new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', data => {
        const message = JSON.parse(Buffer.isBuffer(data) ? data.toString() : '');
        if (message.event === 'hello' && first !== undefined && 'send' in first) socket.send(first.send);
        else if (message.event === 'connected') resolve(message.cursor);
      });
    });
    return cursor;
  } finally {
    socket.terminate();
  }
}

/**
 * Publishes one more for the sentinel: when that is there, all before it have been taken in.
 *
 * @param {import('../stage.mjs').Load} load
 * @param {import('../stage.mjs').Publisher} publisher
 */
async function passed(load, publisher) {
  await load.take();
  const there = load.reach(1, TIMEOUT_MS);
  publisher.series({ tenant: TENANT, topic: 'sentinel' }).publish();
  if (!(await there)) throw new Error('The events were not taken in.');
}

/**
 * 100,000 events that concern nobody here.
 *
 * @param {number} earlier so many of the same come first
 * @returns {import('./scenario.mjs').Variant['measure']}
 */
const ingest = earlier => async (stage, peer) => {
  const running = await stage.start(peer, { settings: DEEP_QUEUE });
  const load = stage.load();
  await connectAll(load, running, 1, () => ({ tenant: TENANT, user: 'first', topic: 'sentinel' }));
  const publisher = await stage.publisher(running);
  const { publish } = publisher.series({ tenant: 'elsewhere', topic: 'nobody' }, BYTES);
  const events = stage.scale(INGEST);
  // Each round ends with an event that does concern somebody: the first of them makes V8 throw away code that it
  // compiled for a server without clients.
  for (let before = 0; before < earlier; before += INGEST_ROUND) {
    await publisher.pace(INGEST_PER_SECOND, stage.scale(INGEST_ROUND) / INGEST_PER_SECOND, publish);
    await passed(load, publisher);
  }
  const watching = stage.watch(running);
  const before = { cpu: running.cpu(), at: performance.now() };
  await publisher.pace(INGEST_PER_SECOND, events / INGEST_PER_SECOND, publish);
  await passed(load, publisher);
  const seconds = (performance.now() - before.at) / 1000;
  const cpu = running.cpu() - before.cpu;
  await watching.stop();
  return { ingest: (cpu / events) * 1e6, events: events / seconds, server: cpu / seconds };
};

/** @type {import('./scenario.mjs').Scenario} */
export const g = {
  id: 'g',
  title: 'Resume storm: 5,000 clients at once, each owed 20 events; live events to 10 others',
  figures: ['resume', 'seconds', 'quiet', 'p99', 'max', 'clients'],
  variants: [
    { key: 'log of 10,000', peer: 'warren', measure: resume(10_000, WARM_UP) },
    { key: 'log of 100,000', peer: 'warren', measure: resume(100_000, WARM_UP) },
    { key: 'log of 100,000, just started', peer: 'warren', measure: resume(100_000, 0) },
  ],
};

/** @type {import('./scenario.mjs').Scenario} */
export const h = {
  id: 'h',
  title: 'Ingest of 100,000 events that concern nobody here',
  figures: ['ingest', 'events', 'server'],
  variants: [
    ...forEach(['warren', 'bare', 'plain-loop'], ingest(INGEST_BEFORE)),
    { key: 'warren, just started', peer: 'warren', measure: ingest(0) },
  ],
};
