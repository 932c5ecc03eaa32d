import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { speaksAmqp } from '../../scripts/lib/rabbitmq-node.mjs';
import { cleanEnvironment, runScript, startDemo } from '../support/demo-process.js';
import { eventually } from '../support/eventually.js';
import { TEST_SECRET } from '../support/tokens.js';

const LOCAL = 'Events come from the RabbitMQ that answers on localhost:5672.';

/** Process ids of programs in whose environment this folder is named: the broker's, its keeper's and epmd's. */
function processesOf(folder: string): string[] {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc').filter(pid => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(folder);
    } catch {
      return false; // It has ended meanwhile.
    }
  });
}

/** Whether somebody listens there. */
function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`a RabbitMQ that was started privately is gone after ${signal}, with all that belongs to it`, async () => {
    if (await speaksAmqp('localhost', 5672)) {
      // A machine with a broker of its own: then that one is taken.
      const demo = await startDemo({});
      assert.ok(demo.lines.includes(LOCAL), demo.lines.join('\n'));
      await demo.end(signal);
      return;
    }
    const demo = await startDemo({});
    const port = /a private RabbitMQ on localhost:(\d+),/.exec(demo.lines.join('\n'))?.[1];
    assert.ok(port, demo.lines.join('\n'));
    const folder = join(demo.folder, 'rabbitmq');
    assert.equal(readdirSync(folder).length, 1);
    if (existsSync('/proc/self/environ')) {
      // This process's child, the broker's keeper, the broker and epmd, with their helpers.
      assert.ok(processesOf(demo.folder).length >= 4);
    }
    const posted = await runScript('publish.mjs', ['--to-all'], demo.env);
    assert.match(posted.stdout, /through RabbitMQ \(push\.events\), confirmed/);
    assert.equal(await demo.end(signal), signal === 'SIGTERM' ? 0 : signal);
    await eventually(
      () => readdirSync(folder),
      left => left.length === 0,
    );
    await eventually(
      () => processesOf(demo.folder),
      left => left.length === 0,
    );
    assert.equal(await answers(Number(port)), false);
  });
}

test('where there is no RabbitMQ the embedded feed is used, and said to be', async () => {
  const demo = await startDemo({ RABBITMQ_SERVER: '/nowhere/rabbitmq-server' });
  const said = demo.lines.find(line => line.startsWith('Events come from'));
  if (await speaksAmqp('localhost', 5672)) assert.equal(said, LOCAL);
  else {
    assert.equal(
      said,
      'Events come from the embedded in-memory feed, without RabbitMQ: no RabbitMQ answers on localhost:5672, and no rabbitmq-server was found.',
    );
    assert.equal((await fetch(`${demo.url}/healthz`)).status, 200);
  }
  assert.equal(await demo.end('SIGTERM'), 0);
});

test('a port that is taken and was not asked for is replaced, and said to be', async () => {
  const occupant = createServer();
  await new Promise<void>(resolve => {
    occupant.once('error', () => resolve()); // Somebody else has it already, which does as well.
    occupant.listen({ host: '127.0.0.1', port: 8080 }, resolve);
  });
  const demo = await startDemo({ FEED: 'memory', PORT: '' });
  assert.ok(demo.lines.includes('Port 8080 is taken; another one is used instead (PORT can name one).'));
  assert.equal((await fetch(`${demo.url}/`)).status, 200);
  assert.equal(await demo.end('SIGTERM'), 0);
  occupant.close();
});

test('an invalid setting ends the start with 78 and says which', async () => {
  const { env } = cleanEnvironment();
  const { code, stderr } = await runScript('start.mjs', [], { ...env, FEED: 'memory', PORT: 'eighty' });
  assert.equal(code, 78);
  assert.match(stderr, /^warren: PORT: must be/m);
});

test('with NODE_ENV=production there is no demo page', async () => {
  const production = await startDemo({ FEED: 'memory', NODE_ENV: 'production', JWT_SECRET: TEST_SECRET });
  const paths = ['/', '/demo/token?user=7&tenant=acme', '/demo/client.js'];
  for (const path of paths) {
    const method = path.startsWith('/demo/token') ? 'POST' : 'GET';
    assert.equal((await fetch(`${production.url}${path}`, { method })).status, 404, path);
  }
  assert.equal(await production.end('SIGTERM'), 0);
});

test('the secret is neither printed nor readable for others', async () => {
  const demo = await startDemo({ FEED: 'memory', LOG_LEVEL: 'trace' });
  const file = join(demo.folder, 'jwt-secret');
  const secret = readFileSync(file, 'utf8');
  assert.ok(secret.length >= 32);
  assert.ok(!demo.lines.join('\n').includes(secret));
  for (const name of ['jwt-secret', 'dev.json']) {
    assert.equal(statSync(join(demo.folder, name)).mode & 0o777, 0o600, name);
  }
  const token = await runScript('token.mjs', ['--user', '9'], demo.env);
  assert.equal(token.code, 0, token.stderr);
  await demo.end('SIGTERM');
});

test("the demo hands tokens to its own page, not to other sites' pages", async () => {
  const demo = await startDemo({ FEED: 'memory', ADMIN_TOKEN: 'a-token-for-the-admin-listener' });
  const { host, port } = new URL(demo.url);
  const ask = (path: string, headers: Record<string, string>, body = ''): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, path, method: 'POST', headers }, answer => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.once('error', reject);
      asked.end(body);
    });
  const token = '/demo/token?user=7&tenant=acme';
  const event = '{"send_to_all":true,"data":1}';
  assert.equal(await ask(token, { host, origin: `http://${host}` }), 200);
  assert.equal(await ask(token, { host }), 200, 'a script has no origin');
  assert.equal(await ask('/demo/publish', { host, origin: `http://${host}` }, event), 202);
  for (const path of [token, '/demo/publish']) {
    assert.equal(await ask(path, { host, origin: 'https://evil.example' }, event), 403);
    assert.equal(await ask(path, { host, origin: 'null' }, event), 403);
    const rebound = `evil.example:${port}`;
    assert.equal(await ask(path, { host: rebound, origin: `http://${rebound}` }, event), 403);
  }
  assert.equal(await ask('/demo/token?user=7', { host }), 400);
  assert.equal(await ask(`${token}&seconds=999999`, { host }), 400);
  assert.equal(await ask('/demo/publish', { host }, 'x'.repeat(70_000)), 413);
  assert.equal((await fetch(`${demo.url}${token}`)).status, 405);
  assert.equal((await fetch(`${demo.url}/demo/../start.mjs`)).status, 404);
  const page = await fetch(`${demo.url}/`);
  assert.match(page.headers.get('content-security-policy') ?? '', /script-src 'self'; style-src 'self'/);
  assert.doesNotMatch(await page.text(), /<script>|<style|style=|https?:\/\//);
  assert.equal(await demo.end('SIGTERM'), 0);
});
