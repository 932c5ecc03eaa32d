/**
 * `npm run publish:event`: publishes one event as a backend would, through RabbitMQ with a publisher confirm, or with
 * --http through POST /events of the running service.
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import amqp from 'amqplib';
import { adminHeaders, readDevState, readDotEnv } from './lib/dev-state.mjs';

const USAGE = `Usage: npm run --silent publish:event -- <audience> [options]
Audience: --tenant <name> with one or more of
  --user <id>        a user's connections; may be repeated
  --topic <topic>    those who subscribed to it; may be repeated
  --to-tenant        everybody of the tenant
or, alone:
  --to-all           everybody of all tenants
Options:
  --type <name>      the event's name (default: demo.message)
  --data <json>      what the browsers get (default: {"text":"Hello"})
  --id <id>          tells retries apart (default: a new one)
  --ttl <seconds>    not delivered later than that
  --http             through POST /events of the running service instead of RabbitMQ

RabbitMQ is AMQP_URL if that is set (or in .env), else the one that npm start uses. Without RabbitMQ: --http.`;

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * @param {string} text
 * @returns {never}
 */
function stop(text) {
  console.error(text);
  process.exit(1);
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        tenant: { type: 'string' },
        user: { type: 'string', multiple: true },
        topic: { type: 'string', multiple: true },
        'to-tenant': { type: 'boolean', default: false },
        'to-all': { type: 'boolean', default: false },
        type: { type: 'string', default: 'demo.message' },
        data: { type: 'string', default: '{"text":"Hello"}' },
        id: { type: 'string' },
        ttl: { type: 'string' },
        http: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    return stop(`${messageOf(error)}\n\n${USAGE}`);
  }
}

/** @typedef {ReturnType<typeof readOptions>} Options */

/**
 * The event's body. `data` goes in as it was typed, because parsing would round large integers.
 *
 * @param {Options} options
 * @param {string} id
 */
function bodyOf(options, id) {
  const { tenant, user, topic, ttl, data } = options;
  const named = user !== undefined || topic !== undefined;
  if (options['to-all'] ? tenant !== undefined || named || options['to-tenant'] : tenant === undefined) {
    stop(`Say who is meant: --tenant with --user, --topic or --to-tenant; or --to-all alone.\n\n${USAGE}`);
  }
  if (!options['to-all'] && named === options['to-tenant']) {
    stop(`Of the tenant, either --user and --topic, or --to-tenant.\n\n${USAGE}`);
  }
  try {
    JSON.parse(data);
  } catch {
    stop(`--data must be JSON, like '{"text":"Hello"}' or '"Hello"' with both quotes, not ${data}`);
  }
  const seconds = ttl === undefined ? undefined : Number(ttl);
  if (seconds !== undefined && !(seconds > 0)) stop(`--ttl must be a number of seconds, not ${ttl}`);
  const head = JSON.stringify({
    id,
    type: options.type,
    ...(options['to-all'] ? { send_to_all: true } : { tenant }),
    ...(options['to-tenant'] ? { send_to_tenant: true } : {}),
    ...(user === undefined ? {} : { users: user }),
    ...(topic === undefined ? {} : { topics: topic }),
    ...(seconds === undefined ? {} : { ttl: seconds }),
  });
  return `${head.slice(0, -1)},"data":${data}}`;
}

/**
 * @param {string} url
 * @param {string} body
 */
async function throughHttp(url, body) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(new URL('/events', url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...adminHeaders(process.env) },
      body,
    });
  } catch {
    return stop(`No service answers at ${url}. Start it with npm start.`);
  }
  const answer = await response.text();
  if (response.status !== 202) stop(`Refused with ${response.status}: ${answer.trim()}`);
}

/**
 * @param {string} urls
 * @param {string} exchange
 * @param {{ id: string, type: string, body: string }} event
 */
async function throughRabbitmq(urls, exchange, { id, type, body }) {
  const connection = await connectToOne(urls.split(',').map(url => url.trim()));
  connection.on('error', () => {}); // The channel's call fails too, and says why.
  try {
    const channel = await connection.createConfirmChannel();
    /** @type {Promise<never>} */
    const broken = new Promise((_, reject) => {
      channel.once('error', reject);
      connection.once('close', () => reject(new Error('the connection was closed before the confirm')));
    });
    broken.catch(() => {});
    let returned = false;
    channel.on('return', () => {
      returned = true;
    });
    channel.publish(exchange, '', Buffer.from(body), {
      mandatory: true, // Else a confirm comes although no pod listens.
      messageId: id,
      type,
      contentType: 'application/json',
      timestamp: Math.floor(Date.now() / 1000),
    });
    await Promise.race([channel.waitForConfirms(), broken]);
    return returned;
  } finally {
    await connection.close().catch(() => {});
  }
}

/** @param {string[]} urls */
async function connectToOne(urls) {
  const failures = [];
  for (const url of urls) {
    try {
      return await amqp.connect(url, { timeout: CONNECT_TIMEOUT_MS });
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  return stop(
    `RabbitMQ could not be reached: ${failures.join('; ')}. Start the service with npm start, or set AMQP_URL.`,
  );
}

/** @param {unknown} error */
function messageOf(error) {
  // Of an AggregateError (localhost has two addresses) the message is empty.
  return error instanceof Error
    ? error.message || ('code' in error ? String(error.code) : error.name)
    : String(error);
}

const options = readOptions();
if (options.help) {
  console.log(USAGE);
} else {
  const notRead = readDotEnv();
  if (notRead !== null) console.error(notRead);
  const id = options.id ?? randomUUID();
  const body = bodyOf(options, id);
  const state = readDevState();
  const { AMQP_URL, AMQP_EXCHANGE, ADMIN_PORT } = process.env;
  const amqpUrl = AMQP_URL || state?.amqpUrl;
  if (options.http || (!AMQP_URL && state?.feed === 'memory')) {
    const url = ADMIN_PORT && ADMIN_PORT !== '0' ? `http://127.0.0.1:${ADMIN_PORT}` : state?.adminUrl;
    await throughHttp(url ?? 'http://127.0.0.1:9090', body);
    console.log(`Published ${id} through POST /events.`);
  } else if (state !== null && !amqpUrl) {
    stop(
      'npm start was given its AMQP_URL by you: set it here too, put it into .env for both, or use --http.',
    );
  } else {
    const exchange = AMQP_EXCHANGE || 'push.events';
    try {
      const returned = await throughRabbitmq(amqpUrl ?? 'amqp://guest:guest@localhost:5672', exchange, {
        id,
        type: options.type,
        body,
      });
      if (returned)
        stop(`RabbitMQ has ${id}, but no service listens at the exchange ${exchange}: it is lost.`);
      console.log(`Published ${id} through RabbitMQ (${exchange}), confirmed.`);
    } catch (error) {
      stop(`RabbitMQ did not confirm ${id}: ${messageOf(error)}. Publish it again with --id ${id}.`);
    }
  }
}
