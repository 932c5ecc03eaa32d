/**
 * `npm run stress -- <scenario …|all> [--quick] [--minutes N] [--restarts] [--only TEXT] [--json FILE] [--markdown]`: heavy load and
 * hostile clients against a real server process behind a real RabbitMQ, all on loopback. Prints each figure with its
 * bar; exits with 1 if one is missed. docs/stress.md says what each scenario shows.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import process, { exit, versions } from 'node:process';
import { parseArgs } from 'node:util';
import { build, ensureDependencies } from '../lib/setup.mjs';

await ensureDependencies();
await build();
const { canPin, leaveFirstCore } = await import('../lib/load/process.mjs');
const { busyShare } = await import('../lib/load/kernel.mjs');
const { openRig } = await import('./rig.mjs');
const { openReport, passed, toMarkdown } = await import('./report.mjs');
const { SCENARIOS } = await import('./scenarios.mjs');

const { values, positionals } = readArguments();
const chosen = positionals.includes('all') ? Object.keys(SCENARIOS) : positionals;
const unknown = chosen.filter(name => !(name in SCENARIOS));
if (chosen.length === 0 || unknown.length > 0) {
  const wrong = unknown.length > 0 ? `There is no scenario ${unknown.join(', ')}. ` : '';
  console.error(`${wrong}Name one or more of: ${Object.keys(SCENARIOS).join(', ')}; or all.`);
  exit(2);
}
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  console.error(`--minutes is ${JSON.stringify(values.minutes)}; it must be a number above 0.`);
  exit(2);
}
/** A scenario that hangs is ended after this, the soak's own time apart. */
const LIMIT_MS = 15 * 60_000;
/** From this share on other work shows in the 99th percentiles. */
const BUSY = 0.1;

leaveFirstCore();
const busyBefore = await busyShare(2000);
console.log(
  `Node ${versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}; server on a core of its own: ${canPin ? 'yes' : 'no'}`,
);
if (busyBefore > BUSY) {
  console.log(
    `The machine is ${Math.round(busyBefore * 100)} % busy with other work: latencies will be too long, whoever is to blame.`,
  );
}
const rig = await openRig();
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.on(signal, () => void rig.close().finally(() => exit(130)));
}

/** @type {import('./report.mjs').Result[]} */
const results = [];
try {
  for (const name of chosen) results.push(await runOne(name));
} finally {
  await rig.close();
}
if (values.json !== undefined) {
  const machine = {
    node: versions.node,
    cpus: cpus().length,
    model: cpus()[0]?.model ?? '',
    pinned: canPin,
    busyBefore,
  };
  writeFileSync(values.json, `${JSON.stringify({ ...machine, quick: values.quick, results }, null, 2)}\n`);
}
if (values.markdown) console.log(`\n${toMarkdown(results)}`);
console.log(passed(results) ? '\nAll bars held.' : '\nSome bars were missed.');
exit(passed(results) ? 0 : 1);

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        minutes: { type: 'string', default: '30' },
        restarts: { type: 'boolean', default: false },
        only: { type: 'string', default: '' },
        json: { type: 'string' },
        markdown: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    exit(2);
  }
}

/** @param {string} name @returns {Promise<import('./report.mjs').Result>} */
async function runOne(name) {
  console.log(`\n${name}`);
  const report = openReport(name);
  const begun = performance.now();
  /** @type {string | null} */
  let error = null;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const limit = new Promise((_, reject) => {
    const ms = LIMIT_MS + (name === 'soak' ? minutes * 60_000 : 0);
    timer = setTimeout(() => reject(new Error(`did not end within ${ms / 60_000} minutes`)), ms);
  });
  try {
    const lasting = (/** @type {number} */ seconds) => (values.quick ? Math.max(3, seconds / 5) : seconds);
    const scenario = SCENARIOS[name]?.({
      rig,
      report,
      lasting,
      minutes,
      restarts: values.restarts,
      only: values.only,
    });
    await Promise.race([scenario, limit]);
    report.exactly('server processes that ended by themselves', rig.serversAlive() ? 0 : 1, 0);
  } catch (caught) {
    error = caught instanceof Error ? caught.message : String(caught);
    console.log(`  FAILED: ${error}`);
  } finally {
    clearTimeout(timer);
    await rig.clear();
  }
  return { scenario: name, seconds: (performance.now() - begun) / 1000, error, lines: report.lines };
}
