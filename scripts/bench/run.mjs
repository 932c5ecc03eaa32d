/**
 * `npm run bench -- [--scenarios a,b] [--peers x,y] [--only TEXT] [--runs N] [--quick] [--json FILE] [--add] [--docs]
 * [--install] [--profile] [--load node]`: what one server process on one core costs, beside its peers, through a real RabbitMQ. docs/performance.md
 * says what is measured and how. Exit code 1: a bar was missed, or a measurement failed.
 */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process, { exit } from 'node:process';
import { parseArgs } from 'node:util';
import { findRabbitmq, startNode } from '../lib/rabbitmq-node.mjs';
import { build, ensureDependencies, ROOT } from '../lib/setup.mjs';

await ensureDependencies();
const { leaveFirstCore } = await import('../lib/load/process.mjs');
const { busyShare } = await import('../lib/load/kernel.mjs');
const { judge } = await import('./bars.mjs');
const { watchOthers } = await import('./disturbance.mjs');
const { toDocument } = await import('./document.mjs');
const { kinds } = await import('./load/index.mjs');
const { describeMachine } = await import('./machine.mjs');
const { PEERS } = await import('./peers/index.mjs');
const { toSvg } = await import('./plot.mjs');
const { startProfile } = await import('./profile.mjs');
const { merge } = await import('./results.mjs');
const { SCENARIOS } = await import('./scenarios/index.mjs');
const { openStage } = await import('./stage.mjs');
const { align, rowsOf, rowsOfBars } = await import('./table.mjs');

const options = readArguments();
const scenarios = choose(options.scenarios, SCENARIOS, ({ id }) => id, 'scenario');
const peers = choose(options.peers, PEERS, ({ name }) => name, 'peer');
const runs = Number(options.runs);
if (!Number.isInteger(runs) || runs < 1)
  refuse(`--runs is ${options.runs}: it must be a whole number above 0`);
if (options.docs && (options.quick || options.profile))
  refuse('--docs writes figures: not of a --quick run, nor of one with --profile.');
const [kind] = options.load === 'node' ? kinds().slice(-1) : kinds();

if (options.install) for (const peer of peers) if ((await peer.missing()) !== null) await peer.install();
if ((await findRabbitmq()) === null)
  refuse('No RabbitMQ server was found. --install gets what is missing on Debian or Ubuntu.');
/** @type {Map<string, import('./peers/peer.mjs').Peer>} */
const there = new Map();
/** @type {Record<string, string>} */
const versions = {};
for (const peer of peers) {
  const missing = await peer.missing();
  if (missing !== null) {
    console.log(`${peer.name} is left out: ${missing} is not installed (--install gets it).`);
    continue;
  }
  there.set(peer.name, peer);
  versions[peer.name] = await peer.version();
}
await build();

/** Of one processor, used by others: more, and a measurement doesn't count. */
const DISTURBED = 0.1;
const TRIES = 3;

if (options.quick) console.log('A twentieth of everything: shows that it works, and no figures.');
leaveFirstCore();
const busy = await busyShare(1000);
if (busy > 0.1) console.log(`The machine is ${Math.round(busy * 100)} % busy with other work.`);
const broker = await startNode({ folder: mkdtempSync(join(tmpdir(), 'warren-bench-')), temporary: true });
const machine = {
  ...describeMachine(),
  RabbitMQ: (await broker.ctl('version')).trim(),
  load: kind?.name ?? '',
};
console.log(
  Object.entries(machine)
    .map(([name, value]) => `${name}: ${value}`)
    .join('; '),
);
let closeStage = () => Promise.resolve();
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.on(signal, () => {
    void closeStage()
      .then(() => broker.stop())
      .finally(() => exit(130));
  });
}

/** @type {import('./results.mjs').Results} */
let results = { machine, versions, scenarios: {} };
let failed = false;
try {
  for (const scenario of scenarios) {
    const result = await runScenario(scenario);
    results.scenarios[scenario.id] = result;
    console.log(`\n${align(rowsOf(scenario, result))}\n`);
    console.log(align(rowsOfBars(judge({ [scenario.id]: result }))));
  }
} finally {
  await broker.stop();
}

const store = options.json ?? (options.docs ? join(ROOT, 'docs', 'performance.json') : null);
if (store !== null) {
  results = merge(existsSync(store) ? JSON.parse(readFileSync(store, 'utf8')) : null, results, options.add);
  writeFileSync(store, `${JSON.stringify(results, rounded, 1)}\n`);
}
if (options.docs) {
  const file = join(ROOT, 'docs', 'performance.md');
  const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
  writeFileSync(file, toDocument(results, SCENARIOS, before));
  writeFileSync(join(ROOT, 'docs', 'performance.svg'), toSvg(results, SCENARIOS));
}
exit(failed || judge(results.scenarios).some(({ verdict }) => verdict === 'missed') ? 1 : 0);

/**
 * Variants in turn, again and again: what changes on the machine meanwhile changes for all.
 *
 * @param {import('./scenarios/scenario.mjs').Scenario} scenario
 * @returns {Promise<import('./results.mjs').Result>}
 */
async function runScenario(scenario) {
  console.log(`\n${scenario.id}: ${scenario.title}`);
  const variants = scenario.variants.filter(({ key }) => key.includes(options.only));
  /** @type {Record<string, Record<string, number>[]>} */
  const figures = {};
  /** @type {Record<string, string>} */
  const skipped = {};
  let repeated = 0;
  for (let run = 1; run <= runs; run++) {
    for (const { key, peer: name, measure } of variants) {
      const peer = there.get(name);
      if (peer === undefined) {
        skipped[key] = 'left out';
        continue;
      }
      try {
        const measured = await measureUndisturbed(measure, peer, () => repeated++);
        (figures[key] ??= []).push(measured);
        console.log(`  ${run} ${key}: ${JSON.stringify(measured, rounded)}`);
      } catch (error) {
        failed = true;
        skipped[key] = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
        console.log(`  ${run} ${key}: FAILED: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  return { id: scenario.id, when: new Date().toISOString().slice(0, 10), runs: figures, skipped, repeated };
}

/**
 * Once more if somebody else was at work meanwhile, whatever came out.
 *
 * @param {import('./scenarios/scenario.mjs').Variant['measure']} measure
 * @param {import('./peers/peer.mjs').Peer} peer
 * @param {() => void} onDisturbed
 */
async function measureUndisturbed(measure, peer, onDisturbed) {
  for (let tries = 1; ; tries++) {
    const watch = options.profile ? startProfile : () => ({ stop: () => Promise.resolve() });
    // perf can't name what V8 compiles unless it is told.
    const nodeArgs = options.profile ? ['--perf-basic-prof'] : [];
    const stage = openStage({ amqpUrl: broker.url, quick: options.quick, kind, nodeArgs, watch });
    closeStage = () => stage.close();
    try {
      const workOfOthers = watchOthers();
      const measured = await measure(stage, peer);
      const share = workOfOthers();
      if (share <= DISTURBED || options.quick || options.profile) return measured;
      onDisturbed();
      console.log(
        `  ${peer.name}: other processes used ${Math.round(share * 100)} % of a processor meanwhile; not counted`,
      );
    } finally {
      await stage.close();
    }
    if (tries === TRIES) throw new Error(`the machine was too busy, ${TRIES} times`);
  }
}

/** @param {string} _ @param {unknown} value */
function rounded(_, value) {
  return typeof value === 'number' ? Number(value.toPrecision(4)) : value;
}

/**
 * @template T
 * @param {string | undefined} names
 * @param {readonly T[]} all
 * @param {(one: T) => string} nameOf
 * @param {string} what
 * @returns {readonly T[]}
 */
function choose(names, all, nameOf, what) {
  if (names === undefined) return all;
  return names.split(',').map(name => {
    const found = all.find(one => nameOf(one) === name);
    return found ?? refuse(`There is no ${what} ${name}; there are ${all.map(nameOf).join(', ')}.`);
  });
}

/** @param {string} what @returns {never} */
function refuse(what) {
  console.error(what);
  exit(2);
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        scenarios: { type: 'string' },
        peers: { type: 'string' },
        runs: { type: 'string', default: '5' },
        only: { type: 'string', default: '' },
        load: { type: 'string', default: 'compiled' },
        quick: { type: 'boolean', default: false },
        json: { type: 'string' },
        add: { type: 'boolean', default: false },
        docs: { type: 'boolean', default: false },
        install: { type: 'boolean', default: false },
        profile: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}
