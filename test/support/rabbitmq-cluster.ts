import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RabbitmqNode, startNode } from '../../scripts/lib/rabbitmq-node.mjs';
import { type ErlangPorts, startErlangPorts } from './erlang-ports.js';

export interface RabbitmqCluster {
  readonly nodes: readonly [RabbitmqNode, RabbitmqNode];
  /** `stall()` holds up everything between the nodes, rabbitmqctl's questions too. */
  readonly links: Pick<ErlangPorts, 'stall' | 'resume'>;
  stop(): Promise<void>;
}

/** Two private RabbitMQ nodes that are one cluster, and the link between them. Takes about 15 s; stop it at the end. */
export async function startCluster(): Promise<RabbitmqCluster> {
  const ports = await startErlangPorts();
  const cookie = randomBytes(12).toString('hex').toUpperCase();
  const start = async () =>
    startNode({
      folder: await mkdtemp(join(tmpdir(), 'warren-rabbitmq-')),
      temporary: true,
      cookie,
      epmdPort: ports.port,
    });
  const [one, two] = await Promise.all([start(), start()]);
  await two.ctl('stop_app');
  await two.ctl('join_cluster', one.name);
  await two.ctl('start_app');
  return {
    nodes: [one, two],
    links: ports,
    async stop() {
      ports.resume();
      await two.stop();
      await one.stop();
      await ports.close();
    },
  };
}
