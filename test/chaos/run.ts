import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { startFaultProxy } from '../support/fault-proxy.js';
import type { ChaosBroker } from './broker.js';
import { check, type Judgement } from './checker/check.js';
import { percentile } from './checker/timing.js';
import type { Fault, Feed, Names, Rig } from './faults/fault.js';
import { createFleet, type Fleet } from './fleet.js';
import { lengthOf, plan, unleash } from './nemesis.js';
import { startPods } from './pods.js';
import { type ChaosPublisher, createPublisher, type Tombstone } from './publisher.js';
import { seeded } from './random.js';
import { openRecorder, type Recorder } from './recorder.js';
import { parseHistory } from './records.js';
import { readStream } from './stream-order.js';

export interface RunOptions {
  readonly feed: Feed;
  readonly seed: number;
  readonly faults: readonly Fault[];
  /** Of faults; a fault that takes longer happens once. */
  readonly forMs: number;
  readonly clients: number;
  readonly pods: number;
  readonly publishers: number;
  /** Over all publishers. */
  readonly eventsPerSecond: number;
  /** False: clients come back without a cursor. */
  readonly resumes: boolean;
  /** The compiled service. */
  readonly main: string;
  /** Further settings of the pods. */
  readonly env: Readonly<Record<string, string>>;
  /** The pods' history is too small on purpose. */
  readonly mayEvict: boolean;
  /** For the history and the pods' logs. */
  readonly folder: string;
}

const OVERLAP_MS = 2000;
const WARM_MS = 2000;
/** Until the last events have come to everybody. Longer than they may take, to tell late from lost. */
const QUIESCE_MS = 20_000;
/** Start and end of the processes, and healings, beyond what the faults themselves take. */
const AROUND_MS = 40_000;
/** A stream that is read from its beginning pauses for no longer. */
const STREAM_QUIET_MS = 3000;
const ROUND_MS = 3000;
const POLL_MS = 50;

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));

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
  return check(parseHistory(readFileSync(recorder.file, 'utf8')));
}

async function perform(broker: ChaosBroker, options: RunOptions, recorder: Recorder): Promise<void> {
  const { feed, seed, faults, forMs } = options;
  const random = seeded(seed);
  const schedule = plan(faults, random, forMs);
  recorder.record({
    k: 'run',
    ev: 'begin',
    seed,
    feed,
    faults: faults.map(({ name }) => name),
    plannedMs: WARM_MS + lengthOf(schedule) + QUIESCE_MS + AROUND_MS,
    overlapMs: OVERLAP_MS,
    mayEvict: options.mayEvict,
  });
  const names = uniqueNames();
  const ends: (() => Promise<unknown>)[] = [];
  try {
    const rig = await build(broker, names, options, recorder, ends);
    await unleash(schedule, rig, feed, recorder);
    const last = await quiesce(rig, recorder);
    if (feed === 'stream') await recordOrder(rig, last, recorder);
    await leave(rig);
  } finally {
    for (const end of ends.toReversed()) await end();
  }
  await recordLeftovers(broker, names, recorder);
  recorder.record({ k: 'run', ev: 'end' });
}

/** Of its own, for the broker outlives the run. */
function uniqueNames(): Names {
  const own = `chaos.${randomBytes(5).toString('hex')}`;
  return { exchange: `${own}.events`, stream: `${own}.history`, queuePrefix: `${own}.pod` };
}

async function build(
  broker: ChaosBroker,
  names: Names,
  options: RunOptions,
  recorder: Recorder,
  ends: (() => Promise<unknown>)[],
): Promise<Rig> {
  const random = seeded(options.seed);
  await broker.declare(names.exchange);
  const pods = await startPods(
    {
      count: options.pods,
      main: options.main,
      folder: options.folder,
      env: {
        FEED: options.feed,
        AMQP_URL: broker.podUrl,
        AMQP_EXCHANGE: names.exchange,
        AMQP_QUEUE_PREFIX: names.queuePrefix,
        ...(options.feed === 'stream' ? { AMQP_STREAM: names.stream } : { AMQP_DECLARE: 'false' }),
        FEED_RECONNECT_DEADLINE_MS: '-1',
        RESUME_OVERLAP_MS: String(OVERLAP_MS),
        PING_INTERVAL_MS: '2000',
        PONG_TIMEOUT_MS: '2000',
        DRAIN_MS: '2000',
        CLIENT_MESSAGES_PER_SECOND: '100',
        ...options.env,
      },
    },
    random.fork('doors'),
    recorder,
  );
  ends.push(() => pods.close());
  await pods.untilAllReady();
  const publishers = await Promise.all(
    Array.from({ length: options.publishers }, (_, index) =>
      publisher(index, broker, names, options, recorder, ends),
    ),
  );
  const fleet = createFleet(options, random, recorder, avoid => pods.door(avoid));
  ends.push(async () => fleet.stop());
  for (const one of publishers) one.start();
  fleet.start();
  await untilConnected(fleet);
  await pause(WARM_MS);
  return { broker, names, pods, fleet, publishers, random: random.fork('faults') };
}

async function publisher(
  index: number,
  broker: ChaosBroker,
  { exchange }: Names,
  { seed, publishers, eventsPerSecond }: RunOptions,
  recorder: Recorder,
  ends: (() => Promise<unknown>)[],
): Promise<ChaosPublisher> {
  const name = `p${index}`;
  const proxy = await startFaultProxy({ host: '127.0.0.1', port: broker.port });
  const made = createPublisher(
    { name, proxy, credentials: broker.credentials, exchange, perSecond: eventsPerSecond / publishers },
    seeded(seed).fork(name),
    recorder,
  );
  ends.push(async () => {
    await made.stop();
    await proxy.close();
  });
  return made;
}

async function untilConnected({ clients }: Fleet): Promise<void> {
  const deadline = performance.now() + QUIESCE_MS;
  while (!clients.every(client => client.isConnected)) {
    if (performance.now() > deadline)
      throw new Error(`Not all clients were connected within ${QUIESCE_MS} ms.`);
    await pause(POLL_MS);
  }
}

/**
 * No more faults, though events go on until all pods can deliver. Then the last ones go to everybody, again and again
 * until one set of them has reached all, for a pod that is about to notice that it lost its queue misses them.
 * Resolves to the very last one's id.
 */
async function quiesce({ fleet, publishers, pods }: Rig, recorder: Recorder): Promise<string> {
  recorder.record({ k: 'run', ev: 'quiesce' });
  await pods.untilAllReady();
  await pause(WARM_MS);
  fleet.settle();
  await inTime(
    'What was published was not confirmed',
    publishers.map(one => one.settle()),
  );
  const deadline = performance.now() + QUIESCE_MS;
  for (;;) {
    const tombstones = await inTime(
      'The last events were not confirmed',
      publishers.map(one => one.publishTombstones()),
    );
    const all = tombstones.flat();
    if ((await reachesAll(fleet, all)) || performance.now() > deadline) {
      const lags = publishers.flatMap(one => one.lags).sort((a, b) => a - b);
      recorder.record({ k: 'run', ev: 'lag', p99: percentile(lags, 0.99) });
      return all.at(-1)?.id ?? '';
    }
  }
}

async function inTime<T>(otherwise: string, tasks: readonly Promise<T>[]): Promise<T[]> {
  const late = pause(QUIESCE_MS).then(() =>
    Promise.reject(new Error(`${otherwise} within ${QUIESCE_MS} ms.`)),
  );
  late.catch(() => {});
  return await Promise.race([Promise.all(tasks), late]);
}

async function reachesAll({ clients }: Fleet, tombstones: readonly Tombstone[]): Promise<boolean> {
  const deadline = performance.now() + ROUND_MS;
  const isThere = () =>
    clients.every(client =>
      tombstones.every(({ id, tenant }) => tenant !== client.who.tenant || client.has(id)),
    );
  while (!isThere()) {
    if (performance.now() > deadline) return false;
    await pause(POLL_MS);
  }
  return true;
}

async function recordOrder({ broker, names }: Rig, last: string, recorder: Recorder): Promise<void> {
  const placed = await broker.onChannel(channel => readStream(channel, names.stream, last, STREAM_QUIET_MS));
  for (const { id, offset } of placed) recorder.record({ k: 'ord', id, offset });
  await broker.onChannel(async channel => void (await channel.deleteQueue(names.stream)));
}

async function leave({ fleet, pods }: Rig): Promise<void> {
  fleet.stop();
  await Promise.all(pods.all.map(pod => pod.recordIdle()));
}

async function recordLeftovers(broker: ChaosBroker, names: Names, recorder: Recorder): Promise<void> {
  const [queues, exchanges] = await Promise.all([
    broker.named('queues', names.queuePrefix),
    broker.named('exchanges', names.queuePrefix),
  ]);
  recorder.record({ k: 'left', queues, exchanges });
}
