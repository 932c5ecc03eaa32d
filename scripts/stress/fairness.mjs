import { pause } from '../lib/load/clock.mjs';

const CROWD = 8000;
const BROADCASTS_PER_SECOND = 5;
const SINGLE_PER_SECOND = 50;

/**
 * A tenant that broadcasts to 8,000 sockets doesn't hold up another tenant's single client.
 *
 * @param {import('./rig.mjs').Context} context
 */
export async function fairness({ rig, report, lasting }) {
  const server = await rig.server();
  const publisher = await rig.publisher();
  // The crowd shares a core with the one who is measured, and stands back there: the server's order counts, not ours.
  const crowd = rig.clients({ nice: 15 });
  const single = rig.clients();
  const broadcast = publisher.series({ tenant: 'crowd', send_to_tenant: true });
  const personal = publisher.series({ tenant: 'single', user: 'u0' });
  await crowd.connect({ port: server.port, count: CROWD, tenant: 'crowd', next: 1 });
  await single.connect({ port: server.port, count: 1, tenant: 'single', next: 1 });

  await single.take();
  await publisher.pace(SINGLE_PER_SECOND, lasting(20), personal.publish);
  await pause(500);
  const quiet = await single.take();
  const cpu = server.cpu();
  const begun = performance.now();
  await crowd.take();
  await Promise.all([
    publisher.pace(SINGLE_PER_SECOND, lasting(30), personal.publish),
    publisher.pace(BROADCASTS_PER_SECOND, lasting(30), broadcast.publish),
  ]);
  const share = (server.cpu() - cpu) / ((performance.now() - begun) / 1000);
  await crowd.reach({ next: broadcast.published + 1, timeoutMs: 20_000 });
  const loaded = await single.take();
  const all = await crowd.take();

  report.instrument.exactly('deliveries to the crowd', all.events, broadcast.published * CROWD);
  // Below, the single client's events would seldom meet a broadcast.
  report.instrument.atLeast('share of a core that the server used meanwhile', share, 0.1);
  report.info('p50 of the single client, quiet', quiet.p50, 'ms');
  // Above, other work on the machine is what the bar would be held against.
  report.instrument.atMost('p99 of the single client, quiet', quiet.p99, 5, 'ms');
  report.info('p50 of the single client during broadcasts', loaded.p50, 'ms');
  report.atMost('p99 of the single client during broadcasts', loaded.p99, 10, 'ms');
  report.info('longest', loaded.max, 'ms');
  report.info('p99 of the crowd', all.p99, 'ms');
  report.exactly('events lost', quiet.lost + loaded.lost + all.lost, 0);
  report.exactly(
    'events not received by the single client',
    personal.published - quiet.events - loaded.events,
    0,
  );
}
