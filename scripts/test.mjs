/**
 * `npm test`: sets up whatever is missing, checks the source, then runs every test against a real RabbitMQ and, where
 * a browser is meant, a real Chromium. Arguments are test files to run instead of all, e.g. `npm test -- test/log`.
 */
import { spawn } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, env, execPath, exit, versions } from 'node:process';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './lib/apt.mjs';
import { findChromium } from './lib/chromium.mjs';
import { findRabbitmq, startNode } from './lib/rabbitmq-node.mjs';
import { build, ensureDependencies } from './lib/setup.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Two brokers and a browser beside the tests are what a small machine stands. */
const CONCURRENCY = 2;
/** Long enough for the slowest file on a busy machine; a test that hangs should fail with its name. */
const TEST_TIMEOUT_MS = 240_000;

/**
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [extra]
 * @returns {Promise<number>} exit code
 */
function run(command, args, extra = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit', env: { ...env, ...extra } });
    child.on('error', reject);
    child.on('exit', code => resolve(code ?? 1));
  });
}

/** @param {string} name @param {string[]} args */
async function step(name, args) {
  console.log(`\n▸ ${name}`);
  const code = await run(execPath, args);
  if (code !== 0) {
    console.error(`${name}: failed`);
    exit(code);
  }
}

/** @param {string} name */
const bin = name => join(ROOT, 'node_modules', ...name.split('/'));

/** @param {readonly string[]} chosen */
function testFiles(chosen) {
  const all = readdirSync(join(ROOT, 'build', 'test'), { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.test.js'))
    .map(path => join('build', 'test', path))
    .sort();
  if (chosen.length === 0) return all;
  return all.filter(path =>
    chosen.some(part => path.includes(part.replace(/^(?:build\/)?/, '').replace(/\.ts$/, '.js'))),
  );
}

await ensureDependencies();
if ((await findRabbitmq()) === null) await ensureInstalled('rabbitmq-server');
if ((await findChromium()) === null) await ensureInstalled('chromium');

const chosen = argv.slice(2);
if (chosen.length === 0) {
  await step('format', [bin('@biomejs/biome/bin/biome'), 'format', '.']);
  await step('lint', [bin('oxlint/bin/oxlint'), '--type-aware', '--deny-warnings']);
  await step('boundaries', ['scripts/check-boundaries.mjs']);
}
// A deleted test would live on in there.
rmSync(join(ROOT, 'build'), { recursive: true, force: true });
await step('types', [bin('typescript/bin/tsc'), '-p', 'tsconfig.json']);
await build();

const files = testFiles(chosen);
if (files.length === 0) {
  console.error(`no test file matches ${chosen.join(' ')}`);
  exit(1);
}
console.log(`\n▸ tests (${files.length} files, Node ${versions.node})`);
const broker = await startNode({ folder: await mkdtemp(join(tmpdir(), 'warren-test-')), temporary: true });
let code = 1;
try {
  code = await run(
    execPath,
    [
      '--enable-source-maps',
      '--test',
      // What leaves a socket open, a failed test above all, would keep its file's process until the timeout.
      '--test-force-exit',
      '--import',
      new URL('./lib/blocking-stdout.mjs', import.meta.url).href,
      `--test-concurrency=${CONCURRENCY}`,
      `--test-timeout=${TEST_TIMEOUT_MS}`,
      '--test-reporter=spec',
      ...files,
    ],
    { WARREN_TEST_AMQP_URL: broker.url, WARREN_TEST_RABBITMQ: broker.handle },
  );
} finally {
  await broker.stop();
}
exit(code);
