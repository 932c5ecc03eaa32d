import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after } from 'node:test';

/** The project's folder, from wherever the tests were compiled to. */
export const ROOT = findRoot(import.meta.dirname);

export interface StartedDemo {
  /** Without a slash at the end. */
  readonly url: string;
  readonly adminUrl: string;
  /** What scripts need to find this one: `WARREN_DEV_FOLDER` and a clean environment. */
  readonly env: NodeJS.ProcessEnv;
  /** `WARREN_DEV_FOLDER`. */
  readonly folder: string;
  /** All lines so far, standard error included. */
  readonly lines: readonly string[];
  readonly process: ChildProcess;
  /** Sends the signal; exit code, or the signal's name if it had none. */
  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

// Registered here: a hook that is registered within another hook runs at the end of that one.
const children: ChildProcess[] = [];
const folders: string[] = [];
after(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** Runs `node scripts/start.mjs` on free ports with a folder of its own, until the tests of this file are over. */
export async function startDemo(settings: NodeJS.ProcessEnv): Promise<StartedDemo> {
  const { folder, env } = cleanEnvironment();
  const child = spawn(process.execPath, [join(ROOT, 'scripts', 'start.mjs')], {
    cwd: ROOT,
    env: { ...env, PORT: '0', ADMIN_PORT: '0', PING_INTERVAL_MS: '300', PONG_TIMEOUT_MS: '300', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const exited = new Promise<number | NodeJS.Signals | null>(resolve => {
    child.once('exit', (code, signal) => resolve(code ?? signal));
  });
  const lines: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', line => {
        lines.push(line);
        const address = /^(?:Open|Listening at) (http:\S+:\d+)\//.exec(line)?.[1];
        if (address !== undefined) resolve(address);
      });
    }
    void exited.then(ending => reject(new Error(`start.mjs ended with ${ending}:\n${lines.join('\n')}`)));
  });
  const adminUrl = /Publish and metrics: (http:\S+:\d+)\//.exec(lines.join('\n'))?.[1];
  if (adminUrl === undefined) throw new Error(`no admin address in:\n${lines.join('\n')}`);
  return {
    url,
    adminUrl,
    env,
    folder,
    lines,
    process: child,
    end(signal) {
      child.kill(signal);
      return exited;
    },
  };
}

/** This process's environment without settings of Warren, and an empty folder for what `npm start` leaves. */
export function cleanEnvironment(): { readonly folder: string; readonly env: NodeJS.ProcessEnv } {
  const folder = mkdtempSync(join(tmpdir(), 'warren-demo-'));
  folders.push(folder);
  const kept = Object.entries(process.env).filter(
    ([name]) =>
      !/^(?:(?:AMQP|JWT|ADMIN|MAX|HISTORY)_\w+|NODE_TEST_CONTEXT|npm_\w+|FEED|HOST|PORT|NODE_ENV|LOG_LEVEL)$/.test(
        name,
      ),
  );
  return { folder, env: { ...Object.fromEntries(kept), WARREN_DEV_FOLDER: folder } };
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script of the project to its end. */
export async function runScript(
  name: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Finished> {
  const child = spawn(process.execPath, [join(ROOT, 'scripts', name), ...args], { cwd: ROOT, env });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => out.push(part));
  child.stderr.on('data', (part: Buffer) => err.push(part));
  await once(child, 'close');
  return {
    code: child.exitCode,
    stdout: Buffer.concat(out).toString(),
    stderr: Buffer.concat(err).toString(),
  };
}

function findRoot(start: string): string {
  let folder = start;
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`no package.json above ${start}`);
    folder = parent;
  }
  return folder;
}
