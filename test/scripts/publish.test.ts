import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as amqp from 'amqplib';
import { cleanEnvironment, runScript, startDemo } from '../support/demo-process.js';
import { sharedBroker, uniqueName } from '../support/rabbitmq.js';

/** A queue behind a fanout exchange of its own, as a pod has one; `next` resolves to the first message. */
async function listen(url: string) {
  const connection = await amqp.connect(url);
  const channel = await connection.createChannel();
  const exchange = uniqueName('push.events');
  await channel.assertExchange(exchange, 'fanout', { durable: false, autoDelete: true });
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, exchange, '');
  const next = new Promise<amqp.ConsumeMessage>(resolve => {
    void channel.consume(queue, message => message && resolve(message), { noAck: true });
  });
  return { exchange, next, close: () => connection.close() };
}

test('an event goes through RabbitMQ as a backend would publish it, its data token for token', async () => {
  const { url } = await sharedBroker();
  const { exchange, next, close } = await listen(url);
  const { env } = cleanEnvironment();
  const data = '{"big":12345678901234567890,"n":1.0}';
  const args = [
    '--tenant',
    'acme',
    '--user',
    '7',
    '--user',
    '8',
    '--topic',
    'deals.42',
    '--id',
    'e1',
    '--data',
    data,
  ];
  const { code, stdout, stderr } = await runScript('publish.mjs', args, {
    ...env,
    AMQP_URL: url,
    AMQP_EXCHANGE: exchange,
  });
  assert.equal(code, 0, stderr);
  assert.equal(stdout, `Published e1 through RabbitMQ (${exchange}), confirmed.\n`);
  const { content, properties } = await next;
  const head = '"id":"e1","type":"demo.message","tenant":"acme","users":["7","8"],"topics":["deals.42"]';
  assert.equal(content.toString(), `{${head},"data":${data}}`);
  assert.deepEqual([properties.messageId, properties.type], ['e1', 'demo.message']);
  assert.ok(Math.abs(Number(properties.timestamp) - Date.now() / 1000) < 60);
  await close();
});

test('an event that no service would get is not called published', async () => {
  const { url } = await sharedBroker();
  const { env } = cleanEnvironment();
  const exchange = uniqueName('push.events');
  const settings = { ...env, AMQP_URL: url, AMQP_EXCHANGE: exchange };
  const missing = await runScript('publish.mjs', ['--to-all', '--id', 'e1'], settings);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /RabbitMQ did not confirm e1: .*NOT_FOUND/);

  const connection = await amqp.connect(url);
  const channel = await connection.createChannel();
  await channel.assertExchange(exchange, 'fanout', { durable: false });
  const unheard = await runScript('publish.mjs', ['--to-all', '--id', 'e2'], settings);
  await channel.deleteExchange(exchange);
  await connection.close();
  assert.equal(unheard.code, 1);
  assert.match(unheard.stderr, /no service listens at the exchange/);

  const nobody = await runScript('publish.mjs', ['--to-all'], { ...env, AMQP_URL: 'amqp://127.0.0.1:1' });
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /RabbitMQ could not be reached: .*ECONNREFUSED/);
});

test('it finds the service of npm start, and posts to it where there is no RabbitMQ', async () => {
  const demo = await startDemo({ FEED: 'memory' });
  const published = await runScript(
    'publish.mjs',
    ['--tenant', 'acme', '--to-tenant', '--id', 'e1'],
    demo.env,
  );
  assert.equal(published.code, 0, published.stderr);
  assert.equal(published.stdout, 'Published e1 through POST /events.\n');
  const refused = await runScript('publish.mjs', ['--tenant', 'acme', '--topic', 'no topic'], demo.env);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Refused with 400: \{"reason":"\w+"\}/);
  assert.equal(await demo.end('SIGTERM'), 0);
  const gone = await runScript('publish.mjs', ['--to-all'], demo.env);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /No service answers at http:\/\/127\.0\.0\.1:\d+\. Start it with npm start\./);
});

test('an audience that contradicts itself, data that is no JSON and other slips are refused in words', async () => {
  const { env } = cleanEnvironment();
  const table: readonly (readonly [string[], RegExp])[] = [
    [[], /Say who is meant/],
    [['--to-all', '--tenant', 'acme'], /Say who is meant/],
    [['--tenant', 'acme'], /either --user and --topic, or --to-tenant/],
    [['--tenant', 'acme', '--user', '7', '--to-tenant'], /either --user and --topic, or --to-tenant/],
    [['--to-all', '--data', 'Hello'], /--data must be JSON/],
    [['--to-all', '--ttl', 'long'], /--ttl must be a number of seconds, not long/],
    [['--to-al'], /--to-al[\s\S]*Usage/],
  ];
  for (const [args, words] of table) {
    const { code, stdout, stderr } = await runScript('publish.mjs', args, env);
    assert.deepEqual([code, stdout], [1, ''], args.join(' '));
    assert.match(stderr, words);
  }
});
