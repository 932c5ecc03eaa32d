import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after } from 'node:test';
import { type App, startApp } from '../../src/app.js';
import { loadConfig } from '../../src/config.js';
import type { Logger } from '../../src/logger.js';
import { type ConnectOptions, connect, type TestClient } from './client.js';
import { eventually } from './eventually.js';
import { mintToken, TEST_SECRET, type TokenWishes } from './tokens.js';

type Env = Readonly<Record<string, string>>;

/** What a test that failed left running would keep the run from ending. */
const leftovers: (() => unknown)[] = [];
after(async () => {
  for (const end of leftovers) await end();
});

/** A log line: its level, its message and its fields. */
export type LogLine = Readonly<Record<string, unknown>>;

export interface PublishResult {
  readonly status: number;
  readonly body: { readonly id?: string; readonly reason?: string; readonly error?: string };
}

/** A running Warren, as those outside see it. */
export interface Warren {
  /** `ws://…/ws` */
  readonly url: string;
  /** `http://…` of the public listener, without a slash at the end. */
  readonly publicUrl: string;
  readonly adminUrl: string;
  readonly lines: readonly LogLine[];
  connect(options?: ConnectOptions): Promise<TestClient>;
  /** Connects with a token made for the occasion, and waits for `connected`. */
  enter(wishes?: TokenWishes, options?: Omit<ConnectOptions, 'token'>): Promise<TestClient>;
  /** `POST /events`. Text as it is, anything else as JSON. */
  publish(event: string | object): Promise<PublishResult>;
  /** A sample of `/metrics`, by its name with labels as printed there. */
  metric(sample: string): Promise<number>;
  untilReady(): Promise<void>;
}

export interface WarrenInProcess extends Warren {
  readonly app: App;
  /** What the feed said when it gave up. */
  readonly givenUp: readonly string[];
  stop(drainMs?: number): Promise<void>;
}

export interface WarrenProcess extends Warren {
  readonly child: ChildProcess;
  /** The exit code; null: ended by a signal. */
  readonly exited: Promise<number | null>;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, unless it has ended already; the exit code. */
  stop(): Promise<number | null>;
}

const ENV: Env = {
  NODE_ENV: 'test',
  HOST: '127.0.0.1',
  PORT: '0',
  ADMIN_PORT: '0',
  FEED: 'memory',
  JWT_SECRET: TEST_SECRET,
  DRAIN_MS: '200',
  POD_NAME: 'test-pod',
};

/**
 * The whole service in this process, on free ports, with the embedded feed unless `env` says otherwise (`FEED`,
 * `AMQP_URL`). Stop it at the end.
 */
export async function startWarren(env: Env = {}): Promise<WarrenInProcess> {
  const loaded = loadConfig(
    { ...ENV, ...ownControl(env), ...env },
    { folder: join(tmpdir(), 'no-such-folder') },
  );
  if (loaded.kind === 'faults') throw new Error(loaded.faults.join('\n'));
  const lines: LogLine[] = [];
  const givenUp: string[] = [];
  const app = await startApp(loaded.config, {
    logger: recordingLogger(lines),
    onGivenUp: why => void givenUp.push(why),
  });
  leftovers.push(() => app.stop(0));
  return {
    ...outside(app.publicAddress.port, app.adminAddress.port, lines, env['ADMIN_TOKEN']),
    app,
    givenUp,
    stop: (drainMs = 0) => app.stop(drainMs),
  };
}

/** The same as a process of its own: `main.js` as in production. Resolves once it listens. */
export async function startWarrenProcess(env: Env = {}): Promise<WarrenProcess> {
  const child = spawnMain(env);
  const lines: LogLine[] = [];
  const errors: string[] = [];
  child.stderr?.on('data', chunk => void errors.push(String(chunk)));
  // Not `exit`, which can come before the last lines are read.
  const exited = once(child, 'close').then(([code]: unknown[]) => (typeof code === 'number' ? code : null));
  const listening = new Promise<LogLine>(resolve => {
    createInterface({ input: child.stdout ?? process.stdin }).on('line', text => {
      const line: LogLine = JSON.parse(text);
      lines.push(line);
      if (line['msg'] === 'listening') resolve(line);
    });
  });
  const started = await Promise.race([listening, exited]);
  if (started === null || typeof started === 'number') {
    throw new Error(`exit ${started} before it listened: ${errors.join('')}${JSON.stringify(lines)}`);
  }
  return {
    ...outside(portOf(started, 'public'), portOf(started, 'admin'), lines, env['ADMIN_TOKEN']),
    child,
    exited,
    signal: name => void child.kill(name),
    stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

/** A process that isn't expected to come as far as listening. */
export async function runMain(env: Env): Promise<{ code: number | null; stderr: string }> {
  const child = spawnMain(env);
  let stderr = '';
  child.stderr?.on('data', chunk => (stderr += String(chunk)));
  const [code]: unknown[] = await once(child, 'close');
  return { code: typeof code === 'number' ? code : null, stderr };
}

function spawnMain(env: Env): ChildProcess {
  const main = join(import.meta.dirname, '../../src/main.js');
  const own = { PATH: process.env['PATH'] ?? '', ...ENV, ...ownControl(env), ...env };
  const child = spawn(process.execPath, [main], { env: own, stdio: ['ignore', 'pipe', 'pipe'] });
  leftovers.push(() => child.kill('SIGKILL'));
  return child;
}

/** Tests that share a broker have exchanges of their own; pods that die in one mustn't hold back those of another. */
function ownControl({ AMQP_EXCHANGE: exchange }: Env): Env {
  return exchange === undefined ? {} : { AMQP_CONTROL_EXCHANGE: `${exchange}.control` };
}

function outside(
  publicPort: number,
  adminPort: number,
  lines: readonly LogLine[],
  adminToken: string | undefined,
): Warren {
  const publicUrl = `http://127.0.0.1:${publicPort}`;
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  const url = `ws://127.0.0.1:${publicPort}/ws`;
  const authorization: Env = adminToken === undefined ? {} : { authorization: `Bearer ${adminToken}` };
  return {
    url,
    publicUrl,
    adminUrl,
    lines,
    connect: options => connect(url, options),
    async enter(wishes, options) {
      const client = await connect(url, { ...options, token: mintToken(wishes) });
      await client.system('connected');
      return client;
    },
    async publish(event) {
      const response = await fetch(`${adminUrl}/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...authorization },
        body: typeof event === 'string' ? event : JSON.stringify(event),
      });
      const body: PublishResult['body'] = JSON.parse(await response.text());
      return { status: response.status, body };
    },
    async metric(sample) {
      const text = await (await fetch(`${adminUrl}/metrics`)).text();
      const line = text.split('\n').find(one => one.startsWith(`${sample} `));
      if (line === undefined) throw new Error(`no sample ${sample}`);
      return Number(line.slice(sample.length + 1));
    },
    async untilReady() {
      await eventually(
        async () => (await fetch(`${adminUrl}/readyz`)).status,
        status => status === 200,
      );
    },
  };
}

function portOf(line: LogLine, listener: 'public' | 'admin'): number {
  const address = line[listener];
  if (typeof address === 'object' && address !== null && 'port' in address) return Number(address.port);
  throw new Error(`no port in ${JSON.stringify(line)}`);
}

function recordingLogger(lines: LogLine[]): Logger {
  const at = (level: string) => (fields: object, msg: string) => void lines.push({ level, msg, ...fields });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), fatal: at('fatal') };
}
