import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { env, execPath } from 'node:process';
import { ROOT } from '../setup.mjs';
import { pause, until } from './clock.mjs';
import { cpuOf, onFirstCore, rssOf } from './process.mjs';
import { SECRET } from './secret.mjs';

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 15_000;
const ANSWER_TIMEOUT_MS = 15_000;
const KEPT_OUTPUT = 20_000;

/**
 * @typedef {object} Server
 * @property {number} pid
 * @property {number} port
 * @property {() => boolean} isAlive
 * @property {() => Promise<any>} stats `GET /stats`
 * @property {() => number} cpu seconds of CPU that it has used
 * @property {() => number} rss bytes
 * @property {() => number} handles open file descriptors
 * @property {() => Promise<number>} heap bytes in use after a collection; needs `inspect`
 * @property {() => Promise<void>} stop
 */

/** What the image runs: `node`, its options, the program. @returns {string[]} */
function imageCommand() {
  const [, command] = /^CMD (\[.*\])$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')) ?? [];
  return JSON.parse(command ?? '["node", "dist/main.js"]');
}

/**
 * A real server process, built before, with the image's options for Node. Settings of the caller's environment don't reach it.
 *
 * @param {{ amqpUrl: string, settings?: Record<string, string>, inspect?: boolean, nodeArgs?: readonly string[] }} options
 * @returns {Promise<Server>} ready
 */
export async function startServer({ amqpUrl, settings = {}, inspect = false, nodeArgs = [] }) {
  const [, ...imageArgs] = imageCommand();
  const [command, commandArgs] = onFirstCore(execPath, [
    ...(inspect ? ['--inspect=127.0.0.1:0'] : []),
    ...nodeArgs,
    ...imageArgs.slice(0, -1),
    join(ROOT, 'dist', 'main.js'),
  ]);
  const child = spawn(command, commandArgs, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: env['PATH'],
      NODE_ENV: 'test',
      AMQP_URL: amqpUrl,
      JWT_SECRET: SECRET,
      HOST: '127.0.0.1',
      PORT: '0',
      ADMIN_PORT: '0',
      MAX_UNAUTHENTICATED: '20000',
      DRAIN_MS: '0',
      LOG_LEVEL: 'info',
      RESUME_OVERLAP_MS: '0', // Ready at once: there is no other pod whose cursors could come.
      ...settings,
    },
  });
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
  /** @type {{ public: { port: number }, admin: { port: number } } | null} */
  let ports = null;
  const isReady = async () => {
    if (!alive) return true;
    const line = output.split('\n').find(text => text.includes('"listening"') && text.endsWith('}'));
    if (line === undefined) return false;
    ports = JSON.parse(line);
    return (await fetch(`http://127.0.0.1:${ports?.admin.port}/readyz`)).ok;
  };
  const ready = await until(isReady, START_TIMEOUT_MS);
  const pid = child.pid ?? 0;
  const stop = async () => {
    child.kill('SIGTERM');
    const inTime = await Promise.race([exited.then(() => true), pause(STOP_TIMEOUT_MS).then(() => false)]);
    if (!inTime) child.kill('SIGKILL');
    await exited;
  };
  if (!ready || !alive || ports === null) {
    if (alive) await stop();
    throw new Error(`The server did not become ready. Its last words:\n${output}`);
  }
  const { public: open, admin } = /** @type {{ public: { port: number }, admin: { port: number } }} */ (
    ports
  );
  return {
    pid,
    port: open.port,
    isAlive: () => alive,
    async stats() {
      try {
        const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
        return await (await fetch(`http://127.0.0.1:${admin.port}/stats`, { signal })).json();
      } catch (error) {
        throw new Error(
          `The server's event loop stands still: no answer to GET /stats in ${ANSWER_TIMEOUT_MS} ms`,
          {
            cause: error,
          },
        );
      }
    },
    cpu: () => cpuOf(pid),
    rss: () => rssOf(pid),
    handles: () => readdirSync(`/proc/${pid}/fd`).length,
    heap: () => heapBehind(/ws:\/\/127\.0\.0\.1:\d+\/[0-9a-f-]+/.exec(output)?.[0]),
    stop,
  };
}

/** Asks the inspector to collect, then what is left. @param {string | undefined} url */
async function heapBehind(url) {
  if (url === undefined) throw new Error('The server was started without `inspect`.');
  const { WebSocket } = await import('ws');
  const socket = new WebSocket(url);
  await once(socket, 'open');
  /** @param {number} id @param {string} method */
  const call = async (id, method) => {
    socket.send(JSON.stringify({ id, method }));
    for (;;) {
      const [data] = await once(socket, 'message');
      const answer = JSON.parse(String(data));
      if (answer.id === id) return answer.result;
    }
  };
  try {
    await call(1, 'HeapProfiler.collectGarbage');
    await call(2, 'HeapProfiler.collectGarbage');
    return (await call(3, 'Runtime.getHeapUsage')).usedSize;
  } finally {
    socket.terminate();
  }
}
