import { pause, until } from '../lib/load/clock.mjs';
import { kernelSockets } from '../lib/load/kernel.mjs';
import { MB } from './rig.mjs';

const BYSTANDERS = 500;
const PER_SECOND = 20;
const TIMES_QUIET = 3;
const QUIET_SECONDS = 6;
const NON_READERS = 300;
const FLOOD_PER_SECOND = 300;
const NOT_READING = '300 clients that do not read';
/** What it may have grown by: code that was compiled on the way, buffers of the peak that V8 keeps. */
const MARGIN_MB = 30;

/**
 * @typedef {object} Attack
 * @property {string} name
 * @property {import('./attacker.mjs').Attack['kind']} kind
 * @property {number} seconds
 * @property {readonly [what: string, figure: string, least: number][]} bites what it must have done, per run
 */

/** @type {Attack[]} */
const ATTACKS = [
  {
    name: '1,000 silent sockets',
    kind: 'silent',
    seconds: 13,
    bites: [
      ['opened', 'opened', 1000],
      ['ended by the server', 'endedByServer', 1000],
    ],
  },
  {
    name: 'slow headers',
    kind: 'slowloris',
    seconds: 18,
    bites: [
      ['opened', 'opened', 500],
      ['ended by the server', 'endedByServer', 500],
    ],
  },
  {
    name: 'bad tokens, 200/s',
    kind: 'badTokens',
    seconds: 10,
    bites: [
      ['tried', 'tried', 1800],
      ['refused', 'endedByServer', 1800],
    ],
  },
  { name: 'ping flood, not reading', kind: 'pingFlood', seconds: 10, bites: [['pings', 'frames', 5000]] },
  {
    name: 'fragments without end',
    kind: 'fragments',
    seconds: 10,
    bites: [
      ['connections', 'opened', 100],
      ['ended by the server', 'endedByServer', 100],
    ],
  },
  { name: 'reconnects, 50/s', kind: 'reconnects', seconds: 10, bites: [['connected', 'connected', 400]] },
  {
    name: 'message flood',
    kind: 'messageFlood',
    seconds: 10,
    bites: [
      ['messages', 'frames', 5000],
      ['ended by the server', 'endedByServer', 50],
    ],
  },
  {
    name: 'garbage frames',
    kind: 'garbage',
    seconds: 10,
    bites: [
      ['tried', 'tried', 900],
      ['ended by the server', 'endedByServer', 850],
    ],
  },
];

/**
 * 500 clients that only listen notice nothing of attacks on the same pod, and its memory comes back afterwards.
 *
 * @param {import('./rig.mjs').Context} context
 */
export async function bystanders(context) {
  const { rig, report, only } = context;
  const server = await rig.server({ MAX_UNAUTHENTICATED: '1000', HISTORY_MAX_BYTES: '4MiB' }, true);
  const publisher = await rig.publisher();
  const crowd = rig.clients();
  await crowd.connect({ port: server.port, count: BYSTANDERS, tenant: 'bystanders', next: 1 });
  const events = publisher.series({ tenant: 'bystanders', send_to_tenant: true });
  const attackers = rig.attackers();

  /** Publishes while something goes on. @template T @param {Promise<T>} meanwhile */
  const during = async meanwhile => {
    await crowd.take();
    const stop = publisher.keepPacing(PER_SECOND, events.publish);
    try {
      const did = await meanwhile;
      await stop();
      await pause(300);
      return { did, seen: await crowd.take() };
    } finally {
      await stop();
    }
  };
  // Twice, as everything is compiled at the first meeting.
  await during(pause(QUIET_SECONDS * 1000));
  await server.heap();
  const before = { rss: server.rss(), kernel: kernelSockets().bytes };
  let lost = 0;

  /** @template T @param {string} name @param {() => Promise<T>} attack @returns {Promise<T>} */
  const endure = async (name, attack) => {
    const quiet = (await during(pause(QUIET_SECONDS * 1000))).seen;
    const used = server.cpu();
    const begun = performance.now();
    const { did, seen } = await during(attack());
    const cpu = (server.cpu() - used) / ((performance.now() - begun) / 1000);
    lost += quiet.lost + seen.lost;
    report.info(`${name}: p99 quiet, just before`, quiet.p99, 'ms');
    report.atMost(`${name}: p99 meanwhile`, seen.p99, TIMES_QUIET * quiet.p99, 'ms');
    report.info(`${name}: longest (quiet: ${quiet.max.toFixed(1)})`, seen.max, 'ms');
    // Flooding costs our side too: what the listeners wait for their own turn isn't the server's.
    report.info(`${name}: p99 of the listeners' own delay`, seen.loopDelayP99, 'ms');
    report.info(`${name}: share of a core that the server used`, cpu, '');
    await until(async () => (await server.stats()).connections <= BYSTANDERS, 15_000);
    report.info(`${name}: memory of the process afterwards`, server.rss() / MB, 'MB');
    return did;
  };

  for (const { name, kind, seconds, bites } of ATTACKS.filter(({ name }) => name.includes(only))) {
    const did = await endure(name, () => attackers.run({ kind, port: server.port, seconds }));
    for (const [what, key, least] of bites)
      report.instrument.atLeast(`${name}: ${what}`, did[key] ?? 0, least);
  }
  if (NOT_READING.includes(only)) {
    await endure(NOT_READING, async () => {
      const silent = rig.clients({ nice: 5 });
      await silent.connect({ port: server.port, count: NON_READERS, tenant: 'silent', reading: false });
      const { bytesRead } = await silent.look();
      const flood = publisher.series({ tenant: 'silent', send_to_tenant: true }, 1000);
      await publisher.pace(FLOOD_PER_SECOND, 10, flood.publish);
      report.instrument.exactly(
        `${NOT_READING}: bytes that they read`,
        (await silent.look()).bytesRead - bytesRead,
        0,
      );
      await silent.stop();
    });
  }

  const complete = await crowd.reach({ next: events.published + 1, timeoutMs: 10_000 });
  const { open, resynced, least } = await crowd.look();
  report.exactly('events that a bystander lost', lost + (complete ? 0 : events.published + 1 - least), 0);
  report.exactly('bystanders closed', BYSTANDERS - open, 0);
  report.exactly('bystanders told to resync', resynced, 0);
  await pause(10_000);
  // Garbage would be counted as memory: V8 gives back what it needs no more only when it collects.
  await server.heap();
  report.exactly(
    'connections but the bystanders, afterwards',
    (await server.stats()).connections - BYSTANDERS,
    0,
  );
  report.atMost('memory of the process afterwards, rise', (server.rss() - before.rss) / MB, MARGIN_MB, 'MB');
  report.atMost(
    'socket memory of the kernel afterwards, rise',
    (kernelSockets().bytes - before.kernel) / MB,
    5,
    'MB',
  );
}
