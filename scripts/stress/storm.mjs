import { pause } from '../lib/load/clock.mjs';

const CLIENTS = 5000;
const LOG_EVENTS = 100_000;
const TOPICS = 1000;
const OWED = LOG_EVENTS / TOPICS;
const OTHERS = 100;
const OTHERS_PER_SECOND = 50;
const AT_ONCE = 400;

/**
 * 5,000 clients come back at once to a full log: each gets all that it missed, and the live events of others go on.
 *
 * @param {import('./rig.mjs').Context} context
 */
export async function storm({ rig, report, lasting }) {
  const server = await rig.server({ HISTORY_MAX_EVENTS: '200000', HISTORY_MAX_BYTES: '256MiB' });
  const publisher = await rig.publisher();
  const others = rig.clients();
  const crowd = rig.clients({ nice: 10 });
  const { cursor } = await others.connect({ port: server.port, count: OTHERS, tenant: 'others', next: 1 });

  const topics = Array.from({ length: TOPICS }, (_, index) => `topic.${index}`);
  const series = topics.map(topic => publisher.series({ tenant: 'crowd', topic }));
  for (let n = 0; n < OWED; n++) {
    for (const one of series) one.publish();
    await publisher.confirmed();
  }
  const appended = async () => (await server.stats()).warren_events_received_total.appended;
  while ((await appended()) < LOG_EVENTS && server.isAlive()) await pause(100);
  report.instrument.atLeast('events in the log', (await server.stats()).warren_history_events, LOG_EVENTS);

  const live = publisher.series({ tenant: 'others', send_to_tenant: true });
  await publisher.pace(OTHERS_PER_SECOND, lasting(15), live.publish);
  await pause(500);
  const quiet = await others.take();

  const stop = publisher.keepPacing(OTHERS_PER_SECOND, live.publish);
  const begun = performance.now();
  const came = await crowd.connect({
    port: server.port,
    count: CLIENTS,
    tenant: 'crowd',
    cursor,
    next: 1,
    subscribe: topics.map(topic => [topic]),
    atOnce: AT_ONCE,
  });
  const complete = await crowd.reach({ next: OWED + 1, timeoutMs: 120_000 });
  const seconds = (performance.now() - begun) / 1000;
  await stop();
  await others.reach({ next: live.published + 1, timeoutMs: 10_000 });
  const meanwhile = await others.take();
  const all = await crowd.take();
  const { fewestEvents } = await crowd.look();

  report.instrument.exactly('of 5,000, came back', CLIENTS - came.refused, CLIENTS);
  report.instrument.atLeast(
    'live events meanwhile, to each of the 100 others',
    meanwhile.events / OTHERS,
    OTHERS_PER_SECOND * Math.min(1, seconds) * 0.8,
  );
  report.exactly('told that they were resumed', all.began['resumed'] ?? 0, CLIENTS);
  report.exactly('replayed events, of 100 owed to each', all.events, CLIENTS * OWED);
  report.exactly('fewest that one got', complete ? fewestEvents : Math.min(fewestEvents, OWED - 1), OWED);
  report.exactly('events lost', all.lost + all.repeated + meanwhile.lost + quiet.lost, 0);
  report.info('until all were complete', seconds, 's');
  // Above, other work on the machine is what the bar would be held against.
  report.instrument.atMost('live p99 of the others, quiet', quiet.p99, 15, 'ms');
  report.atMost('live p99 of the others meanwhile', meanwhile.p99, 50, 'ms');
  report.info('longest', meanwhile.max, 'ms');
}
