import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import * as amqp from 'amqplib';
import type { Delivery } from '../../src/broker/delivery.js';
import { decodeDelivery } from '../../src/broker/envelope.js';
import type { Event } from '../../src/log/event.js';
import { sharedBroker, uniqueName } from '../support/rabbitmq.js';
import { read, root } from './documents.js';

const run = promisify(execFile);

/** What every example publishes. */
const AUDIENCE = { kind: 'some', tenant: 'acme', users: ['7'], topics: ['deals.42'] };
/** Compiling on a busy machine takes its time. */
const HANGS_AFTER_MS = 120_000;
const OWN_ID = 'the example gave no id';

interface Example {
  readonly language: string;
  readonly file: string;
  /** The event as JSON, from the source. */
  readonly event: (source: string) => string;
  /** How to run it here; null where the interpreter or the library isn't installed. */
  readonly command: () => Promise<Command | null>;
}

interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const folder = mkdtempSync(join(tmpdir(), 'warren-examples-'));
const source = (file: string): string => join(root, 'docs/examples', file);

const PHP_FOLDER = '/usr/share/php';
const PHP_LIBRARY = `require '${PHP_FOLDER}/PhpAmqpLib/autoload.php';`;
const IS_PHP_8 = 'exit(PHP_MAJOR_VERSION >= 8 ? 0 : 1);';
const JAVA_LIBRARIES = ['amqp-client', 'slf4j-api', 'slf4j-nop'].map(name => `/usr/share/java/${name}.jar`);
const GO_PATH = '/usr/share/gocode';

const EXAMPLES: readonly Example[] = [
  {
    language: 'Node',
    file: 'publish.mjs',
    event: text => jsonOf(/const event = (\{[^]*?\n\});/.exec(text)?.[1]),
    command: () => Promise.resolve({ program: process.execPath, args: [source('publish.mjs')] }),
  },
  {
    language: 'Python',
    file: 'publish.py',
    event: text => jsonOf(/^event = (.*)$/m.exec(text)?.[1]),
    async command() {
      // Debian's own has the packages; another one on the PATH may have them, too.
      for (const program of ['/usr/bin/python3', 'python3']) {
        if (await succeeds(program, '-c', 'import pika')) return { program, args: [source('publish.py')] };
      }
      return null;
    },
  },
  {
    language: 'PHP',
    file: 'publish.php',
    event: text => jsonOf(/\$event = (.*);$/m.exec(text)?.[1]),
    async command() {
      const options = ['-d', `include_path=${folder}:${PHP_FOLDER}`];
      if (!(await succeeds('php', ...options, '-r', PHP_LIBRARY + IS_PHP_8))) return null;
      // Composer would make this file.
      mkdirSync(join(folder, 'vendor'), { recursive: true });
      writeFileSync(join(folder, 'vendor/autoload.php'), `<?php ${PHP_LIBRARY}`);
      return { program: 'php', args: [...options, source('publish.php')] };
    },
  },
  {
    language: 'Java',
    file: 'Publish.java',
    event: text => jsonOf(/"""\n\s*(\{.*\})"""/.exec(text)?.[1]),
    async command() {
      // Text blocks came with 15.
      const isNewEnough = await says(/version "(?:1[5-9]|[2-9]\d)/, 'java', '-version');
      if (!JAVA_LIBRARIES.every(existsSync) || !isNewEnough) return null;
      return { program: 'java', args: ['-cp', JAVA_LIBRARIES.join(':'), source('Publish.java')] };
    },
  },
  {
    language: 'Go',
    file: 'publish.go',
    event: text => jsonOf(/event := `(.*)`/.exec(text)?.[1]),
    async command() {
      const library = join(GO_PATH, 'src/github.com/rabbitmq/amqp091-go');
      // Type parameters came with 1.18.
      const isNewEnough = await says(/go1\.(?:1[89]|[2-9]\d)/, 'go', 'version');
      if (!existsSync(library) || !isNewEnough) return null;
      const env = { GO111MODULE: 'off', GOFLAGS: '', GOPATH: GO_PATH, GOCACHE: join(folder, 'go') };
      return { program: 'go', args: ['run', source('publish.go')], env };
    },
  },
];

/** An object literal of any of these languages as JSON. */
function jsonOf(literal: string | undefined): string {
  assert.ok(literal !== undefined, 'the event is where it is looked for');
  let text = literal
    .replaceAll("'", '"')
    .replaceAll(/,\s*([}\]])/g, '$1')
    .replaceAll(/"(\w+)" => /g, '"$1": ')
    .replaceAll(/([{,]\s*)(\w+):/g, '$1"$2":');
  // PHP writes lists and maps alike: innermost first, what has keys is a map.
  for (let before = ''; before !== text; ) {
    before = text;
    text = text.replaceAll(/\[([^[\]]*)\]/g, (_, inner: string) =>
      inner.includes('": ') ? `{${inner}}` : `\u0001${inner}\u0002`,
    );
  }
  return text.replaceAll('\u0001', '[').replaceAll('\u0002', ']');
}

async function succeeds(program: string, ...args: string[]): Promise<boolean> {
  return says(/(?:)/, program, ...args);
}

/** Whether it can be run, with success, and what it prints matches. */
async function says(expected: RegExp, program: string, ...args: string[]): Promise<boolean> {
  try {
    const { stdout, stderr } = await run(program, args);
    return expected.test(stdout + stderr);
  } catch {
    return false;
  }
}

function eventOf(delivery: Partial<Delivery> & Pick<Delivery, 'content'>): Event {
  const decoded = decodeDelivery(
    {
      messageId: null,
      type: null,
      timestamp: null,
      contentEncoding: null,
      headers: {},
      streamOffset: null,
      ...delivery,
    },
    { now: Date.now, maxEventBytes: 262_144, maxRecipients: 1000, newId: () => OWN_ID },
  );
  if (decoded.kind === 'rejected') assert.fail(`rejected: ${decoded.reason}`);
  return decoded.event;
}

function assertEvent({ audience, type, data }: Event): void {
  assert.deepEqual(audience, AUDIENCE);
  assert.equal(type, 'deal.updated');
  assert.deepEqual(JSON.parse(Buffer.from(data).toString()), { stage: 'won' });
}

/** A virtual host of our own, where the examples have a publisher's rights and no more. */
const place = uniqueName('examples');
let publisherUrl = '';
let connection: amqp.ChannelModel | null = null;
const arrived: amqp.ConsumeMessage[] = [];
let onArrival = (): void => {};

before(async () => {
  const broker = await sharedBroker();
  await broker.ctl('add_vhost', place);
  await broker.ctl('set_permissions', '-p', place, 'guest', '.*', '.*', '.*');
  await broker.ctl('add_user', place, 'a-password');
  await broker.ctl('set_permissions', '-p', place, place, '^$', '^push\\.events$', '^$');
  publisherUrl = `${broker.url.replace('guest:guest@', `${place}:a-password@`)}/${place}`;
  connection = await amqp.connect(`${broker.url}/${place}`);
  const channel = await connection.createChannel();
  await channel.assertExchange('push.events', 'fanout', { durable: true });
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, 'push.events', '');
  const onMessage = (message: amqp.ConsumeMessage | null): void => {
    if (message !== null) arrived.push(message);
    onArrival();
  };
  await channel.consume(queue, onMessage, { noAck: true });
});

after(async () => {
  await connection?.close();
  const broker = await sharedBroker();
  await broker.ctl('delete_vhost', place);
  await broker.ctl('delete_user', place);
  rmSync(folder, { recursive: true, force: true });
});

async function nextMessage(): Promise<amqp.ConsumeMessage> {
  while (arrived.length === 0) {
    await new Promise<void>(resolve => {
      onArrival = resolve;
    });
  }
  const message = arrived.shift();
  assert.ok(message);
  return message;
}

for (const { language, file, event, command } of EXAMPLES) {
  test(`the ${language} example publishes an event with an id of its own, and needs only a publisher's rights`, async t => {
    assertEvent(eventOf({ content: Buffer.from(event(read(`docs/examples/${file}`))) }));

    const how = await command();
    if (how === null) {
      t.diagnostic(`not run: ${language} or its AMQP library isn't installed; only its event was checked`);
      return;
    }
    const env = { PATH: process.env['PATH'], HOME: folder, AMQP_URL: publisherUrl, ...how.env };
    await run(how.program, how.args, { env, cwd: folder, timeout: HANGS_AFTER_MS });
    const { content, properties } = await nextMessage();
    const messageId: unknown = properties.messageId;
    assert.ok(typeof messageId === 'string');
    const published = eventOf({ content, messageId });
    assertEvent(published);
    assert.equal(published.id, messageId);
    assert.equal(properties.contentType, 'application/json');
    assert.deepEqual(arrived, [], 'it published once');
  });
}

test('the README shows every example as it is', () => {
  const readme = read('README.md');
  for (const file of readdirSync(join(root, 'docs/examples'))) {
    const blocks = [...readme.matchAll(/^<!-- example: (\S+) -->\n+```\w+\n([^]*?)^```$/gm)].filter(
      ([, name]) => name === `docs/examples/${file}`,
    );
    assert.equal(blocks.length, 1, `docs/examples/${file} is shown once`);
    assert.equal(blocks[0]?.[2], read(`docs/examples/${file}`));
  }
});
