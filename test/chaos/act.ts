import { monitorEventLoopDelay } from 'node:perf_hooks';
import { startFaultProxy } from '../support/fault-proxy.js';
import type { ChaosBroker } from './broker.js';
import { percentile } from './checker/timing.js';
import type { Fault, Feed, Names, Rig } from './faults/fault.js';
import { createFleet, type Fleet } from './fleet.js';
import { type Choice, lengthOf, plan, type Step, unleash } from './nemesis.js';
import { OVERLAP_MS } from './pod-settings.js';
import type { Pods } from './pods.js';
import { type ChaosPublisher, createPublisher, type Tombstone } from './publisher.js';
import { seeded } from './random.js';
import type { Recorder } from './recorder.js';
import { readStream } from './stream-order.js';

/** What clients, publishers and faults do for a while. */
export interface ActOptions {
  readonly feed: Feed;
  readonly seed: number;
  readonly faults: readonly Fault[];
  readonly forMs: number;
  readonly choice: Choice;
  readonly clients: number;
  readonly publishers: number;
  /** Over all publishers. */
  readonly eventsPerSecond: number;
  /** False: clients come back without a cursor. */
  readonly resumes: boolean;
  /** The pods' history is too small on purpose. */
  readonly mayEvict: boolean;
  /** Of the publishers' names, and so of the events' ids: pods remember those of earlier acts. */
  readonly prefix: string;
}

/** Where it takes place. */
export interface Ground {
  readonly broker: ChaosBroker;
  readonly names: Names;
  readonly pods: Pods;
  readonly recorder: Recorder;
}

const WARM_MS = 2000;
/** Until the last events have come to everybody. Longer than they may take, to tell late from lost. */
const QUIESCE_MS = 20_000;
/** Of 2,000 clients, on a busy machine. */
const CONNECTED_MS = 60_000;
/** Start and end of the processes, and healings, beyond what the faults themselves take. */
const AROUND_MS = 40_000;
/** A stream that is read from its beginning pauses for no longer. */
const STREAM_QUIET_MS = 3000;
const ROUND_MS = 3000;
const POLL_MS = 50;
const LOOP_RESOLUTION_MS = 10;

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));

/** Records what is going to happen. */
export function announce(options: ActOptions, recorder: Recorder): Step[][] {
  const { seed, feed, faults, forMs, mayEvict } = options;
  const schedule = plan(faults, seeded(seed), forMs, options.choice);
  recorder.record({
    k: 'run',
    ev: 'begin',
    seed,
    feed,
    faults: [...new Set(schedule.flat().map(({ fault }) => fault.name))],
    plannedMs: WARM_MS + lengthOf(schedule) + QUIESCE_MS + AROUND_MS,
    overlapMs: OVERLAP_MS,
    mayEvict,
  });
  return schedule;
}

/** From the first client's coming to the last one's going. The pods are ready before, and stay. */
export async function act(ground: Ground, options: ActOptions, schedule: Step[][]): Promise<void> {
  const { broker, names, recorder, pods } = ground;
  const ends: (() => Promise<unknown>)[] = [];
  const begunAt = Date.now();
  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  loop.enable();
  try {
    const rig = await build(ground, options, ends);
    await unleash(schedule, rig, options.feed, recorder);
    const last = await quiesce(rig, recorder);
    loop.disable();
    const lags = rig.publishers.flatMap(one => one.lags).sort((a, b) => a - b);
    recorder.record({
      k: 'run',
      ev: 'lag',
      p99: percentile(lags, 0.99),
      loopP99: loop.percentile(99) / 1e6,
      loopMax: loop.max / 1e6,
    });
    if (options.feed === 'stream') {
      const placed = await broker.onChannel(channel =>
        readStream(channel, { stream: names.stream, sinceMs: begunAt, last, quietMs: STREAM_QUIET_MS }),
      );
      for (const { id, offset } of placed) recorder.record({ k: 'ord', id, offset });
    }
    rig.fleet.stop();
    await Promise.all(pods.all.map(pod => pod.recordIdle()));
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

async function build(
  { broker, names, pods, recorder }: Ground,
  options: ActOptions,
  ends: (() => Promise<unknown>)[],
): Promise<Rig> {
  const random = seeded(options.seed);
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

/** Each through a proxy of its own, to one of the nodes. */
async function publisher(
  index: number,
  { nodes, credentials }: ChaosBroker,
  { exchange }: Names,
  options: ActOptions,
  recorder: Recorder,
  ends: (() => Promise<unknown>)[],
): Promise<ChaosPublisher> {
  const name = `${options.prefix}p${index}`;
  const { port } = nodes[index % nodes.length] ?? nodes[0];
  const proxy = await startFaultProxy({ host: '127.0.0.1', port });
  const made = createPublisher(
    {
      name,
      proxy,
      credentials,
      exchange,
      perSecond: options.eventsPerSecond / options.publishers,
      mandatory: options.feed === 'stream',
    },
    seeded(options.seed).fork(name),
    recorder,
  );
  ends.push(async () => {
    await made.stop();
    await proxy.close();
  });
  return made;
}

async function untilConnected({ clients }: Fleet): Promise<void> {
  const deadline = performance.now() + CONNECTED_MS;
  while (!clients.every(client => client.isConnected)) {
    if (performance.now() > deadline)
      throw new Error(`Not all clients were connected within ${CONNECTED_MS} ms.`);
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
    if ((await reachesAll(fleet, all)) || performance.now() > deadline) return all.at(-1)?.id ?? '';
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
