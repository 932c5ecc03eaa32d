import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as amqp from 'amqplib';
import { type RabbitmqNode, startNode } from '../../scripts/lib/rabbitmq-node.mjs';
import { type RabbitmqCluster, startCluster } from '../support/rabbitmq-cluster.js';

export type BrokerKind = 'one node' | 'two nodes' | 'three nodes';

/** The broker of some runs, and what may be done to it. Each run has names of its own at it. */
export interface ChaosBroker {
  readonly kind: BrokerKind;
  /** Faults of a single node are done to the first. */
  readonly nodes: readonly [RabbitmqNode, ...RabbitmqNode[]];
  /** Between the nodes. Null: there is one. */
  readonly links: RabbitmqCluster['links'] | null;
  /** Of the publishers, who may do everything. */
  readonly credentials: { readonly username: string; readonly password: string };
  /**
   * `AMQP_URL` of a pod, with the pods' user, who may do everything too. Of two nodes each pod knows one, so that some
   * are at either side of the link; of three it knows all, beginning with one of its own.
   */
  podUrl(index: number): string;
  setPermitted(permitted: boolean): Promise<void>;
  /** An exchange as the pods would declare it. */
  declare(exchange: string): Promise<void>;
  onChannel<T>(work: (channel: amqp.ConfirmChannel) => Promise<T>): Promise<T>;
  /** Names of queues or exchanges with this prefix. */
  named(kind: 'queues' | 'exchanges', prefix: string): Promise<string[]>;
  /** Messages that wait in queues with this prefix. */
  waiting(prefix: string): Promise<number>;
  stop(): Promise<void>;
}

const POD = { user: 'pod', password: 'chaos' };
const EVERYTHING = ['.*', '.*', '.*'];
/** Of three nodes those two go on that see one another, as docs/guarantees.md advises. */
const CLUSTERS = {
  'two nodes': { further: 1, settings: [] },
  'three nodes': { further: 2, settings: ['cluster_partition_handling = pause_minority'] },
};

export async function startBroker(kind: BrokerKind): Promise<ChaosBroker> {
  const { nodes, links, stop } = await startNodes(kind);
  const [first] = nodes;
  const setPermitted = async (permitted: boolean) => {
    if (permitted) await first.ctl('set_permissions', POD.user, ...EVERYTHING);
    else {
      await first.ctl('clear_permissions', POD.user);
      // Open channels remember what was allowed.
      await first.ctl('close_all_user_connections', POD.user, 'chaos');
    }
  };
  async function onChannel<T>(work: (channel: amqp.ConfirmChannel) => Promise<T>): Promise<T> {
    const connection = await amqp.connect(first.url);
    connection.on('error', () => {});
    try {
      const channel = await connection.createConfirmChannel();
      channel.on('error', () => {});
      return await work(channel);
    } finally {
      await connection.close();
    }
  }
  await first.ctl('add_user', POD.user, POD.password);
  await setPermitted(true);
  const urls = nodes.map(({ port }) => `amqp://${POD.user}:${POD.password}@127.0.0.1:${port}`);
  return {
    kind,
    nodes,
    links,
    credentials: { username: 'guest', password: 'guest' },
    podUrl(index) {
      const own = index % urls.length;
      const turned = [...urls.slice(own), ...urls.slice(0, own)];
      return (kind === 'two nodes' ? turned.slice(0, 1) : turned).join(',');
    },
    setPermitted,
    onChannel,
    declare: exchange =>
      onChannel(async channel => void (await channel.assertExchange(exchange, 'fanout', { durable: true }))),
    async named(which, prefix) {
      const all: { name: string }[] = JSON.parse(
        await first.ctl(`list_${which}`, '--formatter', 'json', 'name'),
      );
      return all.map(({ name }) => name).filter(name => name.startsWith(prefix));
    },
    async waiting(prefix) {
      const all: { name: string; messages: number }[] = JSON.parse(
        await first.ctl('list_queues', '--formatter', 'json', 'name', 'messages'),
      );
      return all
        .filter(({ name }) => name.startsWith(prefix))
        .reduce((sum, { messages }) => sum + messages, 0);
    },
    stop,
  };
}

async function startNodes(kind: BrokerKind): Promise<Pick<ChaosBroker, 'nodes' | 'links' | 'stop'>> {
  if (kind !== 'one node') return startCluster(CLUSTERS[kind]);
  const node = await startNode({ folder: await mkdtemp(join(tmpdir(), 'warren-chaos-')), temporary: true });
  return { nodes: [node], links: null, stop: () => node.stop() };
}

/** Brokers as rows of a table ask for them, one at a time. */
export interface Brokers {
  of(kind: BrokerKind): Promise<ChaosBroker>;
  stop(): Promise<void>;
}

export function createBrokers(): Brokers {
  let current: ChaosBroker | null = null;
  const stop = async () => {
    const ending = current;
    current = null;
    await ending?.stop();
  };
  return {
    async of(kind) {
      if (current?.kind === kind) return current;
      await stop();
      return (current = await startBroker(kind));
    },
    stop,
  };
}
