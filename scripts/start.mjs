/**
 * `npm start`: sets up a fresh clone and runs the service with its demo page in this process. Whatever is set (in the
 * environment or in .env) is left as it is; what isn't gets a value that suits trying out.
 */
import { join } from 'node:path';
import { createServer } from 'node:net';
import { pathToFileURL } from 'node:url';
import { adminHeaders, readDotEnv, writeDevState } from './lib/dev-state.mjs';
import { build, ensureDependencies, ROOT } from './lib/setup.mjs';

/** @typedef {import('./lib/choose-feed.mjs').ChosenFeed} ChosenFeed */
/** @typedef {import('./lib/mint.mjs').SigningKey} SigningKey */

/** Defaults for trying out; the service's own are meant for a cluster. */
const DEFAULTS = {
  NODE_ENV: 'development',
  // The page hands out tokens to whoever asks: for this machine only, unless wanted otherwise.
  HOST: '127.0.0.1',
  // At debug, as config/development.json has it, the address to open would be lost among the lines.
  LOG_LEVEL: 'warn',
  DRAIN_MS: '2000',
  // Often enough to be seen on the page.
  PING_INTERVAL_MS: '5000',
  PONG_TIMEOUT_MS: '5000',
};
const PORTS = { PORT: 8080, ADMIN_PORT: 9090 };
/** How long the address waits for the feed, so that the page connects at the first go. */
const FEED_PATIENCE_MS = 5000;
const POLL_MS = 50;
const PARENT_CHECK_MS = 250;

/** @param {string} text */
const say = text => console.log(text);

try {
  await start();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}

async function start() {
  await ensureDependencies();
  await build();
  const notRead = readDotEnv();
  if (notRead !== null) say(notRead);
  const { env } = process;
  for (const [name, value] of Object.entries(DEFAULTS)) env[name] ||= value;
  await choosePorts(env);

  // Only now: these import from node_modules and dist/, which may not have been there.
  const { chooseFeed } = await import('./lib/choose-feed.mjs');
  const { signingKey } = await import('./lib/mint.mjs');
  /** @type {typeof import('../src/run.js')} */
  const { run } = await import(pathToFileURL(join(ROOT, 'dist', 'run.js')).href);

  const key = signingKey(env);
  if (key.kind === 'secret' && key.own) env['JWT_SECRET'] = key.secret;
  const chosen = await chooseFeed(env, say);
  env['FEED'] ||= chosen.feed;
  if (chosen.amqpUrl !== null) env['AMQP_URL'] = chosen.amqpUrl;

  let adminUrl = '';
  const demo = await openDemo(env, key, chosen, () => adminUrl);
  endWithNpm(env);
  await run({
    env,
    ...(demo === null ? {} : { page: demo }),
    onStarted(app) {
      adminUrl = addressOf(env['ADMIN_HOST'], app.adminAddress.port, '127.0.0.1');
      const url = addressOf(env['HOST'], app.publicAddress.port, 'localhost');
      writeDevState({
        url: `${url}/`,
        adminUrl,
        feed: chosen.feed,
        amqpUrl: chosen.amqpUrl,
        ownSecret: key.kind === 'secret' && key.own,
      });
      void announce(env, chosen, url, adminUrl, demo !== null);
    },
  });
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {SigningKey} key
 * @param {ChosenFeed} chosen
 * @param {() => string} adminUrl
 */
async function openDemo(env, key, chosen, adminUrl) {
  if (env['NODE_ENV'] !== 'development' && env['NODE_ENV'] !== 'test') {
    say(`There is no demo page with NODE_ENV=${env['NODE_ENV']}: it hands out tokens to whoever asks.`);
    return null;
  }
  if (key.kind === 'none') {
    say(`There is no demo page, because it can't sign tokens. ${key.why}`);
    return null;
  }
  const { createDemo } = await import('./demo/server.mjs');
  const { mintToken } = await import('./lib/mint.mjs');
  return createDemo({
    feed: chosen.label,
    mint: wishes => mintToken(key.secret, wishes, env),
    async publish(body) {
      const response = await fetch(new URL('/events', adminUrl()), {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...adminHeaders(env) },
        body,
      });
      return { status: response.status, body: await response.text() };
    },
  });
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {ChosenFeed} chosen
 * @param {string} url
 * @param {string} adminUrl
 * @param {boolean} withDemo
 */
async function announce(env, chosen, url, adminUrl, withDemo) {
  say(chosen.why);
  if (!(await feedIsThere(env, adminUrl))) say('RabbitMQ has not answered yet; Warren goes on trying.');
  if (withDemo && !/^(?:127\.|localhost$|::1$)/.test(env['HOST'] ?? '')) {
    say(`HOST=${env['HOST']}: whoever reaches this machine can use the demo, which hands out tokens.`);
  }
  say(
    `Publish and metrics: ${adminUrl}/ (POST /events, GET /metrics). A token for your own page: npm run token`,
  );
  say(withDemo ? `Open ${url}/` : `Listening at ${url}/ws`);
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {string} adminUrl
 */
async function feedIsThere(env, adminUrl) {
  const deadline = performance.now() + FEED_PATIENCE_MS;
  while (performance.now() < deadline) {
    const response = await fetch(new URL('/stats', adminUrl), { headers: adminHeaders(env) }).catch(
      () => null,
    );
    if (!response?.ok) return true; // Whatever is wrong there isn't the feed.
    const stats = /** @type {{ feed?: { kind: string } }} */ (await response.json());
    if (stats.feed?.kind === 'attached') return true;
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
  return false;
}

/**
 * npm passes a SIGTERM on to the shell that it runs us in, which ends without passing it on to us: the service would
 * go on behind everybody's back.
 *
 * @param {NodeJS.ProcessEnv} env
 */
function endWithNpm(env) {
  if (env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, PARENT_CHECK_MS);
  timer.unref();
}

/**
 * Takes free ports instead of the usual ones where those are taken and nobody asked for them.
 *
 * @param {NodeJS.ProcessEnv} env
 */
async function choosePorts(env) {
  for (const [name, port] of Object.entries(PORTS)) {
    if (env[name]) continue;
    const host = name === 'PORT' ? env['HOST'] : env['ADMIN_HOST'] || '127.0.0.1';
    if (await isFree(host ?? '127.0.0.1', port)) continue;
    env[name] = '0';
    say(`Port ${port} is taken; another one is used instead (${name} can name one).`);
  }
}

/**
 * @param {string} host
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function isFree(host, port) {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port }, () => server.close(() => resolve(true)));
  });
}

/**
 * @param {string | undefined} host
 * @param {number} port
 * @param {string} loopback what to call this machine
 */
function addressOf(host, port, loopback) {
  if (!host || /^(?:127\.0\.0\.1|0\.0\.0\.0|::|::1|localhost)$/.test(host)) {
    return `http://${host === '::1' ? '[::1]' : loopback}:${port}`;
  }
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
