import * as amqp from 'amqplib';
import { bounce } from './clients.js';
import { BOTH, type Fault, NEVER, nothing, QUEUE, type Rig } from './fault.js';

/**
 * More events than the 1,000 that a resume on another pod goes back in any case: without the marks by which pods know
 * of a stalled link, that would make up for it. A channel that has 400 messages under way to a queue waits for it, so
 * there are many channels.
 */
const FILLERS = { channels: 13, each: 100 };
/** By then more is held up than the overlap in time makes up for. */
const FILLERS_AT_MS = 5000;
const MOVES_AT_MS = 7000;

/** For a tenant that nobody is of, by way of the first node. Published while the link stands still. */
async function fillers({ broker, names }: Rig): Promise<{ publish(): void; close(): Promise<void> }> {
  const connection = await amqp.connect(broker.nodes[0].url);
  connection.on('error', () => {});
  const body = Buffer.from(JSON.stringify({ tenant: 'nobody', send_to_tenant: true, data: null }));
  const channels: amqp.ConfirmChannel[] = [];
  for (let i = 0; i < FILLERS.channels; i++) {
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => {});
    // A channel's first message to a queue on another node waits for that node.
    channel.publish(names.exchange, '', body);
    await channel.waitForConfirms();
    channels.push(channel);
  }
  return {
    publish() {
      for (const channel of channels)
        for (let i = 0; i < FILLERS.each; i++) channel.publish(names.exchange, '', body);
    },
    close: () => connection.close(),
  };
}

/** Faults of a cluster of brokers. */
export const CLUSTER_FAULTS: readonly Fault[] = [
  {
    name: 'link-stall',
    what: 'the link between two nodes of a cluster stands still for 10 s, with pods on either side, and after 7 s all clients change pods',
    part: 'broker',
    needs: 'two nodes',
    feeds: BOTH,
    resyncs: NEVER,
    holdMs: [10_000, 10_000],
    takesMs: 2000,
    async start(rig) {
      const { links } = rig.broker;
      if (links === null) throw new Error('A single node has no links.');
      const flood = await fillers(rig);
      let settle = nothing;
      links.stall();
      const timers = [
        setTimeout(() => flood.publish(), FILLERS_AT_MS),
        setTimeout(() => (settle = bounce(rig)), MOVES_AT_MS),
      ];
      return async () => {
        for (const timer of timers) clearTimeout(timer);
        links.resume();
        await settle();
        await flood.close();
      };
    },
  },
  {
    name: 'node-kill',
    what: 'one node of a cluster of three is killed (SIGKILL) and started again',
    part: 'broker',
    needs: 'three nodes',
    feeds: BOTH,
    resyncs: QUEUE,
    holdMs: [2000, 8000],
    takesMs: 12_000,
    async start({ broker, random }) {
      const node = random.pick(broker.nodes);
      await node.kill();
      return () => node.restart();
    },
  },
];
