import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { EXIT } from '../src/run.js';
import { eventually } from './support/eventually.js';
import { runMain, startWarrenProcess } from './support/warren.js';

const NO_BROKER = { FEED: 'queue', AMQP_URL: 'amqp://guest:a-secret@127.0.0.1:1' };

describe('the process', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`sends its clients away and ends with 0 on ${signal}`, async () => {
      const warren = await startWarrenProcess();
      const client = await warren.enter();
      assert.equal((await warren.publish({ tenant: 'acme', user: '7', data: 1, id: 'a' })).status, 202);
      await client.event('a');
      warren.signal(signal);
      await client.system('reconnect');
      assert.equal((await client.closed).code, 1012);
      assert.equal(await warren.exited, EXIT.ok);
    });
  }

  it('ends at once on a second signal', async () => {
    const warren = await startWarrenProcess({ DRAIN_MS: '600000' });
    const clients = await Promise.all([warren.enter(), warren.enter()]);
    warren.signal('SIGTERM');
    await eventually(
      () => warren.lines.some(({ msg }) => msg === 'draining'),
      begun => begun,
    );
    let over = false;
    void warren.exited.then(() => (over = true));
    // One that follows within moments is taken for the same: npm and shells pass on what the process gets anyway.
    await eventually(
      () => {
        warren.signal('SIGTERM');
        return over;
      },
      ended => ended,
    );
    assert.equal(await warren.exited, EXIT.ok);
    const codes = await Promise.all(clients.map(async client => (await client.closed).code));
    assert.ok(codes.includes(1006), 'somebody was still there');
  });

  it('names every wrong setting on standard error, shows no secret, and ends with 78', async () => {
    const { code, stderr } = await runMain({
      PORT: '99999',
      JWT_SECRET: 'too-short-a-secret',
      FEED: 'carrier',
    });
    assert.equal(code, EXIT.config);
    for (const name of ['PORT', 'JWT_SECRET', 'FEED'])
      assert.match(stderr, new RegExp(`^warren: ${name}:`, 'm'));
    assert.ok(!stderr.includes('too-short-a-secret'));
  });

  it('ends with 71 when a port is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    for (const name of ['PORT', 'ADMIN_PORT']) {
      const { code } = await runMain({ [name]: `${address.port}` });
      assert.equal(code, EXIT.system, name);
    }
    server.close();
  });

  it('ends with 69 when the feed cannot be reached within its deadline', async () => {
    const warren = await startWarrenProcess({ ...NO_BROKER, FEED_RECONNECT_DEADLINE_MS: '0' });
    assert.equal(await warren.exited, EXIT.feed);
    // Not the last line: pino writes through the thread pool, and what its `fatal` flushes can overtake a write there.
    const fatal = warren.lines.filter(({ level }) => level === 'fatal').map(({ msg }) => msg);
    assert.deepEqual(fatal, [
      'no feed within FEED_RECONNECT_DEADLINE_MS; the process ends to be started anew',
    ]);
    assert.ok(!JSON.stringify(warren.lines).includes('a-secret'));
  });

  it('lives on while the broker is away and the deadline is not over', async () => {
    const warren = await startWarrenProcess({ ...NO_BROKER, FEED_RECONNECT_DEADLINE_MS: '-1' });
    assert.equal((await fetch(`${warren.adminUrl}/livez`)).status, 200);
    assert.equal((await fetch(`${warren.adminUrl}/readyz`)).status, 503);
    assert.equal(await warren.stop(), EXIT.ok);
  });
});
