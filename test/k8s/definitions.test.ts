import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { type RabbitmqNode, startNode } from '../../scripts/lib/rabbitmq-node.mjs';
import { type Declaration, markQueue, queueTopology } from '../../src/broker/topology.js';
import { at, knownSettings, list, readProjectFile, text } from './files.js';

const path = 'k8s/examples/rabbitmq-definitions.json';
const source = readProjectFile(path);
const definitions: unknown = JSON.parse(source);

function rights(user: string, action: 'configure' | 'write' | 'read'): RegExp {
  const entry = list(definitions, 'permissions').find(permission => at(permission, 'user') === user);
  return new RegExp(text(entry, action));
}

/** As RabbitMQ stores passwords: base64 of a 4-byte salt and SHA-256 over salt and password. */
function passwordHash(password: string): string {
  const salt = randomBytes(4);
  const digest = createHash('sha256').update(salt).update(password).digest();
  return Buffer.concat([salt, digest]).toString('base64');
}

describe('the RabbitMQ definitions', () => {
  it('create the exchanges that Warren looks for', () => {
    const exchanges = list(definitions, 'exchanges');
    assert.deepEqual(
      exchanges.map(exchange => text(exchange, 'name')),
      ['AMQP_EXCHANGE', 'AMQP_CONTROL_EXCHANGE'].map(setting => knownSettings().get(setting)),
    );
    for (const exchange of exchanges) {
      assert.equal(text(exchange, 'type'), 'fanout');
      assert.equal(at(exchange, 'durable'), true);
    }
  });

  it('hold no password, and two different placeholders that RabbitMQ refuses', () => {
    const hashes = list(definitions, 'users').map(user => text(user, 'password_hash'));
    assert.equal(new Set(hashes).size, 2);
    for (const hash of hashes) assert.match(hash, /^REPLACE-ME-/);
  });

  it('give no user a tag, so nobody can use the management interface', () => {
    for (const user of list(definitions, 'users')) assert.deepEqual(at(user, 'tags'), []);
  });

  const prefix = 'push.pod';
  const own = [`${prefix}.web-1.abc`, `${prefix}.warren-5f7c9-x2x4z.Zm9v`];
  const foreign = [
    'push.pod',
    'push.pods.a',
    'pushXpod.a',
    'other',
    '',
    'amq.default',
    'amq.gen-a',
    'a.push.pod.b',
    'push.history',
  ];

  it("let a pod have queues of its own prefix, and see nothing else's", () => {
    assert.equal(knownSettings().get('AMQP_QUEUE_PREFIX'), prefix);
    for (const action of ['configure', 'write', 'read'] as const) {
      for (const name of own) assert.match(name, rights('warren-pod', action));
      for (const name of foreign) assert.doesNotMatch(name, rights('warren-pod', action));
    }
    assert.match('push.events', rights('warren-pod', 'read'));
    assert.match('push.control', rights('warren-pod', 'read'));
    assert.match('push.control', rights('warren-pod', 'write'));
    assert.doesNotMatch('push.control', rights('warren-pod', 'configure'));
    assert.doesNotMatch('push.control', rights('warren-publisher', 'write'));
    for (const action of ['write', 'read'] as const) {
      for (const name of ['push.control.x', 'pushXcontrol', 'x.push.control'])
        assert.doesNotMatch(name, rights('warren-pod', action));
    }
    assert.doesNotMatch('push.events', rights('warren-pod', 'write'));
    assert.doesNotMatch('push.events', rights('warren-pod', 'configure'));
    assert.doesNotMatch('push.events.x', rights('warren-pod', 'read'));
  });

  it('let a publisher write to the exchange and nothing else', () => {
    assert.match('push.events', rights('warren-publisher', 'write'));
    for (const name of [...own, ...foreign, 'push.events2', 'pushXevents', 'x.push.events']) {
      assert.doesNotMatch(name, rights('warren-publisher', 'write'));
    }
    for (const name of [...own, ...foreign.filter(name => name !== ''), 'push.events']) {
      assert.doesNotMatch(name, rights('warren-publisher', 'configure'));
      assert.doesNotMatch(name, rights('warren-publisher', 'read'));
    }
  });
});

describe('the RabbitMQ definitions, imported into a broker', () => {
  const passwords = { pod: 'pod password', publisher: 'publisher password' };
  let node: RabbitmqNode;
  let pod: ChannelModel;
  let publisher: ChannelModel;

  before(async () => {
    node = await startNode({ folder: await mkdtemp(join(tmpdir(), 'warren-definitions-')), temporary: true });
    const file = join(node.folder, 'definitions.json');
    await writeFile(
      file,
      source
        .replace('REPLACE-ME-hash-of-the-pod-password', passwordHash(passwords.pod))
        .replace('REPLACE-ME-hash-of-the-publisher-password', passwordHash(passwords.publisher)),
    );
    await node.ctl('import_definitions', file);
    pod = await open('warren-pod', passwords.pod);
    publisher = await open('warren-publisher', passwords.publisher);
  });

  after(async () => {
    await pod?.close();
    await publisher?.close();
    await node?.stop();
  });

  async function open(username: string, password: string): Promise<ChannelModel> {
    const connection = await connect({ hostname: '127.0.0.1', port: node.port, username, password });
    connection.on('error', () => {});
    return connection;
  }

  async function channelOf(connection: ChannelModel): Promise<ConfirmChannel> {
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => {});
    return channel;
  }

  /** A refusal closes the channel, so each attempt gets one of its own. */
  async function refused(connection: ChannelModel, attempt: (channel: ConfirmChannel) => Promise<unknown>) {
    const channel = await channelOf(connection);
    await assert.rejects(attempt(channel), /403|ACCESS.REFUSED/);
  }

  /** The broker's reason comes as an error of the channel; the confirms only say that it closed. */
  async function publishRefused(connection: ChannelModel, exchange: string, routingKey: string) {
    const channel = await channelOf(connection);
    let reason: unknown;
    channel.on('error', (error: unknown) => {
      reason = error;
    });
    channel.publish(exchange, routingKey, Buffer.from('{}'));
    await assert.rejects(channel.waitForConfirms());
    assert.match(String(reason), /403|ACCESS.REFUSED/);
  }

  const topologyOptions = {
    exchange: 'push.events',
    controlExchange: 'push.control',
    queuePrefix: 'push.pod',
    queueMaxLength: 100,
    queueMaxBytes: 1_000_000,
    podName: 'warren-5f7c9-x2x4z',
  };
  const queue = 'push.pod.web-1.abc';
  const options = { exclusive: true, autoDelete: true, durable: false };

  /** What Warren's feed does at the start of a connection. */
  async function declareAll(channel: ConfirmChannel, declarations: readonly Declaration[]) {
    for (const declaration of declarations) {
      if (declaration.kind === 'queue') await channel.assertQueue(declaration.name, { ...declaration });
      else if (declaration.kind === 'exchange') {
        await channel.assertExchange(declaration.name, declaration.type, { ...declaration });
      } else await channel.bindQueue(declaration.queue, declaration.exchange, '');
    }
  }

  it("let Warren set up its topology and carry an event from the publisher into the pod's queue", async () => {
    const topology = queueTopology({ ...topologyOptions, declare: false }, 'Zm9v');
    const consumer = await channelOf(pod);
    await declareAll(consumer, [...topology.declarations, ...topology.control]);
    const arrived = new Promise<string>(resolve => {
      void consumer.consume(topology.queue, message => resolve(String(message?.content)), { noAck: true });
    });
    await consumer.consume(topology.overflowQueue, () => {}, { noAck: true });
    const producer = await channelOf(publisher);
    producer.publish('push.events', '', Buffer.from('{"data":1}'));
    await producer.waitForConfirms();
    assert.equal(await arrived, '{"data":1}');
    const sender = await channelOf(pod);
    await declareAll(sender, [markQueue(topologyOptions, 'Zm9v')]);
    sender.publish('push.control', '', Buffer.from('{}'));
    await sender.waitForConfirms();
    await sender.close();
    await consumer.close();
    await producer.close();
  });

  it('keep Warren from declaring the exchange, which is why the ConfigMap says AMQP_DECLARE=false', async () => {
    const topology = queueTopology({ ...topologyOptions, declare: true }, 'YmFy');
    await refused(pod, channel => declareAll(channel, topology.declarations));
  });

  it("keep a pod from everything but its own queues and the exchange's events", async () => {
    await refused(pod, channel => channel.assertQueue('other', options));
    await refused(pod, channel => channel.assertQueue('', options));
    await refused(pod, channel => channel.assertExchange('push.events', 'fanout', { durable: true }));
    await refused(pod, channel => channel.assertExchange('other', 'fanout'));
    await refused(pod, channel => channel.deleteExchange('push.events'));
    await refused(pod, async channel => {
      await channel.assertQueue('push.pod.web-1.bind', options);
      await channel.bindQueue('push.pod.web-1.bind', 'amq.fanout', '');
    });
    await publishRefused(pod, 'push.events', '');
    await publishRefused(pod, '', queue);
  });

  it("keep a pod from reading another application's queue", async () => {
    const admin = await open('guest', 'guest');
    const owner = await channelOf(admin);
    await owner.assertQueue('other', { durable: true });
    await refused(pod, channel => channel.consume('other', () => {}));
    await refused(pod, channel => channel.purgeQueue('other'));
    await refused(pod, channel => channel.deleteQueue('other'));
    await admin.close();
  });

  it('keep a publisher from everything but publishing', async () => {
    await refused(publisher, channel => channel.assertQueue(queue, options));
    await refused(publisher, channel => channel.assertQueue('', options));
    await refused(publisher, channel => channel.assertExchange('push.events', 'fanout', { durable: true }));
    await refused(publisher, channel => channel.deleteExchange('push.events'));
    await publishRefused(publisher, '', queue);
    await publishRefused(publisher, 'amq.fanout', '');
  });

  it('let nobody in with a wrong password', async () => {
    await assert.rejects(open('warren-pod', passwords.publisher), /403|ACCESS.REFUSED/);
  });

  it('are refused while they hold placeholders, so that nobody runs with them', async () => {
    const file = join(node.folder, 'placeholders.json');
    await writeFile(file, source);
    await assert.rejects(node.ctl('import_definitions', file), /not_base64/);
  });
});
