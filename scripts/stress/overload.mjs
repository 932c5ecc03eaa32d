import { pause } from '../lib/load/clock.mjs';

const CLIENTS = 500;
/** Holds a few seconds: without a brake the backlog would push them out of the log. */
const HISTORY = 5000;
const CALIBRATION = 4000;
const TIMES = 2;
const CATCH_UP_MS = 180_000;
const SMALL_QUEUE = 1000;

/**
 * More events than the pod can fan out: the broker holds what is too much, and everybody gets all, late. A queue that
 * overflows meanwhile is told to all.
 *
 * @param {import('./rig.mjs').Context} context
 */
export async function overload(context) {
  const capacity = await backlogAtBroker(context);
  await overflow(context, capacity);
}

/** @param {import('./rig.mjs').Context} context @returns {Promise<number>} events per second that the pod can fan out */
async function backlogAtBroker({ rig, report, lasting }) {
  const server = await rig.server({ HISTORY_MAX_EVENTS: String(HISTORY), AMQP_QUEUE_MAX_LENGTH: '1000000' });
  const publisher = await rig.publisher();
  // They share a core with the publisher, and stand back there, or it couldn't overload anybody.
  const clients = rig.clients({ nice: 10 });
  await clients.connect({ port: server.port, count: CLIENTS, tenant: 'acme', next: 1 });
  const events = publisher.series({ tenant: 'acme', send_to_tenant: true });
  const capacity = await fanOut(server, publisher, clients, events);

  let deepest = 0;
  const watching = { on: true };
  const watch = (async () => {
    while (watching.on) {
      deepest = Math.max(deepest, await rig.backlog());
      await pause(2000);
    }
  })();
  const cpu = server.cpu();
  const begun = performance.now();
  const rate = await publisher.pace(TIMES * capacity, lasting(30), events.publish);
  const meanwhile = await clients.take();
  const share = (server.cpu() - cpu) / ((performance.now() - begun) / 1000);
  watching.on = false;
  await watch;
  const whole = await clients.reach({ next: events.published + 1, timeoutMs: CATCH_UP_MS });
  const after = await clients.take();
  const stats = await server.stats();
  const fanned = meanwhile.events / CLIENTS / (meanwhile.ms / 1000);

  report.info('events per second that the pod fans out to 500 clients', capacity);
  report.instrument.atLeast('events per second published', rate, 0.95 * TIMES * capacity);
  report.instrument.atLeast('times as many as it fanned out meanwhile', rate / fanned, 1.5);
  // Below, somebody else was the bottleneck: the clients, the broker, or other work on the machine.
  report.instrument.atLeast('share of a core that the server used meanwhile', share, 0.7);
  report.info('share of a core that the clients used', meanwhile.cpuShare);
  report.atLeast('events that the broker held at the worst', deepest, HISTORY);
  report.exactly(
    'clients that got everything in the end',
    whole ? CLIENTS - missing(await clients.look()) : 0,
    CLIENTS,
  );
  report.exactly('events lost', meanwhile.lost + after.lost, 0);
  report.exactly('clients told to resync', meanwhile.resyncs + after.resyncs, 0);
  report.exactly('clients closed', CLIENTS - (await clients.look()).open, 0);
  report.exactly('events that the pod took in twice', stats.warren_events_received_total.duplicate, 0);
  report.info('p99 while behind', after.p99, 'ms');
  report.info('memory of the process in the end', server.rss() / 1e6, 'MB');
  await rig.clear();
  return capacity;
}

/** @param {import('./rig.mjs').Context} context @param {number} capacity */
async function overflow({ rig, report, lasting }, capacity) {
  const server = await rig.server({
    HISTORY_MAX_EVENTS: String(HISTORY),
    AMQP_QUEUE_MAX_LENGTH: String(SMALL_QUEUE),
    AMQP_PREFETCH: '200',
  });
  const publisher = await rig.publisher();
  const clients = rig.clients({ nice: 10 });
  await clients.connect({ port: server.port, count: CLIENTS, tenant: 'acme', next: 1 });
  const events = publisher.series({ tenant: 'acme', send_to_tenant: true });
  await publisher.pace(TIMES * capacity, lasting(15), events.publish);
  await publisher.confirmed();
  // What was dropped can't be waited for, and a queue that overflowed makes way for a new one: an event behind it all
  // can, once the pod has settled.
  while ((await server.stats()).warren_feed_attached !== 1 || (await rig.backlog()) > 0) await pause(200);
  events.publish();
  await publisher.confirmed();
  const reached = await clients.reach({ next: events.published + 1, timeoutMs: CATCH_UP_MS });
  const seen = await clients.take();
  const { open, resynced } = await clients.look();
  const { appended } = (await server.stats()).warren_events_received_total;

  report.instrument.atLeast('small queue: events that it dropped', events.published - appended, 1);
  report.exactly('small queue: clients told to resync', resynced, CLIENTS);
  report.exactly('small queue: events lost without being told', seen.lost, 0);
  report.exactly('small queue: clients that have the last event', reached ? open : 0, CLIENTS);
}

/**
 * How many events a second it can fan out: a burst, timed to its last delivery.
 *
 * @param {import('../lib/load/server.mjs').Server} server
 * @param {import('../lib/load/publisher.mjs').Publisher} publisher
 * @param {import('./rig.mjs').Clients} clients
 * @param {import('../lib/load/publisher.mjs').Series} events
 */
async function fanOut(server, publisher, clients, events) {
  let seconds = 1;
  // The first warms the code up.
  for (let round = 0; round < 2; round++) {
    await clients.take();
    const begun = performance.now();
    const reached = clients.reach({ events: CALIBRATION * CLIENTS, timeoutMs: 60_000 });
    for (let i = 0; i < CALIBRATION; i++) events.publish();
    await publisher.confirmed();
    if (!(await reached) || !server.isAlive()) throw new Error('The burst for calibration did not arrive.');
    seconds = (performance.now() - begun) / 1000;
  }
  await clients.take();
  return CALIBRATION / seconds;
}

/** @param {import('../lib/load/client.mjs').Look} look */
const missing = ({ open }) => CLIENTS - open;
