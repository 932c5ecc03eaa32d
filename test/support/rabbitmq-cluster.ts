import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RabbitmqNode, startNode } from '../../scripts/lib/rabbitmq-node.mjs';
import { type ErlangPorts, startErlangPorts } from './erlang-ports.js';

export interface RabbitmqCluster {
  readonly nodes: readonly [RabbitmqNode, RabbitmqNode, ...RabbitmqNode[]];
  /** `stall()` holds up everything between the nodes, rabbitmqctl's questions too. */
  readonly links: Pick<ErlangPorts, 'stall' | 'resume'>;
  stop(): Promise<void>;
}

export interface ClusterOptions {
  /** Nodes beside the first. */
  readonly further: number;
  /** Further lines of rabbitmq.conf. */
  readonly settings: readonly string[];
}

const TWO: ClusterOptions = { further: 1, settings: [] };

/** Private RabbitMQ nodes that are one cluster, and the links between them. Takes about 15 s; stop it at the end. */
export async function startCluster({ further, settings }: ClusterOptions = TWO): Promise<RabbitmqCluster> {
  const ports = await startErlangPorts();
  const cookie = randomBytes(12).toString('hex').toUpperCase();
  const start = async () =>
    startNode({
      folder: await mkdtemp(join(tmpdir(), 'warren-rabbitmq-')),
      temporary: true,
      cookie,
      epmdPort: ports.port,
      settings: [...settings],
    });
  const [one, two, ...others] = await Promise.all([
    start(),
    start(),
    ...Array.from({ length: further - 1 }, start),
  ]);
  for (const node of [two, ...others]) {
    await node.ctl('stop_app');
    await node.ctl('join_cluster', one.name);
    await node.ctl('start_app');
  }
  return {
    nodes: [one, two, ...others],
    links: ports,
    async stop() {
      ports.resume();
      for (const node of [...others, two, one]) await node.stop();
      await ports.close();
    },
  };
}
