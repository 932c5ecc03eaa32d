import { STREAM_BYTES } from '../pod-settings.js';
import { BOTH, type Fault, type Feed, NEVER, nothing, QUEUE, type Rig, STREAM } from './fault.js';

const freeze = (seconds: number, resyncs: readonly Feed[]): Fault => ({
  name: `broker-freeze-${seconds}`,
  what: `the broker's process stands still for ${seconds} s: connections stay open, nothing answers`,
  part: 'broker',
  needs: 'one node',
  feeds: BOTH,
  resyncs,
  holdMs: [seconds * 1000, seconds * 1000],
  takesMs: 0,
  async start({ broker }) {
    broker.nodes[0].freeze();
    return async () => broker.nodes[0].thaw();
  },
});

/** Less than a sixteenth of the stream, by which it is trimmed; to pods it is no valid event. */
const FILLER_BYTES = 60_000;

/**
 * What `rabbitmqctl delete_queue` refuses for an exclusive queue, the node does itself. One that has gone with its pod in
 * the meantime, in another fault's hands, is as good as deleted: it ended an act of a soak.
 */
const deletion = (queue: string) =>
  `case rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"${queue}">>)) of {ok, Q} -> rabbit_amqqueue:delete(Q, false, false, <<"chaos">>); {error, not_found} -> gone end.`;

async function podQueues({ broker, names }: Rig): Promise<string[]> {
  const queues = await broker.named('queues', names.queuePrefix);
  return queues.filter(name => !name.endsWith('.overflow'));
}

/** Faults of a broker of one node. */
export const BROKER_FAULTS: readonly Fault[] = [
  {
    name: 'broker-kill',
    what: 'the broker is killed (SIGKILL) and started again',
    part: 'broker',
    needs: 'one node',
    feeds: BOTH,
    resyncs: QUEUE,
    holdMs: [500, 4000],
    takesMs: 7000,
    async start({ broker }) {
      const [node] = broker.nodes;
      await node.kill();
      return () => node.restart();
    },
  },
  {
    name: 'broker-restart',
    what: 'the broker is stopped in good order and started again',
    part: 'broker',
    needs: 'one node',
    feeds: BOTH,
    resyncs: QUEUE,
    holdMs: [0, 0],
    takesMs: 8000,
    start:
      async ({ broker }) =>
      () =>
        broker.nodes[0].restart(),
  },
  freeze(5, NEVER),
  // Heartbeats of 10 s notice after 20 to 30 s.
  freeze(30, QUEUE),
  {
    name: 'memory-alarm',
    what: 'the broker has no memory left for publishers and reads nothing more from them',
    part: 'broker',
    needs: 'one node',
    feeds: BOTH,
    resyncs: NEVER,
    holdMs: [3000, 8000],
    takesMs: 1000,
    async start({ broker }) {
      await broker.nodes[0].ctl('set_vm_memory_high_watermark', '0.0001');
      return async () => void (await broker.nodes[0].ctl('set_vm_memory_high_watermark', '0.4'));
    },
  },
  {
    name: 'queue-deleted',
    what: "a pod's queue is deleted",
    part: 'broker',
    needs: 'one node',
    feeds: QUEUE,
    resyncs: QUEUE,
    holdMs: [0, 0],
    takesMs: 1000,
    async start(rig) {
      const [node] = rig.broker.nodes;
      for (const queue of rig.random.some(await podQueues(rig), 1)) {
        await node.ctl('delete_queue', queue).catch(() => node.ctl('eval', deletion(queue)));
      }
      return nothing;
    },
  },
  {
    name: 'exchange-deleted',
    what: 'the exchange is deleted, and declared anew once every pod has looked for it (7 to 9 s)',
    part: 'broker',
    needs: 'one node',
    feeds: QUEUE,
    resyncs: QUEUE,
    // Pods look every 5 s; declared again sooner, their lost binding goes unnoticed (guarantees: what stays uncovered).
    holdMs: [7000, 9000],
    takesMs: 0,
    async start({ broker, names }) {
      await broker.onChannel(async channel => void (await channel.deleteExchange(names.exchange)));
      return () => broker.declare(names.exchange);
    },
  },
  {
    name: 'permission-revoked',
    what: "the pods' user loses all its rights, and its connections, and gets the rights back",
    part: 'broker',
    needs: 'one node',
    feeds: BOTH,
    resyncs: QUEUE,
    holdMs: [4000, 10_000],
    takesMs: 2000,
    async start({ broker }) {
      await broker.setPermitted(false);
      return () => broker.setPermitted(true);
    },
  },
  {
    name: 'stream-recreated',
    what: 'the stream is deleted; the pods declare it anew',
    part: 'broker',
    needs: 'one node',
    feeds: STREAM,
    resyncs: STREAM,
    holdMs: [0, 0],
    takesMs: 0,
    async start({ broker, names }) {
      await broker.onChannel(async channel => void (await channel.deleteQueue(names.stream)));
      return nothing;
    },
  },
  {
    name: 'stream-trimmed',
    what: 'while the pods are cut off the stream is flooded, until what they had read is trimmed',
    part: 'broker',
    needs: 'one node',
    feeds: STREAM,
    resyncs: STREAM,
    holdMs: [0, 0],
    takesMs: 10_000,
    async start({ broker, names }) {
      await broker.setPermitted(false);
      await broker.onChannel(async channel => {
        const body = Buffer.from(JSON.stringify({ filler: 'x'.repeat(FILLER_BYTES) }));
        for (let sent = 0; sent < 2 * STREAM_BYTES; sent += body.length) {
          channel.sendToQueue(names.stream, body);
          await channel.waitForConfirms();
        }
      });
      return () => broker.setPermitted(true);
    },
  },
];
