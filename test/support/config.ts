import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { type Config, loadConfig } from '../../src/config.js';

export const SECRET = 'test-secret-of-more-than-32-bytes';

type Env = Readonly<Record<string, string>>;
/** Text, or anything else to be written as JSON. */
type Files = Readonly<Record<string, unknown>>;

const folder = mkdtempSync(join(tmpdir(), 'warren-config-'));
after(() => rmSync(folder, { recursive: true }));
let count = 0;

/** Writes a file that lives until the tests of this file are over; its path. */
export function file(content: string | Uint8Array): string {
  const path = join(folder, `file-${count++}`);
  writeFileSync(path, content);
  return path;
}

/** What this environment and these configuration files come to. Without files there are none at all. */
export function outcome(env: Env, files: Files = {}): ReturnType<typeof loadConfig> {
  const own = mkdtempSync(join(folder, 'config-'));
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(own, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return loadConfig(env, { folder: own });
}

/** The configuration, with a key unless one is given. */
export function config(env: Env, files?: Files): Config {
  const result = outcome(withKey(env), files);
  if (result.kind === 'faults') throw new Error(result.faults.join('\n'));
  return result.config;
}

/** The faults, with a key unless one is given; the folder's random name is taken out. */
export function faults(env: Env, files?: Files): readonly string[] {
  const result = outcome(withKey(env), files);
  return result.kind === 'ok' ? [] : result.faults.map(line => line.replaceAll(/config-\w{6}\//g, 'config/'));
}

/** The warnings, with a key unless one is given; what production alone warns about is left out. */
export function warnings(env: Env): readonly string[] {
  const result = outcome(withKey({ NODE_ENV: 'test', ...env }));
  if (result.kind === 'faults') throw new Error(result.faults.join('\n'));
  return result.warnings;
}

function withKey(env: Env): Env {
  const keys = ['JWT_SECRET', 'JWT_SECRET_FILE', 'JWT_PUBLIC_KEY_FILE', 'JWT_JWKS_URL'];
  return keys.some(key => key in env) ? env : { JWT_SECRET: SECRET, ...env };
}
