import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as amqp from 'amqplib';
import { startNode } from '../../scripts/lib/rabbitmq-node.mjs';

/** The broker of a session of runs, and what may be done to it. Each run has names of its own at it. */
export interface ChaosBroker {
  readonly port: number;
  /** Of the publishers, who may do everything. */
  readonly credentials: { readonly username: string; readonly password: string };
  /** With the pods' user, who may do everything too. */
  readonly podUrl: string;
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Brings it back after `kill`; else stops it cleanly first. */
  restart(): Promise<void>;
  /** Runs rabbitmqctl. */
  ctl(...args: string[]): Promise<string>;
  setPermitted(permitted: boolean): Promise<void>;
  /** The exchange that publishers publish to. */
  declare(exchange: string): Promise<void>;
  onChannel<T>(work: (channel: amqp.Channel) => Promise<T>): Promise<T>;
  /** Names of queues or exchanges with this prefix. */
  named(kind: 'queues' | 'exchanges', prefix: string): Promise<string[]>;
  stop(): Promise<void>;
}

const POD = { user: 'pod', password: 'chaos' };
const EVERYTHING = ['.*', '.*', '.*'];

export async function startBroker(): Promise<ChaosBroker> {
  const node = await startNode({ folder: await mkdtemp(join(tmpdir(), 'warren-chaos-')), temporary: true });
  const setPermitted = async (permitted: boolean) => {
    if (permitted) await node.ctl('set_permissions', POD.user, ...EVERYTHING);
    else {
      await node.ctl('clear_permissions', POD.user);
      // Open channels remember what was allowed.
      await node.ctl('close_all_user_connections', POD.user, 'chaos');
    }
  };
  async function onChannel<T>(work: (channel: amqp.Channel) => Promise<T>): Promise<T> {
    const connection = await amqp.connect(node.url);
    connection.on('error', () => {});
    try {
      const channel = await connection.createChannel();
      channel.on('error', () => {});
      return await work(channel);
    } finally {
      await connection.close();
    }
  }
  await node.ctl('add_user', POD.user, POD.password);
  await setPermitted(true);
  return {
    port: node.port,
    credentials: { username: 'guest', password: 'guest' },
    podUrl: `amqp://${POD.user}:${POD.password}@127.0.0.1:${node.port}`,
    kill: () => node.kill(),
    freeze: () => node.freeze(),
    thaw: () => node.thaw(),
    restart: () => node.restart(),
    ctl: (...args) => node.ctl(...args),
    setPermitted,
    onChannel,
    declare: exchange =>
      onChannel(async channel => void (await channel.assertExchange(exchange, 'fanout', { durable: true }))),
    async named(kind, prefix) {
      const all: { name: string }[] = JSON.parse(
        await node.ctl(`list_${kind}`, '--formatter', 'json', 'name'),
      );
      return all.map(({ name }) => name).filter(name => name.startsWith(prefix));
    },
    stop: () => node.stop(),
  };
}
