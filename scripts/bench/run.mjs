/**
 * `npm run bench`: first figures of one server process on one core, through a real RabbitMQ: cost of an accepted
 * connection, memory of an idle one, cost and latency of a delivery. CPU is what the operating system charged the
 * server's process. `--runs N` (default 3): medians of so many. Prints a table; `--json FILE` writes the raw figures.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, versions } from 'node:process';
import { startNode } from '../lib/rabbitmq-node.mjs';
import { build, ensureDependencies } from '../lib/setup.mjs';

await ensureDependencies();
await build();
const { startClients } = await import('../lib/load/children.mjs');
const { openPublisher } = await import('../lib/load/publisher.mjs');
const { canPin, startServer } = await import('../lib/load/server.mjs');

/** @param {string} name @param {string} fallback */
const option = (name, fallback) => {
  const at = argv.indexOf(`--${name}`);
  return at < 0 ? fallback : (argv[at + 1] ?? fallback);
};
const RUNS = Number(option('runs', '3'));

const WAIT_MS = 120_000;

/** @param {string} url one run: all scenarios on a fresh server */
async function measure(url) {
  /** @type {Record<string, number>} */
  const figures = {};
  const server = await startServer({ amqpUrl: url, settings: { PING_INTERVAL_MS: '600000' } });
  const publisher = await openPublisher(url);
  // About 300 bytes an event.
  const events = publisher.series({ tenant: 'acme', send_to_tenant: true }, 300);
  const wishes = { port: server.port, tenant: 'acme', subscribe: [['deals.1']] };

  const idle = startClients();
  const rss = server.rss();
  let cpu = server.cpu();
  const IDLE = 5000;
  await idle.connect({ ...wishes, count: IDLE });
  figures['CPU per accepted, authenticated connection (µs)'] = ((server.cpu() - cpu) / IDLE) * 1e6;
  figures['RSS per idle connection (kB)'] = (server.rss() - rss) / IDLE / 1000;
  await idle.close();
  await idle.stop();

  const clients = startClients();
  const CLIENTS = 1000;
  await clients.connect({ ...wishes, count: CLIENTS });

  const BURST = 1000;
  await clients.take();
  const burst = clients.reach({ events: BURST * CLIENTS, timeoutMs: WAIT_MS });
  cpu = server.cpu();
  const begun = performance.now();
  for (let i = 0; i < BURST; i++) events.publish();
  if (!(await burst)) throw new Error('The burst did not arrive.');
  figures['burst, 1,000 clients: deliveries per second'] =
    (BURST * CLIENTS) / ((performance.now() - begun) / 1000);
  figures['burst: CPU per delivery (µs)'] = ((server.cpu() - cpu) / (BURST * CLIENTS)) * 1e6;
  figures['burst: client CPU share of the time'] = (await clients.take()).cpuShare;

  const PACED = 500;
  const paced = clients.reach({ events: PACED * CLIENTS, timeoutMs: WAIT_MS });
  cpu = server.cpu();
  await publisher.pace(100, PACED / 100, events.publish);
  if (!(await paced)) throw new Error('The paced events did not arrive.');
  figures['paced 100 events/s, 1,000 clients: CPU per delivery (µs)'] =
    ((server.cpu() - cpu) / (PACED * CLIENTS)) * 1e6;
  const { p50, p99 } = await clients.take();
  figures['paced: latency p50 (ms)'] = p50;
  figures['paced: latency p99 (ms)'] = p99;

  await clients.stop();
  await publisher.close();
  await server.stop();
  return figures;
}

const broker = await startNode({ folder: mkdtempSync(join(tmpdir(), 'warren-bench-')), temporary: true });
/** @type {Record<string, number>[]} */
const runs = [];
try {
  for (let run = 0; run < RUNS; run++) runs.push(await measure(broker.url));
} finally {
  await broker.stop();
}

/** @param {number[]} values */
const median = values => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
console.log(
  `\nNode ${versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, server on one core: ${canPin}; medians of ${RUNS}\n`,
);
for (const name of Object.keys(runs[0] ?? {})) {
  const values = runs.map(run => run[name] ?? Number.NaN);
  const spread = `${Math.min(...values).toFixed(1)}–${Math.max(...values).toFixed(1)}`;
  console.log(`${name.padEnd(60)} ${median(values).toFixed(1).padStart(12)}   (${spread})`);
}
const file = option('json', '');
if (file !== '') writeFileSync(file, JSON.stringify({ node: versions.node, runs }, null, 2));
