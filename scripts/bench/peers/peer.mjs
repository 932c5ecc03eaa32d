import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { pause, until } from '../../lib/load/clock.mjs';
import { cpuOf, onFirstCore, rssOf } from '../../lib/load/process.mjs';

/**
 * What a client is and wants, whoever serves it.
 *
 * @typedef {object} Wanted
 * @property {string} tenant
 * @property {string} user
 * @property {string | null} topic to subscribe to; null: it gets what goes to the whole tenant
 * @property {string | null} [cursor] where to resume; only Warren knows what that is
 */

/**
 * A server that runs.
 *
 * @typedef {object} Running
 * @property {string} name
 * @property {number} pid of the process whose CPU and memory count
 * @property {number} port for WebSockets
 * @property {string} publishUrl the RabbitMQ to publish to
 * @property {() => number} cpu seconds that it has used
 * @property {() => number} rss bytes
 * @property {(wanted: Wanted) => import('../load/index.mjs').ClientScript} client
 * @property {() => Promise<void>} stop
 */

/**
 * @typedef {object} StartOptions
 * @property {string} amqpUrl the RabbitMQ that all share
 * @property {Record<string, string>} [settings] environment variables; only Warren has any
 * @property {'HS256' | 'RS256'} [tokens] only Warren checks any
 * @property {readonly string[]} [nodeArgs] only Warren's process takes any
 */

/**
 * @typedef {object} Peer
 * @property {string} name
 * @property {() => Promise<string | null>} missing what has to be installed; null: nothing
 * @property {() => Promise<void>} install
 * @property {() => Promise<string>} version
 * @property {(options: StartOptions) => Promise<Running>} start
 */

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 5000;
const KEPT_OUTPUT = 20_000;

/**
 * A child process, ended with us if we stop it, killed if that takes long.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {(output: string) => Promise<boolean>} isReady looks at what it has printed
 */
export async function startProcess(command, args, isReady) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  let alive = true;
  const exited = once(child, 'exit').then(() => {
    alive = false;
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      output = `${output}${chunk}`.slice(-KEPT_OUTPUT);
    });
  }
  const stop = async () => {
    child.kill('SIGTERM');
    const inTime = await Promise.race([exited.then(() => true), pause(STOP_TIMEOUT_MS).then(() => false)]);
    if (!inTime) child.kill('SIGKILL');
    await exited;
  };
  const ready = await until(async () => !alive || (await isReady(output)), START_TIMEOUT_MS);
  if (!ready || !alive) {
    if (alive) await stop();
    throw new Error(`${args.join(' ')} did not become ready. Its last words:\n${output}`);
  }
  return { pid: child.pid ?? 0, output: () => output, stop };
}

/**
 * A server of `servers/` on the first core. It prints its port once it is ready.
 *
 * @param {string} file
 * @param {string} amqpUrl
 * @param {string[]} [args]
 */
export async function startNodeServer(file, amqpUrl, args = []) {
  const script = fileURLToPath(new URL(`../servers/${file}`, import.meta.url));
  const [command, commandArgs] = onFirstCore(execPath, [script, amqpUrl, ...args]);
  const running = await startProcess(command, commandArgs, async output => PORT.test(output));
  const { pid } = running;
  return {
    pid,
    port: Number(PORT.exec(running.output())?.[1]),
    cpu: () => cpuOf(pid),
    rss: () => rssOf(pid),
    stop: running.stop,
  };
}

const PORT = /^port (\d+)$/m;

/** @returns {Promise<number>} that nobody listens on */
export async function freePort() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
