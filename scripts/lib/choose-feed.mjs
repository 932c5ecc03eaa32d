import { join } from 'node:path';
import amqp from 'amqplib';
import { devFolder } from './dev-state.mjs';
import { findRabbitmq, speaksAmqp, startNode } from './rabbitmq-node.mjs';

const LOCAL_PORT = 5672;
const LOCAL_URL = `amqp://guest:guest@localhost:${LOCAL_PORT}`;
const CONNECT_TIMEOUT_MS = 3000;

/**
 * @typedef {object} ChosenFeed
 * @property {'queue' | 'memory'} feed
 * @property {string | null} amqpUrl null: as the settings have it
 * @property {string} why one plain sentence for the terminal
 * @property {string} label the same in a few words, for the page
 */

/**
 * Which feed `npm start` uses: what is set, else a RabbitMQ of this machine, else a private one, else none.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {(text: string) => void} say
 * @returns {Promise<ChosenFeed>}
 * @throws one sentence for the user where RabbitMQ was asked for and there is none
 */
export async function chooseFeed(env, say) {
  if (env['FEED'] === 'memory') return memory('FEED=memory is set');
  if (env['AMQP_URL'] || env['AMQP_URL_FILE']) {
    return { feed: 'queue', amqpUrl: null, why: 'Events come from RabbitMQ at AMQP_URL.', label: 'RabbitMQ' };
  }
  const notLocal = await whyNotLocal();
  if (notLocal === null) {
    return {
      feed: 'queue',
      amqpUrl: LOCAL_URL,
      why: `Events come from the RabbitMQ that answers on localhost:${LOCAL_PORT}.`,
      label: 'the local RabbitMQ',
    };
  }
  const installation = await findRabbitmq();
  if (installation === null) return withoutRabbitmq(env, `${notLocal}, and no rabbitmq-server was found`);
  say(`Starting a private RabbitMQ (${installation.script}); this takes some seconds …`);
  try {
    // Two starts at a time have a broker each.
    const folder = join(devFolder(), 'rabbitmq', String(process.pid));
    const node = await startNode({ folder, temporary: true });
    return {
      feed: 'queue',
      amqpUrl: node.url,
      why: `Events come from a private RabbitMQ on localhost:${node.port}, which ends with this process; ${notLocal}.`,
      label: 'a private RabbitMQ',
    };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return withoutRabbitmq(env, `${notLocal}, and a private one failed. ${text}`);
  }
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {string} why
 */
function withoutRabbitmq(env, why) {
  if (env['FEED']) throw new Error(`FEED=${env['FEED']} needs RabbitMQ: ${why}. Set AMQP_URL.`);
  return memory(why);
}

/**
 * @param {string} why
 * @returns {ChosenFeed}
 */
function memory(why) {
  return {
    feed: 'memory',
    amqpUrl: null,
    why: `Events come from the embedded in-memory feed, without RabbitMQ: ${why}.`,
    label: 'the in-memory feed',
  };
}

/** @returns {Promise<string | null>} null: there is one, and it lets guest in */
async function whyNotLocal() {
  if (!(await speaksAmqp('localhost', LOCAL_PORT))) return `no RabbitMQ answers on localhost:${LOCAL_PORT}`;
  try {
    const connection = await amqp.connect(LOCAL_URL, { timeout: CONNECT_TIMEOUT_MS });
    connection.on('error', () => {});
    await connection.close();
    return null;
  } catch {
    return `the RabbitMQ on localhost:${LOCAL_PORT} does not let guest in (AMQP_URL can name a user)`;
  }
}
