/**
 * `npm run chaos`: see scripts/chaos.mjs and docs/reliability.md. Exit code 0: valid; 1: invalid; 2: unknown, or wrong
 * arguments.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { type Arguments, brokerFor, readArguments, USAGE } from './arguments.js';
import { type Brokers, createBrokers } from './broker.js';
import { check, type Judgement, type Verdict } from './checker/check.js';
import { FAULTS } from './faults/index.js';
import { runMutants } from './mutants/run.js';
import { runDeploy, runJitter, runOne } from './profiles.js';
import { readHistory } from './records.js';
import { soak } from './soak.js';
import { byFault, explain, merge, PAIRED, type Row, toTable, verdictOf } from './table.js';

const EXIT: Readonly<Record<Verdict, number>> = { valid: 0, invalid: 1, unknown: 2 };

async function perform(args: Arguments, brokers: Brokers): Promise<Verdict> {
  const { task, seed } = args;
  switch (task.kind) {
    case 'list':
      for (const { name, what, feeds } of FAULTS)
        console.log(`${name.padEnd(20)} ${feeds.join(', ').padEnd(14)} ${what}`);
      return 'valid';
    case 'check':
      return await checkOnly(task.file);
    case 'merge':
      return mergeOnly(task.files);
    case 'mutants':
      return (await runMutants(brokers, seed)) ? 'valid' : 'invalid';
    case 'soak':
      return await soak(await brokers.of('one node'), args, task);
    case 'jitter':
      return conclude(await runJitter(await brokers.of('one node'), args), args);
    case 'deploy':
      return conclude(await runDeploy(await brokers.of('one node'), args), args);
    case 'rows':
      return conclude(await runRows(brokers, args, task.rows), args);
  }
}

async function runRows(
  brokers: Brokers,
  args: Arguments,
  all: Extract<Arguments['task'], { readonly kind: 'rows' }>['rows'],
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const faults of all) {
    const broker = await brokers.of(brokerFor(faults));
    const name = faults.map(fault => fault.name).join(PAIRED);
    const judgements: Judgement[] = [];
    for (let turn = 0; turn < args.runs; turn++)
      judgements.push(await runOne(broker, args, { name, faults, seed: args.seed + turn }));
    rows.push({ name, judgements });
  }
  return rows;
}

function conclude(rows: readonly Row[], { feed, seed, json }: Arguments): Verdict {
  console.log(`\n${toTable(rows)}\n\nfeed ${feed}, seed ${seed}`);
  if (json !== null) writeFileSync(json, `${JSON.stringify({ feed, seed, rows }, null, 2)}\n`);
  return verdictOf(rows.flatMap(({ judgements }) => judgements));
}

async function checkOnly(file: string): Promise<Verdict> {
  const judgement = check(await readHistory(file));
  for (const line of [judgement.verdict, ...explain(judgement)]) console.log(line);
  console.log(JSON.stringify(judgement.figures, null, 2));
  return judgement.verdict;
}

/** Of pairs, a row for each fault in whatever pairs it was: there are hundreds of them. */
function mergeOnly(files: readonly string[]): Verdict {
  const rows = merge(
    files.flatMap(file => {
      const { rows }: { readonly rows: readonly Row[] } = JSON.parse(readFileSync(file, 'utf8'));
      return rows;
    }),
  );
  const isPairs = rows.every(({ name }) => name.includes(PAIRED));
  console.log(toTable(isPairs ? byFault(rows) : rows));
  const judgements = rows.flatMap(one => one.judgements);
  for (const one of ['valid', 'invalid', 'unknown'] as const)
    console.log(`${one}: ${judgements.filter(({ verdict }) => verdict === one).length}`);
  return verdictOf(judgements);
}

async function main(): Promise<number> {
  let args: Arguments;
  try {
    args = readArguments();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return EXIT.unknown;
  }
  const brokers = createBrokers();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void brokers.stop().finally(() => process.exit(130)));
  }
  try {
    return EXIT[await perform(args, brokers)];
  } finally {
    await brokers.stop();
  }
}

process.exit(await main());
