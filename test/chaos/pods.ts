import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { TEST_SECRET } from '../support/tokens.js';
import type { Door } from './client.js';
import { type PodProxy, startPodProxy } from './proxy.js';
import type { Random } from './random.js';
import type { Recorder } from './recorder.js';

type Env = Readonly<Record<string, string>>;

/** One life of a pod: a real process of the service, and the proxy through which its clients come. */
export interface Pod {
  /** Of the pod and this life, `pod-1#2`. */
  readonly name: string;
  /** Its number, from 0, whichever life it is. */
  readonly place: number;
  readonly proxy: PodProxy;
  readonly isReady: boolean;
  signal(name: NodeJS.Signals): void;
  /** Ends it; the exit code, null after a signal. */
  end(name: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
  /** Asks and records what is left once all clients are gone. */
  recordIdle(): Promise<Idle>;
}

/** What a pod holds while nobody is connected. */
export interface Idle {
  readonly rss: number;
  /** Connections, timers and routes. */
  readonly left: number;
  /** Open files and sockets. */
  readonly handles: number;
}

export interface Pods {
  /** At the moment. */
  readonly all: readonly Pod[];
  /** Those that may be ended. */
  readonly mortal: readonly Pod[];
  /** A pod that is ready, by chance, `avoid` only if there is no other. */
  door(avoid: string | null): Door | null;
  untilAllReady(): Promise<void>;
  /** Starts another in the place of one that has ended. `untilAllReady` waits for it. */
  replace(old: Pod): void;
  close(): Promise<void>;
}

export interface PodsOptions {
  readonly count: number;
  /** The compiled service. */
  readonly main: string;
  /** By number, from 0. */
  readonly env: (index: number) => Env;
  /** The first one is never ended, so that there is something old to look at. */
  readonly sparesFirst: boolean;
  /** For the pods' logs. */
  readonly folder: string;
}

const PROBE_EVERY_MS = 250;
const PROBE_TIMEOUT_MS = 1000;
const SAMPLE_EVERY = 4;
const READY_WITHIN_MS = 60_000;
/** More than the drain's own time. */
const END_WITHIN_MS = 30_000;
const IDLE_WITHIN_MS = 10_000;
const POLL_MS = 50;

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));

export async function startPods(options: PodsOptions, random: Random, recorder: Recorder): Promise<Pods> {
  const lives = new Map<number, number>();
  const begin = (place: number) => {
    const life = (lives.get(place) ?? 0) + 1;
    lives.set(place, life);
    return startPod(place, life, options, recorder);
  };
  const all = await Promise.all(Array.from({ length: options.count }, (_, place) => begin(place)));
  const starting = new Set<Promise<void>>();
  const allStarted = async () => {
    while (starting.size > 0) await Promise.all(starting);
  };
  return {
    all,
    get mortal() {
      return options.sparesFirst ? all.filter(({ place }) => place > 0) : all;
    },
    door(avoid) {
      const ready = all.filter(pod => pod.isReady);
      const others = ready.filter(pod => pod.name !== avoid);
      const [first, ...rest] = others.length > 0 ? others : ready;
      if (first === undefined) return null;
      const pod = random.pick([first, ...rest]);
      return { pod: pod.name, url: `ws://127.0.0.1:${pod.proxy.port}/ws` };
    },
    async untilAllReady() {
      await allStarted();
      const deadline = performance.now() + READY_WITHIN_MS;
      while (!all.every(pod => pod.isReady)) {
        if (performance.now() > deadline)
          throw new Error(`Not all pods were ready within ${READY_WITHIN_MS} ms.`);
        await pause(POLL_MS);
      }
    },
    replace(old) {
      all.splice(all.indexOf(old), 1);
      const start = begin(old.place).then(fresh => {
        all.push(fresh);
        starting.delete(start);
        return old.proxy.close();
      });
      start.catch(() => {}); // Whoever waits for all to have started hears of it.
      starting.add(start);
    },
    async close() {
      await allStarted();
      await Promise.all(all.map(pod => pod.end('SIGTERM')));
      await Promise.all(all.map(pod => pod.proxy.close()));
    },
  };
}

async function startPod(place: number, life: number, options: PodsOptions, recorder: Recorder): Promise<Pod> {
  const name = `pod-${place + 1}#${life}`;
  recorder.record({ k: 'pod', ev: 'start', pod: name });
  const child = spawn(process.execPath, [options.main], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_ENV: 'test',
      HOST: '127.0.0.1',
      PORT: '0',
      ADMIN_PORT: '0',
      JWT_SECRET: TEST_SECRET,
      POD_NAME: name.replace('#', '.'),
      ...options.env(place),
    },
  });
  child.stdout.pipe(createWriteStream(join(options.folder, `${name.replace('#', '.')}.log`)));
  const killWithUs = () => void child.kill('SIGKILL');
  process.once('exit', killWithUs);
  let asked = false;
  let isOver = false;
  let isReady = false;
  const exited = once(child, 'exit').then(([code]: unknown[]) => {
    isOver = true;
    isReady = false;
    process.off('exit', killWithUs);
    const number = typeof code === 'number' ? code : null;
    recorder.record({ k: 'pod', ev: 'exit', pod: name, code: number, asked });
    return number;
  });
  const ports = await Promise.race([listening(child), exited]);
  if (typeof ports !== 'object' || ports === null) throw new Error(`${name} ended before it listened.`);
  const proxy = await startPodProxy({ host: '127.0.0.1', port: ports.public });
  const admin = `http://127.0.0.1:${ports.admin}`;

  async function probe(): Promise<void> {
    let ready = false;
    try {
      const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
      ready = (await fetch(`${admin}/readyz`, { signal })).status === 200;
    } catch {
      // Frozen, or gone: not ready.
    }
    if (isOver || ready === isReady) return;
    isReady = ready;
    recorder.record({ k: 'pod', ev: ready ? 'ready' : 'unready', pod: name });
  }

  void (async () => {
    for (let turn = 0; ; turn++) {
      await probe();
      if (isOver) return;
      if (turn % SAMPLE_EVERY === 0 && isReady)
        recorder.record({ k: 'pod', ev: 'sample', pod: name, rss: rssOf(child) });
      await pause(PROBE_EVERY_MS);
    }
  })();

  return {
    name,
    place,
    proxy,
    get isReady() {
      return isReady;
    },
    signal: which => void child.kill(which),
    async end(which) {
      asked = true;
      isReady = false;
      if (which === 'SIGTERM') recorder.record({ k: 'pod', ev: 'drain', pod: name });
      child.kill('SIGCONT');
      child.kill(which);
      const killer = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS);
      const code = await exited;
      clearTimeout(killer);
      return code;
    },
    async recordIdle() {
      const deadline = performance.now() + IDLE_WITHIN_MS;
      let left = await remaining(admin);
      while (left > 0 && performance.now() < deadline) {
        await pause(POLL_MS);
        left = await remaining(admin);
      }
      const idle: Idle = { rss: rssOf(child), left, handles: handlesOf(child) };
      recorder.record({ k: 'pod', ev: 'idle', pod: name, ...idle });
      return idle;
    },
  };
}

async function listening(child: ChildProcess): Promise<{ public: number; admin: number }> {
  if (child.stdout === null) throw new Error('The process has no standard output.');
  const lines = createInterface({ input: child.stdout });
  return new Promise(resolve => {
    // Read on to the end, or the process would stand still once the pipe is full.
    lines.on('line', text => {
      if (!text.includes('"listening"')) return;
      const line: { public: { port: number }; admin: { port: number } } = JSON.parse(text);
      resolve({ public: line.public.port, admin: line.admin.port });
    });
  });
}

/** Connections and what belongs to them: all of it is to be 0 once nobody is connected. */
async function remaining(admin: string): Promise<number> {
  const stats: Record<string, unknown> = JSON.parse(await (await fetch(`${admin}/stats`)).text());
  const routes: Record<string, unknown> = Object(stats['routes']);
  const counts = [stats['connections'], stats['unauthenticated'], stats['waiting'], stats['deadlines']];
  return [...counts, ...Object.values(routes)].reduce((sum: number, value) => sum + Number(value), 0);
}

function handlesOf({ pid }: ChildProcess): number {
  try {
    return readdirSync(join('/proc', String(pid), 'fd')).length;
  } catch {
    return 0; // Just ended, or not Linux.
  }
}

function rssOf({ pid }: ChildProcess): number {
  try {
    const status = readFileSync(join('/proc', String(pid), 'status'), 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0; // Just ended, or not Linux.
  }
}
