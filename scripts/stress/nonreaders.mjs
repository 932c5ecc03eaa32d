import { pause } from '../lib/load/clock.mjs';
import { kernelSockets, serverSockets } from '../lib/load/kernel.mjs';
import { MB } from './rig.mjs';

const NON_READERS = 300;
const OTHERS = 500;
const FLOOD_PER_SECOND = 1000;
const FLOOD_BYTES = 1000;
const OTHERS_PER_SECOND = 20;
/** p99 of one minute scatters by half on two shared cores. */
const UNCHANGED = 1.5;
const LEAST_MS = 5;

/**
 * Clients that don't read cost a bounded amount of memory, in the process and in the kernel, and nobody else notices.
 * Compared with the same publishing without them, so that neither the log nor the broker's work counts.
 *
 * @param {import('./rig.mjs').Context} context
 */
export async function nonreaders({ rig, report, lasting }) {
  // A small log that is full before the measurement: its growth isn't theirs.
  const server = await rig.server({ HISTORY_MAX_BYTES: '16MiB' });
  const publisher = await rig.publisher();
  const others = rig.clients();
  const silent = rig.clients({ nice: 5 });
  await others.connect({ port: server.port, count: OTHERS, tenant: 'others', next: 1 });
  const theirs = publisher.series({ tenant: 'others', send_to_tenant: true });
  const flood = publisher.series({ tenant: 'silent', send_to_tenant: true }, FLOOD_BYTES);
  /** @param {number} seconds */
  const publishBoth = async seconds => {
    const [, rate] = await Promise.all([
      publisher.pace(OTHERS_PER_SECOND, seconds, theirs.publish),
      publisher.pace(FLOOD_PER_SECOND, seconds, flood.publish),
    ]);
    return rate;
  };

  await publisher.pace(OTHERS_PER_SECOND, lasting(10), theirs.publish);
  await pause(500);
  const quiet = await others.take();
  await publishBoth(Math.max(20, lasting(25)));
  await pause(500);
  const alone = await others.take();

  const before = { rss: server.rss(), kernel: kernelSockets().bytes };
  await silent.connect({ port: server.port, count: NON_READERS, tenant: 'silent', reading: false });
  const { bytesRead } = await silent.look();
  const peak = { rss: 0, kernel: 0, own: 0, orphans: 0 };
  const sampling = setInterval(() => {
    const { bytes, orphans } = kernelSockets();
    peak.rss = Math.max(peak.rss, server.rss());
    peak.kernel = Math.max(peak.kernel, bytes);
    peak.orphans = Math.max(peak.orphans, orphans);
    peak.own = Math.max(peak.own, serverSockets(server.port));
  }, 1000);
  const rate = await publishBoth(lasting(60));
  clearInterval(sampling);
  await pause(500);
  const loaded = await others.take();
  const { connections } = await server.stats();

  report.instrument.atLeast('events per second for those who do not read', rate, 0.95 * FLOOD_PER_SECOND);
  report.instrument.exactly('bytes that they read', (await silent.look()).bytesRead - bytesRead, 0);
  report.info('of the 300, still connected at the end', connections - OTHERS);
  report.atMost('memory of the process, rise', (peak.rss - before.rss) / MB, 30, 'MB');
  report.atMost(
    'socket memory of the kernel (both ends), rise',
    (peak.kernel - before.kernel) / MB,
    80,
    'MB',
  );
  report.info("socket memory of the server's ends, peak", peak.own / MB, 'MB');
  report.info('sockets that outlived their process end, peak', peak.orphans);
  report.info('p99 of the 500 others, quiet', quiet.p99, 'ms');
  report.info('p99 of the others, the same publishing alone', alone.p99, 'ms');
  report.atMost('p99 of the others meanwhile', loaded.p99, Math.max(LEAST_MS, UNCHANGED * alone.p99), 'ms');
  report.exactly('events that the others lost', quiet.lost + alone.lost + loaded.lost, 0);
  report.exactly('of the others, events not received', theirs.published + 1 - (await others.look()).least, 0);
  report.exactly('others closed', OTHERS - (await others.look()).open, 0);
}
