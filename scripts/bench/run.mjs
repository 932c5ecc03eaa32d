/**
 * `npm run bench`: first figures of one server process on one core, through a real RabbitMQ: cost of an accepted
 * connection, memory of an idle one, cost and latency of a delivery. CPU is what the operating system charged the
 * server's process. `--runs N` (default 3): medians of so many. Prints a table; `--json FILE` writes the raw figures.
 */
import { execFileSync, fork, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, env, execPath, versions } from 'node:process';
import { fileURLToPath } from 'node:url';
import { startNode } from '../lib/rabbitmq-node.mjs';
import { build, ensureDependencies } from '../lib/setup.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SECRET = 'a secret of the benchmark, long enough for HS256';
const TICKS_PER_SECOND = 100;
/** The payload's `data` brings an event to about 300 bytes. */
const FILLER = 'x'.repeat(180);

await ensureDependencies();
await build();
const require = createRequire(import.meta.url);
/** @type {typeof import('amqplib')} */
const amqp = require('amqplib');
/** @type {typeof import('jsonwebtoken')} */
const jwt = require('jsonwebtoken');

/** @param {string} name @param {string} fallback */
const option = (name, fallback) => {
  const at = argv.indexOf(`--${name}`);
  return at < 0 ? fallback : (argv[at + 1] ?? fallback);
};
const RUNS = Number(option('runs', '3'));

/** @param {number} pid seconds of CPU that the process has used */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** @param {number} pid bytes */
function rssOf(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

/** @param {string} amqpUrl */
async function startServer(amqpUrl) {
  const args = [join(ROOT, 'dist', 'main.js')];
  const pinned = canPin();
  const child = spawn(pinned ? 'taskset' : execPath, pinned ? ['-c', '0', execPath, ...args] : args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...env,
      NODE_ENV: 'test',
      AMQP_URL: amqpUrl,
      JWT_SECRET: SECRET,
      HOST: '127.0.0.1',
      PORT: '0',
      ADMIN_PORT: '0',
      MAX_UNAUTHENTICATED: '20000',
      DRAIN_MS: '0',
      LOG_LEVEL: 'info',
      PING_INTERVAL_MS: '600000',
      RESUME_OVERLAP_MS: '0',
    },
  });
  let output = '';
  /** @type {{ public: number, admin: number }} */
  const ports = await new Promise((resolve, reject) => {
    child.on('exit', code => reject(new Error(`the server ended with ${code}: ${output}`)));
    child.stdout?.on('data', chunk => {
      output += chunk;
      const line = output.split('\n').find(text => text.includes('"listening"'));
      if (line !== undefined) {
        const { public: open, admin } = JSON.parse(line);
        resolve({ public: open.port, admin: admin.port });
      }
    });
  });
  await until(async () => (await fetch(`http://127.0.0.1:${ports.admin}/readyz`)).ok);
  return { pid: child.pid ?? 0, port: ports.public, stop: () => child.kill('SIGTERM') };
}

function canPin() {
  try {
    execFileSync('taskset', ['-c', '0', 'true']);
    return cpus().length > 1;
  } catch {
    return false;
  }
}

/** @param {() => Promise<boolean>} condition */
async function until(condition) {
  while (!(await condition())) await new Promise(resolve => setTimeout(resolve, 50));
}

function startClients() {
  const child = fork(fileURLToPath(new URL('load-client.mjs', import.meta.url)));
  /** @type {((answer: any) => void)[]} */
  const waiting = [];
  child.on('message', answer => waiting.shift()?.(answer));
  const answer = () => new Promise(resolve => void waiting.push(resolve));
  return {
    /** @param {import('./load-client.mjs').Command} command */
    async ask(command) {
      child.send(command);
      const result = await answer();
      if (result.error) throw new Error(result.error);
      return result;
    },
    /** @param {number} events returns once it listens; the promise inside resolves with the figures */
    async expect(events) {
      child.send({ kind: 'expect', events });
      await answer();
      return { figures: answer() };
    },
    stop: () => child.kill(),
  };
}

/** @param {string} user @param {string} tenant */
const token = (user, tenant) => jwt.sign({ sub: user, tenant, topics: ['#'] }, SECRET, { expiresIn: 3600 });

/** @param {string} url */
async function openPublisher(url) {
  const connection = await amqp.connect(url, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  let number = 0;
  const run = Date.now();
  return {
    /** @param {object} audience */
    publish(audience) {
      const id = `${run}-${number++}`;
      channel.publish('push.events', '', Buffer.from(JSON.stringify({ id, ...audience, data: { sentAt: Date.now(), filler: FILLER } })));
    },
    confirmed: () => channel.waitForConfirms(),
    close: () => connection.close(),
  };
}

/** @param {string} url one run: all scenarios on a fresh server */
async function measure(url) {
  /** @type {Record<string, number>} */
  const figures = {};
  const server = await startServer(url);
  const publisher = await openPublisher(url);
  const tokens = Array.from({ length: 5000 }, (_, index) => token(String(index), 'acme'));

  const idle = startClients();
  const rss = rssOf(server.pid);
  let cpu = cpuOf(server.pid);
  const IDLE = 5000;
  await idle.ask({ kind: 'connect', port: server.port, count: IDLE, tokens, subscribe: [['deals.1']] });
  figures['CPU per accepted, authenticated connection (µs)'] = ((cpuOf(server.pid) - cpu) / IDLE) * 1e6;
  figures['RSS per idle connection (kB)'] = (rssOf(server.pid) - rss) / IDLE / 1000;
  await idle.ask({ kind: 'close' });
  idle.stop();

  const clients = startClients();
  const CLIENTS = 1000;
  await clients.ask({ kind: 'connect', port: server.port, count: CLIENTS, tokens, subscribe: [['deals.1']] });

  const BURST = 1000;
  const burst = await clients.expect(BURST * CLIENTS);
  cpu = cpuOf(server.pid);
  let begun = performance.now();
  for (let i = 0; i < BURST; i++) publisher.publish({ tenant: 'acme', send_to_tenant: true });
  let got = await burst.figures;
  figures['burst, 1,000 clients: deliveries per second'] = got.events / ((performance.now() - begun) / 1000);
  figures['burst: CPU per delivery (µs)'] = ((cpuOf(server.pid) - cpu) / got.events) * 1e6;
  figures['burst: client CPU share of the time'] = got.clientCpuMs / (performance.now() - begun);

  const PACED = 500;
  const paced = await clients.expect(PACED * CLIENTS);
  cpu = cpuOf(server.pid);
  begun = performance.now();
  for (let i = 0; i < PACED; i++) {
    publisher.publish({ tenant: 'acme', send_to_tenant: true });
    const wait = begun + (i + 1) * 10 - performance.now();
    if (wait > 0) await new Promise(resolve => setTimeout(resolve, wait));
  }
  got = await paced.figures;
  figures['paced 100 events/s, 1,000 clients: CPU per delivery (µs)'] = ((cpuOf(server.pid) - cpu) / got.events) * 1e6;
  figures['paced: latency p50 (ms)'] = got.p50;
  figures['paced: latency p99 (ms)'] = got.p99;

  clients.stop();
  await publisher.confirmed();
  await publisher.close();
  server.stop();
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
console.log(`\nNode ${versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, server on one core: ${canPin()}; medians of ${RUNS}\n`);
for (const name of Object.keys(runs[0] ?? {})) {
  const values = runs.map(run => run[name] ?? Number.NaN);
  const spread = `${Math.min(...values).toFixed(1)}–${Math.max(...values).toFixed(1)}`;
  console.log(`${name.padEnd(60)} ${median(values).toFixed(1).padStart(12)}   (${spread})`);
}
const file = option('json', '');
if (file !== '') writeFileSync(file, JSON.stringify({ node: versions.node, runs }, null, 2));
