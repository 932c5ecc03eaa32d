import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Arguments } from './arguments.js';
import type { ChaosBroker } from './broker.js';
import { type Judgement, verdictFor } from './checker/check.js';
import type { Fault } from './faults/fault.js';
import { FAULTS } from './faults/index.js';
import { run } from './run.js';
import { explain, type Row, seconds } from './table.js';

export const MAIN = join(import.meta.dirname, '../../src/main.js');
export const PUBLISHERS = 3;

/** For histories and logs. */
export const runsFolder = (name: string): string =>
  join(tmpdir(), 'warren-chaos-runs', `${name}-${process.pid}`);

/** What differs from one run to the next. */
interface Single {
  readonly name: string;
  readonly faults: readonly Fault[];
  readonly seed: number;
  readonly forMs?: number;
  readonly resumes?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs it, and prints what came of it. What was recorded is kept if it isn't valid. */
export async function runOne(
  broker: ChaosBroker,
  { feed, forMs, clients, pods, eventsPerSecond }: Arguments,
  single: Single,
): Promise<Judgement> {
  const { name, seed } = single;
  const folder = runsFolder(`${feed}-${name.replaceAll(/[^a-z0-9+-]/g, '')}-${seed}`);
  const judgement = await run(broker, {
    feed,
    clients,
    pods,
    eventsPerSecond,
    publishers: PUBLISHERS,
    main: MAIN,
    mayEvict: false,
    prefix: '',
    folder,
    forMs,
    choice: 'all',
    resumes: true,
    env: {},
    ...single,
  });
  console.log(`${name}, seed ${seed}: ${judgement.verdict}`);
  for (const line of explain(judgement)) console.log(line);
  if (judgement.verdict === 'valid') rmSync(folder, { recursive: true, force: true });
  else console.log(`  history: ${folder}`);
  return judgement;
}

const faultsNamed = (name: string): readonly Fault[] => FAULTS.filter(fault => fault.name === name);

/** With thousands of clients: as shipped, or pings would be most of what there is. */
const PINGS = { PING_INTERVAL_MS: '25000', PONG_TIMEOUT_MS: '10000' };

/** The jitter profile, and the control: without resuming there must be loss, or the profile does not bite. */
export async function runJitter(broker: ChaosBroker, args: Arguments): Promise<Row[]> {
  const single = { faults: faultsNamed('jitter'), seed: args.seed, forMs: 1, env: PINGS };
  const own = await runOne(broker, args, { ...single, name: 'jitter' });
  const control = await runOne(broker, args, { ...single, name: 'jitter without cursors', resumes: false });
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
  return [
    { name: 'jitter', judgements: [own] },
    { name: 'jitter, control (has to lose)', judgements: [judgeControl(control)] },
  ];
}

/** A control is right if it loses events: nothing else may be wrong with it, and its rig has to be as good as any. */
export function judgeControl(control: Judgement): Judgement {
  const others = control.findings.filter(({ kind }) => kind !== 'lost');
  const bites = control.figures.lost > 0;
  const rig = [
    ...control.rig,
    ...(bites ? [] : ['clients without a cursor lost nothing: the profile does not bite']),
  ];
  return { ...control, rig, verdict: verdictFor(others, rig) };
}

/** A rolling deploy with the drain as shipped: how many clients come back in a second. */
export async function runDeploy(broker: ChaosBroker, args: Arguments): Promise<Row[]> {
  const judgements: Judgement[] = [];
  for (let turn = 0; turn < args.runs; turn++) {
    const judgement = await runOne(broker, args, {
      name: 'deploy',
      faults: faultsNamed('rolling-deploy'),
      seed: args.seed + turn,
      forMs: 1,
      env: { ...PINGS, DRAIN_MS: '15000' },
    });
    const drains = judgement.figures.drains.filter(({ clients }) => clients > 0);
    for (const { pod, clients, perSecond, peak } of drains)
      console.log(
        `  ${pod} sent ${clients} clients away, ${perSecond.toFixed(1)} a second; at most ${peak} came back within a second (${(peak / perSecond).toFixed(2)} times)`,
      );
    judgements.push(judgement);
  }
  return [{ name: 'deploy', judgements }];
}
