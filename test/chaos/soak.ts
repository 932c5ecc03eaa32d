import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { act, type ActOptions, announce, type Ground } from './act.js';
import type { Arguments } from './arguments.js';
import type { ChaosBroker } from './broker.js';
import { check, type Judgement, type Verdict } from './checker/check.js';
import { checkRemains } from './checker/remains.js';
import type { Fault } from './faults/fault.js';
import type { Idle } from './pods.js';
import { MAIN, PUBLISHERS, runsFolder } from './profiles.js';
import { openRecorder, type Recorder } from './recorder.js';
import { readHistory } from './records.js';
import { prepare, tidyUp } from './run.js';
import { judgeKept, type Kept } from './soak-resources.js';
import { explain, toTable, verdictOf, worst } from './table.js';

/** A history holds so many minutes at most, or it wouldn't fit into memory; a short soak still has some acts. */
const ACT_MS = { most: 10 * 60_000, least: 60_000 };
const ACTS = 12;
/** Until garbage is collected, and no overlap of a resume reaches back into the act before (30 s at most). */
const REST_MS = 35_000;

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));

/**
 * Acts with faults drawn at random, on the same pods and broker, for so many minutes. Each is judged as a run is. After
 * each, once nobody is connected, it is looked at what the pods and the broker keep: that doesn't grow. The first pod
 * is never ended, so that there is one as old as the soak.
 */
export async function soak(
  broker: ChaosBroker,
  args: Arguments,
  { faults, minutes }: { readonly faults: readonly Fault[]; readonly minutes: number },
): Promise<Verdict> {
  const { feed, seed, clients, eventsPerSecond } = args;
  const folder = runsFolder(`soak-${feed}-${seed}`);
  const relay = relayRecorder();
  const end = performance.now() + minutes * 60_000;
  const actMs = Math.min(ACT_MS.most, Math.max(ACT_MS.least, (minutes * 60_000) / ACTS));
  const judgements: Judgement[] = [];
  const kept: Kept[] = [];

  relay.to(folder);
  const ground = await prepare(
    broker,
    // A history that is full within minutes, or its filling would look like a leak.
    { ...args, main: MAIN, folder, env: { HISTORY_MAX_EVENTS: '5000' }, sparesFirst: true },
    relay,
  );
  const queues = (await broker.named('queues', ground.names.queuePrefix)).length;
  console.log(`soak: ${minutes} minutes in acts of ${(actMs / 60_000).toFixed(1)}, seed ${seed}`);
  try {
    for (let turn = 0; turn === 0 || performance.now() + actMs / 2 < end; turn++) {
      const options: ActOptions = {
        feed,
        seed: seed + turn,
        faults,
        forMs: actMs,
        choice: 'drawn',
        clients,
        publishers: PUBLISHERS,
        eventsPerSecond,
        resumes: true,
        mayEvict: false,
        prefix: `${turn}.`,
      };
      const judgement = await judgeAct(ground, options, relay, join(folder, `act-${turn + 1}`));
      judgements.push(judgement);
      kept.push(await look(ground, queues));
      console.log(lineOf(turn + 1, judgement, kept));
      for (const line of explain(judgement)) console.log(line);
    }
  } finally {
    relay.to(join(folder, 'end'));
    await ground.pods.close();
  }
  await tidyUp(ground, feed);
  const { file } = relay;
  relay.close();
  const remains = checkRemains(await readHistory(file));
  for (const { text } of remains) console.log(`  at the end: ${text}`);
  const resources = judgeKept(kept);
  console.log(`\n${toTable([{ name: `soak, ${minutes} minutes`, judgements }])}\n`);
  for (const line of resources.lines) console.log(line);
  const verdict = worst([
    verdictOf(judgements),
    resources.verdict,
    remains.length === 0 ? 'valid' : 'invalid',
  ]);
  console.log(`soak, feed ${feed}, seed ${seed}: ${verdict}`);
  return verdict;
}

async function judgeAct(
  ground: Ground,
  options: ActOptions,
  relay: Relay,
  folder: string,
): Promise<Judgement> {
  relay.to(folder);
  try {
    await act(ground, options, announce(options, relay));
    relay.record({ k: 'run', ev: 'end' });
  } catch (error) {
    relay.record({ k: 'run', ev: 'crash', what: error instanceof Error ? error.message : String(error) });
  }
  const { file } = relay;
  relay.close();
  const judgement = check(await readHistory(file));
  if (judgement.verdict === 'valid') rmSync(folder, { recursive: true, force: true });
  else console.log(`  history: ${file}`);
  return judgement;
}

async function look({ broker, names, pods }: Ground, queuesAtFirst: number): Promise<Kept> {
  await pause(REST_MS);
  const idle = new Map<string, Idle>();
  for (const pod of pods.all) idle.set(pod.name, await pod.recordIdle());
  const queues = await broker.named('queues', names.queuePrefix);
  const waiting = await broker.waiting(names.queuePrefix);
  return { at: performance.now(), idle, further: queues.length - queuesAtFirst, waiting };
}

function lineOf(number: number, { verdict, figures }: Judgement, kept: readonly Kept[]): string {
  const { observations, lost, resyncs, lag } = figures;
  const pods = [...(kept.at(-1)?.idle ?? [])].map(
    ([pod, { rss, handles }]) => `${pod} ${Math.round(rss / 1e6)} MB ${handles} handles`,
  );
  return `act ${number}: ${verdict}; ${observations} observations, ${lost} lost, ${resyncs} resyncs; event loop p99 ${lag.loopP99.toFixed(0)} ms; ${pods.join(', ')}`;
}

/** What the pods record goes to the history of the act that is on. */
interface Relay extends Recorder {
  to(folder: string): void;
}

function relayRecorder(): Relay {
  let current: Recorder | null = null;
  return {
    to(folder) {
      current?.close();
      mkdirSync(folder, { recursive: true });
      current = openRecorder(folder);
    },
    get file() {
      return current?.file ?? '';
    },
    record: record => current?.record(record),
    now: () => current?.now() ?? 0,
    close: () => current?.close(),
  };
}
