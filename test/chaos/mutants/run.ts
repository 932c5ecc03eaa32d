import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brokerFor } from '../arguments.js';
import type { Brokers } from '../broker.js';
import type { Judgement } from '../checker/check.js';
import type { FaultKind } from '../checker/findings.js';
import { FAULTS } from '../faults/index.js';
import { run } from '../run.js';
import { explain } from '../table.js';
import { type Mutant, MUTANTS, type Scenario, SCENARIOS } from './mutants.js';

const SERVICE = join(import.meta.dirname, '../../../src');
/** Beside the service, so that its packages are found. */
const COPIES = join(import.meta.dirname, '../../../mutants');
const LOAD = { eventsPerSecond: 60, forMs: 14_000 };
const CLIENTS = 150;

/**
 * Runs each scenario with the service as it is and with each known bug, and prints what the checker said.
 *
 * @returns whether all bugs were found, and nothing where there is none
 */
export async function runMutants(brokers: Brokers, seed: number): Promise<boolean> {
  const rows: string[] = [];
  let allRight = true;
  for (const scenario of SCENARIOS) {
    const judgement = await runScenario(brokers, scenario, seed, SERVICE);
    // A machine too slow for the schedule is no matter here, as long as there was something to judge.
    const right = judgement.verdict !== 'invalid' && judgement.figures.observations > 0;
    if (!right) for (const line of explain(judgement)) console.log(line);
    allRight &&= right;
    rows.push(rowOf('none', scenario, judgement, right ? 'passed' : 'NOT PASSED'));
    console.log(rows.at(-1));
  }
  for (const mutant of MUTANTS) {
    const copy = plant(mutant);
    const judgement = await runScenario(brokers, mutant.scenario, seed, copy);
    const killed = judgement.findings.some(({ kind }) => mutant.caughtBy.includes(kind));
    allRight &&= killed;
    rows.push(rowOf(mutant.name, mutant.scenario, judgement, killed ? 'killed' : 'SURVIVED'));
    console.log(rows.at(-1));
    rmSync(copy, { recursive: true, force: true });
  }
  console.log(
    `\n| bug | scenario | events | found | outcome |\n|---|---|---|---|---|\n${rows.join('\n')}\n\nseed ${seed}`,
  );
  return allRight;
}

/** A copy of the compiled service with the bug in it. */
function plant({ name, file, find, put }: Mutant): string {
  const copy = join(COPIES, name.replaceAll(/[^a-z0-9]+/g, '-'));
  rmSync(copy, { recursive: true, force: true });
  cpSync(SERVICE, copy, { recursive: true });
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  const parts = text.split(find);
  if (parts.length !== 2) {
    throw new Error(
      `Mutant "${name}": ${file} holds ${JSON.stringify(find)} ${parts.length - 1} times, not once.`,
    );
  }
  writeFileSync(path, parts.join(put));
  return copy;
}

async function runScenario(
  brokers: Brokers,
  scenario: Scenario,
  seed: number,
  service: string,
): Promise<Judgement> {
  const faults = FAULTS.filter(({ name }) => scenario.faults.includes(name));
  return run(await brokers.of(brokerFor(faults)), {
    feed: 'queue',
    seed,
    faults,
    ...(scenario.load ?? LOAD),
    clients: CLIENTS,
    pods: scenario.pods,
    publishers: 3,
    resumes: true,
    main: join(service, 'main.js'),
    env: scenario.env,
    choice: 'all',
    prefix: '',
    mayEvict: 'HISTORY_MAX_EVENTS' in scenario.env,
    folder: join(tmpdir(), 'warren-chaos-runs', `mutants-${process.pid}`),
  });
}

function rowOf(bug: string, scenario: Scenario, { findings, figures }: Judgement, outcome: string): string {
  const counts = new Map<FaultKind, number>();
  for (const { kind } of findings) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const found = [...counts].map(([kind, count]) => `${kind} ${count}`).join(', ');
  return `| ${bug} | ${scenario.name} | ${figures.confirmed} | ${found || 'nothing'} | ${outcome} |`;
}
