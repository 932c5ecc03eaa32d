import { BOTH, type Fault, type Feed, NEVER, nothing, QUEUE, type Rig, STREAM } from './fault.js';

const freeze = (seconds: number, resyncs: readonly Feed[]): Fault => ({
  name: `broker-freeze-${seconds}`,
  what: `the broker's process stands still for ${seconds} s: connections stay open, nothing answers`,
  part: 'broker',
  feeds: BOTH,
  resyncs,
  holdMs: [seconds * 1000, seconds * 1000],
  async start({ broker }) {
    broker.freeze();
    return async () => broker.thaw();
  },
});

/** What `rabbitmqctl delete_queue` refuses for an exclusive queue, the node does itself. */
const deletion = (queue: string) =>
  `{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"${queue}">>)), rabbit_amqqueue:delete(Q, false, false, <<"chaos">>).`;

async function podQueues({ broker, names }: Rig): Promise<string[]> {
  const queues = await broker.named('queues', names.queuePrefix);
  return queues.filter(name => !name.endsWith('.overflow'));
}

/** Faults of one broker. Those of a cluster (a stalled link, a killed node of three) belong in a file beside this. */
export const BROKER_FAULTS: readonly Fault[] = [
  {
    name: 'broker-kill',
    what: 'the broker is killed (SIGKILL) and started again',
    part: 'broker',
    feeds: BOTH,
    resyncs: QUEUE,
    holdMs: [500, 4000],
    async start({ broker }) {
      await broker.kill();
      return () => broker.restart();
    },
  },
  {
    name: 'broker-restart',
    what: 'the broker is stopped in good order and started again',
    part: 'broker',
    feeds: BOTH,
    resyncs: QUEUE,
    holdMs: [0, 0],
    start:
      async ({ broker }) =>
      () =>
        broker.restart(),
  },
  freeze(5, NEVER),
  // Heartbeats of 10 s notice after 20 to 30 s.
  freeze(30, QUEUE),
  {
    name: 'memory-alarm',
    what: 'the broker has no memory left for publishers and reads nothing more from them',
    part: 'broker',
    feeds: BOTH,
    resyncs: NEVER,
    holdMs: [3000, 8000],
    async start({ broker }) {
      await broker.ctl('set_vm_memory_high_watermark', '0.0001');
      return async () => void (await broker.ctl('set_vm_memory_high_watermark', '0.4'));
    },
  },
  {
    name: 'queue-deleted',
    what: "a pod's queue is deleted",
    part: 'broker',
    feeds: QUEUE,
    resyncs: QUEUE,
    holdMs: [0, 0],
    async start(rig) {
      for (const queue of rig.random.some(await podQueues(rig), 1)) {
        await rig.broker.ctl('delete_queue', queue).catch(() => rig.broker.ctl('eval', deletion(queue)));
      }
      return nothing;
    },
  },
  {
    name: 'exchange-deleted',
    what: 'the exchange is deleted, and declared anew once every pod has looked for it (7 to 9 s)',
    part: 'broker',
    feeds: QUEUE,
    resyncs: QUEUE,
    // Pods look every 5 s; declared again sooner, their lost binding goes unnoticed (guarantees: what stays uncovered).
    holdMs: [7000, 9000],
    async start({ broker, names }) {
      await broker.onChannel(async channel => void (await channel.deleteExchange(names.exchange)));
      return () => broker.declare(names.exchange);
    },
  },
  {
    name: 'permission-revoked',
    what: "the pods' user loses all its rights, and its connections, and gets the rights back",
    part: 'broker',
    feeds: BOTH,
    resyncs: QUEUE,
    holdMs: [4000, 10_000],
    async start({ broker }) {
      await broker.setPermitted(false);
      return () => broker.setPermitted(true);
    },
  },
  {
    name: 'stream-recreated',
    what: 'the stream is deleted; the pods declare it anew',
    part: 'broker',
    feeds: STREAM,
    resyncs: STREAM,
    holdMs: [0, 0],
    async start({ broker, names }) {
      await broker.onChannel(async channel => void (await channel.deleteQueue(names.stream)));
      return nothing;
    },
  },
];
