/**
 * `npm run chaos`: see scripts/chaos.mjs and docs/reliability.md. Exit code 0: valid; 1: invalid; 2: unknown, or wrong
 * arguments.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type ChaosBroker, startBroker } from './broker.js';
import { check, type Judgement } from './checker/check.js';
import type { Fault, Feed } from './faults/fault.js';
import { FAULTS, faultsOf } from './faults/index.js';
import { runMutants } from './mutants/run.js';
import { parseHistory } from './records.js';
import { run, type RunOptions } from './run.js';
import { explain, type Row, seconds, toTable, verdictOf } from './table.js';

const MAIN = join(import.meta.dirname, '../../src/main.js');
const EXIT = { valid: 0, invalid: 1, unknown: 2 } as const;
const USAGE = `npm run chaos -- [options]
  --feed queue|stream   (queue)
  --faults a,b          some of them; without it all, each alone
  --pairs               each two of them besides, at the same time
  --seed N              (by chance)
  --minutes N           of faults, each row (0.5)
  --runs N              of each row, with the seeds N, N + 1, … (1)
  --clients N           (200)
  --pods N              (3)
  --rate N              events a second (60)
  --jitter              the jitter profile, and beside it the same with clients that present no cursor
  --mutants             the checker against services with known bugs
  --check FILE          only judges a history that was kept
  --json FILE           figures and findings
  --list                the faults`;

interface Arguments {
  readonly feed: Feed;
  readonly faults: readonly (readonly Fault[])[];
  readonly seed: number;
  readonly runs: number;
  readonly check: string | null;
  readonly json: string | null;
  readonly task: 'faults' | 'jitter' | 'mutants' | 'list';
  readonly options: Omit<RunOptions, 'faults' | 'seed' | 'folder'>;
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      feed: { type: 'string', default: 'queue' },
      faults: { type: 'string' },
      pairs: { type: 'boolean', default: false },
      seed: { type: 'string' },
      minutes: { type: 'string', default: '0.5' },
      runs: { type: 'string', default: '1' },
      clients: { type: 'string', default: '200' },
      pods: { type: 'string', default: '3' },
      rate: { type: 'string', default: '60' },
      jitter: { type: 'boolean', default: false },
      mutants: { type: 'boolean', default: false },
      check: { type: 'string' },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
    },
  });
  const feed = feedOf(values.feed);
  const chosen =
    values.faults === undefined ? faultsOf(feed) : values.faults.split(',').map(name => faultOf(name, feed));
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`--minutes is ${values.minutes}; it must be a number above 0.`);
  return {
    feed,
    faults: [...chosen.map(fault => [fault]), ...(values.pairs ? pairsOf(chosen) : [])],
    seed: values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : whole('seed', values.seed, 0),
    runs: whole('runs', values.runs, 1),
    check: values.check ?? null,
    json: values.json ?? null,
    task: values.list ? 'list' : values.mutants ? 'mutants' : values.jitter ? 'jitter' : 'faults',
    options: {
      feed,
      forMs: minutes * 60_000,
      clients: whole('clients', values.clients, 1),
      pods: whole('pods', values.pods, 1),
      publishers: 3,
      eventsPerSecond: whole('rate', values.rate, 1),
      resumes: true,
      main: MAIN,
      env: {},
      mayEvict: false,
    },
  };
}

function feedOf(text: string): Feed {
  if (text === 'queue' || text === 'stream') return text;
  throw new Error(`--feed is ${text}; it must be queue or stream.`);
}

function faultOf(name: string, feed: Feed): Fault {
  const fault = faultsOf(feed).find(one => one.name === name);
  if (fault !== undefined) return fault;
  throw new Error(
    `There is no fault ${name} with --feed ${feed}. There are: ${faultsOf(feed)
      .map(one => one.name)
      .join(', ')}.`,
  );
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`--${name} is ${text}; it must be a whole number from ${least} on.`);
}

function pairsOf(faults: readonly Fault[]): Fault[][] {
  return faults.flatMap((first, index) => faults.slice(index + 1).map(second => [first, second]));
}

const nameOf = (faults: readonly Fault[]): string => faults.map(({ name }) => name).join(' + ');

async function runFaults(broker: ChaosBroker, args: Arguments): Promise<Row[]> {
  const rows: Row[] = [];
  for (const faults of args.faults) {
    const name = nameOf(faults);
    const judgements: Judgement[] = [];
    for (let seed = args.seed; seed < args.seed + args.runs; seed++) {
      judgements.push(await runOne(broker, args, name, { ...args.options, faults, seed }));
    }
    rows.push({ name, judgements });
  }
  return rows;
}

async function runOne(
  broker: ChaosBroker,
  { feed }: Arguments,
  name: string,
  options: Omit<RunOptions, 'folder'>,
): Promise<Judgement> {
  const folder = join(
    tmpdir(),
    'warren-chaos-runs',
    `${feed}-${name.replaceAll(' ', '')}-${options.seed}-${process.pid}`,
  );
  const judgement = await run(broker, { ...options, folder });
  console.log(`${name}, seed ${options.seed}: ${judgement.verdict}`);
  for (const line of explain(judgement)) console.log(line);
  if (judgement.verdict !== 'valid') console.log(`  history: ${folder}`);
  return judgement;
}

/** The jitter profile, and the control: without resuming there must be loss, or the profile does not bite. */
async function runJitter(broker: ChaosBroker, args: Arguments): Promise<Row[]> {
  const faults = FAULTS.filter(({ name }) => name === 'jitter');
  const options = { ...args.options, faults, seed: args.seed, forMs: 0 };
  const own = await runOne(broker, args, 'jitter', options);
  const control = await runOne(broker, args, 'jitter, no cursor', { ...options, resumes: false });
  for (const [name, { figures }] of [
    ['with cursors', own],
    ['without', control],
  ] as const) {
    const { owed, lost, covered, replayMs } = figures;
    const share = owed === 0 ? 0 : (100 * (owed - lost - covered)) / owed;
    console.log(
      `jitter ${name}: ${share.toFixed(3)} % of ${owed} delivered; replayed after ${seconds(replayMs.p50)} (p50), ${seconds(replayMs.p95)} (p95), ${seconds(replayMs.p99)} (p99)`,
    );
  }
  const bites: Judgement = {
    ...control,
    findings: [],
    rig: control.figures.lost > 0 ? [] : ['clients without a cursor lost nothing: the profile does not bite'],
    verdict: control.figures.lost > 0 ? 'valid' : 'unknown',
  };
  return [
    { name: 'jitter', judgements: [own] },
    { name: 'jitter, control', judgements: [bites] },
  ];
}

async function main(): Promise<number> {
  let args: Arguments;
  try {
    args = readArguments();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return EXIT.unknown;
  }
  if (args.task === 'list') {
    for (const { name, what, feeds } of FAULTS)
      console.log(`${name.padEnd(20)} ${feeds.join(', ').padEnd(14)} ${what}`);
    return EXIT.valid;
  }
  if (args.check !== null) {
    const judgement = check(parseHistory(readFileSync(args.check, 'utf8')));
    for (const line of [judgement.verdict, ...explain(judgement)]) console.log(line);
    console.log(JSON.stringify(judgement.figures, null, 2));
    return EXIT[judgement.verdict];
  }
  const broker = await startBroker();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void broker.stop().finally(() => process.exit(130)));
  }
  try {
    if (args.task === 'mutants') return (await runMutants(broker, args.seed)) ? EXIT.valid : EXIT.invalid;
    const rows = await (args.task === 'jitter' ? runJitter(broker, args) : runFaults(broker, args));
    console.log(`\n${toTable(rows)}\n\nfeed ${args.feed}, seed ${args.seed}`);
    if (args.json !== null)
      writeFileSync(args.json, `${JSON.stringify({ feed: args.feed, seed: args.seed, rows }, null, 2)}\n`);
    return EXIT[verdictOf(rows.flatMap(({ judgements }) => judgements))];
  } finally {
    await broker.stop();
  }
}

process.exit(await main());
