import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { act, type ActOptions, announce, type Ground } from './act.js';
import type { ChaosBroker } from './broker.js';
import { check, type Judgement } from './checker/check.js';
import type { Names } from './faults/fault.js';
import { podSettings } from './pod-settings.js';
import { startPods } from './pods.js';
import { seeded } from './random.js';
import { openRecorder, type Recorder } from './recorder.js';
import { readHistory } from './records.js';

export interface RunOptions extends ActOptions {
  readonly pods: number;
  /** The compiled service. */
  readonly main: string;
  /** Further settings of the pods. */
  readonly env: Readonly<Record<string, string>>;
  /** For the history and the pods' logs. */
  readonly folder: string;
}

/** One run, from a fresh set of pods to a judgement of its history. */
export async function run(broker: ChaosBroker, options: RunOptions): Promise<Judgement> {
  mkdirSync(options.folder, { recursive: true });
  const recorder = openRecorder(options.folder);
  try {
    await perform(broker, options, recorder);
  } catch (error) {
    recorder.record({ k: 'run', ev: 'crash', what: error instanceof Error ? error.message : String(error) });
  } finally {
    recorder.close();
  }
  return check(await readHistory(recorder.file));
}

async function perform(broker: ChaosBroker, options: RunOptions, recorder: Recorder): Promise<void> {
  const schedule = announce(options, recorder);
  const ground = await prepare(broker, { ...options, sparesFirst: false }, recorder);
  try {
    await act(ground, options, schedule);
  } finally {
    await ground.pods.close();
  }
  await tidyUp(ground, options.feed);
  recorder.record({ k: 'run', ev: 'end' });
}

/** Names of its own, for the broker outlives the run; what publishers need there; and pods that are ready. */
export async function prepare(
  broker: ChaosBroker,
  options: Pick<RunOptions, 'feed' | 'pods' | 'main' | 'env' | 'folder' | 'seed'> & {
    readonly sparesFirst: boolean;
  },
  recorder: Recorder,
): Promise<Ground> {
  const { feed, folder, main, env, sparesFirst } = options;
  const own = `chaos.${randomBytes(5).toString('hex')}`;
  const names: Names = {
    exchange: `${own}.events`,
    control: `${own}.control`,
    stream: `${own}.history`,
    queuePrefix: `${own}.pod`,
  };
  await broker.declare(names.exchange);
  await broker.declare(names.control);
  const pods = await startPods(
    { count: options.pods, main, folder, env: podSettings(broker, names, feed, env), sparesFirst },
    seeded(options.seed).fork('doors'),
    recorder,
  );
  await pods.untilAllReady();
  return { broker, names, pods, recorder };
}

/** Records what the pods left at the broker, and takes away what was declared for them. */
export async function tidyUp({ broker, names, recorder }: Ground, feed: ActOptions['feed']): Promise<void> {
  const [queues, exchanges] = await Promise.all([
    broker.named('queues', names.queuePrefix),
    broker.named('exchanges', names.queuePrefix),
  ]);
  recorder.record({ k: 'left', queues, exchanges });
  await broker.onChannel(async channel => {
    if (feed === 'stream') await channel.deleteQueue(names.stream);
    await channel.deleteExchange(names.exchange);
    await channel.deleteExchange(names.control);
  });
}
