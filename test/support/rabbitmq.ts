import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as amqp from 'amqplib';
import { ctlOf, type RabbitmqNode, startNode } from '../../scripts/lib/rabbitmq-node.mjs';

export interface TestBroker {
  /** With guest, who may do everything. */
  readonly url: string;
  /** Runs rabbitmqctl; takes about half a second. */
  ctl(...args: string[]): Promise<string>;
}

let shared: Promise<TestBroker> | null = null;

/**
 * A broker for tests that don't disturb it: keep to names of your own (`uniqueName`). The test runner's, if it started
 * one (`WARREN_TEST_AMQP_URL`, and the node's handle in `WARREN_TEST_RABBITMQ`), else one of this process, which ends
 * with it.
 */
export function sharedBroker(): Promise<TestBroker> {
  const { WARREN_TEST_AMQP_URL: url, WARREN_TEST_RABBITMQ: handle } = process.env;
  shared ??= url && handle ? Promise.resolve({ url, ctl: ctlOf(handle) }) : privateBroker();
  return shared;
}

/** A broker for tests that kill, freeze or fill theirs. It takes about 6 s to start; stop it at the end. */
export async function privateBroker(): Promise<RabbitmqNode> {
  return startNode({ folder: await mkdtemp(join(tmpdir(), 'warren-rabbitmq-')), temporary: true });
}

/** Keeps tests apart that share a broker. */
export function uniqueName(prefix: string): string {
  return `${prefix}.${randomBytes(5).toString('hex')}`;
}

export interface TestPublisher {
  /** Resolves once the broker has confirmed it. An object is sent as JSON. */
  publish(body: string | Uint8Array | object, properties?: amqp.Options.Publish): Promise<void>;
  close(): Promise<void>;
}

/** A backend that publishes with confirms. */
export async function publisher(url: string, exchange: string): Promise<TestPublisher> {
  const connection = await amqp.connect(url, { noDelay: true });
  connection.on('error', () => {});
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  return {
    publish(body, properties = {}) {
      const content = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
      return new Promise((resolve, reject) => {
        channel.publish(exchange, '', Buffer.from(content), properties, error => {
          if (error instanceof Error) reject(error);
          else resolve();
        });
      });
    },
    close: () => connection.close(),
  };
}

/** Runs something on a channel of its own, as an administrator would. */
export async function onChannel<T>(url: string, work: (channel: amqp.Channel) => Promise<T>): Promise<T> {
  const connection = await amqp.connect(url);
  connection.on('error', () => {});
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    return await work(channel);
  } finally {
    await connection.close();
  }
}

export interface QueueState {
  readonly name: string;
  readonly messages_ready: number;
  readonly messages_unacknowledged: number;
  readonly consumers: number;
  readonly durable: boolean;
  readonly auto_delete: boolean;
  readonly exclusive: boolean;
}

/** The queues whose names begin so. */
export async function queues(broker: TestBroker, prefix: string): Promise<QueueState[]> {
  const columns = [
    'name',
    'messages_ready',
    'messages_unacknowledged',
    'consumers',
    'durable',
    'auto_delete',
    'exclusive',
  ];
  const all: QueueState[] = JSON.parse(await broker.ctl('list_queues', '--formatter', 'json', ...columns));
  return all.filter(({ name }) => name.startsWith(prefix));
}

/**
 * The consumers with that prefetch, which should be a number of its own. Not from the broker's lists of consumers, in which
 * those of streams aren't (3.10.8), nor from those of queues: a stream's count there never goes down.
 */
export async function consumers(broker: TestBroker, prefetch: number): Promise<number> {
  const all: { prefetch_count: number; consumer_count: number }[] = JSON.parse(
    await broker.ctl('list_channels', '--formatter', 'json', 'prefetch_count', 'consumer_count'),
  );
  return all.filter(one => one.prefetch_count === prefetch && one.consumer_count > 0).length;
}

/** The names of the exchanges that begin so. */
export async function exchanges(broker: TestBroker, prefix: string): Promise<string[]> {
  const all: { name: string }[] = JSON.parse(
    await broker.ctl('list_exchanges', '--formatter', 'json', 'name'),
  );
  return all.map(({ name }) => name).filter(name => name.startsWith(prefix));
}

/** The bindings of an exchange, as names of queues. */
export async function boundTo(broker: TestBroker, exchange: string): Promise<string[]> {
  const all: { source_name: string; destination_name: string }[] = JSON.parse(
    await broker.ctl('list_bindings', '--formatter', 'json', 'source_name', 'destination_name'),
  );
  return all.filter(({ source_name }) => source_name === exchange).map(binding => binding.destination_name);
}

/** How many clients are connected whose name (`connection_name`) contains this. */
export async function connections(broker: TestBroker, name: string): Promise<number> {
  const all: { client_properties: unknown }[] = JSON.parse(
    await broker.ctl('list_connections', '--formatter', 'json', 'client_properties'),
  );
  return all.filter(connection => JSON.stringify(connection).includes(name)).length;
}

/** The exchange, and what tells pods of its deletion, as they make it themselves after a while. */
export async function declareWithCanary(channel: amqp.Channel, exchange: string): Promise<void> {
  const canary = `${exchange}.canary`;
  await channel.assertExchange(exchange, 'fanout', { durable: true });
  await channel.assertExchange(canary, 'fanout', { durable: true, autoDelete: true });
  await channel.bindExchange(exchange, canary, '');
}
