import assert from 'node:assert/strict';
import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { FIRST_RETRY_MS, REFRESH_MS } from '../../src/auth/jwks.js';
import { A, answer, B, type Handler, portOf, rig, serve, tokenA, tokenB, tokenC } from './key-server.js';

describe('a key server in trouble', () => {
  const keysOf = (...keys: object[]): string => JSON.stringify({ keys });
  const troubles: [string, Handler, RegExp][] = [
    ['answers 500', answer(500, keysOf(A)), /^status 500$/],
    ['answers 404', answer(404, keysOf(A)), /^status 404$/],
    ['answers 204', answer(204, ''), /^status 204$/],
    [
      'redirects to the keys',
      (request, response) =>
        (request.url === '/keys' ? answer(302, '', { location: '/other' }) : serve(A))(request, response),
      /^status 302; redirects are not followed$/,
    ],
    ['answers with a page', answer(200, '<html>log in</html>'), /^no JSON Web Key Set/],
    ['answers with nothing', answer(200, ''), /^no JSON Web Key Set/],
    ['answers with other JSON', answer(200, '{"error":"quota"}'), /^no JSON Web Key Set/],
    ['answers with too much', answer(200, keysOf(A) + ' '.repeat(262_144)), /^more than 262144 bytes$/],
    [
      'answers with too much, packed',
      answer(200, gzipSync(keysOf(A) + ' '.repeat(10_000_000)), { 'content-encoding': 'gzip' }),
      /^more than 262144 bytes$/,
    ],
    ['hangs up', request => void request.socket.destroy(), /^(UND_ERR_SOCKET|ECONNRESET)$/],
    [
      'hangs up half-way',
      (request, response) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('{"keys":[', () => request.socket.destroy());
      },
      /^(UND_ERR_SOCKET|ECONNRESET)$/,
    ],
    [
      'is no HTTP server',
      request => void request.socket.end('SSH-2.0-OpenSSH\r\n'),
      /^(HPE_|no HTTP answer)/,
    ],
  ];
  for (const [name, handler, problem] of troubles) {
    it(`that ${name} at the start: tokens are refused as "keys unavailable", later it recovers`, async t => {
      const { fault, handle, clock, lines, requests } = await rig(t, handler);
      assert.equal(await fault(tokenA), 'keys_unavailable');
      const [line = '{}'] = lines;
      const logged: unknown = JSON.parse(line);
      assert.ok(typeof logged === 'object' && logged !== null && 'problem' in logged);
      assert.match(String(logged.problem), problem);
      assert.equal(requests(), 1);
      handle(serve(A));
      clock.advance(FIRST_RETRY_MS);
      assert.equal(await fault(tokenA), 'accepted');
      assert.match(lines.join('\n'), /the key server answers again/);
    });

    it(`that ${name} later: known keys go on working, of others nothing can be said`, async t => {
      const { fault, handle, clock } = await rig(t, serve(A));
      await clock.timer(REFRESH_MS);
      handle(handler);
      clock.advance(REFRESH_MS);
      await clock.timer(FIRST_RETRY_MS);
      assert.deepEqual([await fault(tokenA), await fault(tokenB)], ['accepted', 'keys_unavailable']);
      handle(serve(A, B));
      clock.advance(FIRST_RETRY_MS);
      await clock.timer(REFRESH_MS);
      assert.deepEqual([await fault(tokenA), await fault(tokenB)], ['accepted', 'accepted']);
    });
  }

  it('that answers nothing is given up after 5 s, and so is one that never comes to an end', async t => {
    const silent = await rig(t, () => {});
    const pending = silent.fault(tokenA);
    silent.clock.advance(4999);
    silent.clock.advance(1);
    assert.equal(await pending, 'keys_unavailable');
    assert.match(silent.lines.join('\n'), /no complete answer within 5000 ms/);

    const headers = new Promise<void>(resolve => {
      const onHeaders = (): void => {
        diagnostics.unsubscribe('undici:request:headers', onHeaders);
        resolve();
      };
      diagnostics.subscribe('undici:request:headers', onHeaders);
    });
    const endless = await rig(t, (_, response) => void response.write('{"keys":['));
    const waiting = endless.fault(tokenA);
    await headers;
    await new Promise(setImmediate);
    endless.clock.advance(5000);
    assert.equal(await waiting, 'keys_unavailable');
    assert.match(endless.lines.join('\n'), /no complete answer within 5000 ms/);
  });

  it('that is not there is tried again after 1, 2, 4, … 30 s, by the clock and not by tokens', async t => {
    const { fault, clock, requests, lines } = await rig(t, answer(503, ''));
    const waits = [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];
    for (const [i, wait] of waits.entries()) {
      await clock.timer(wait);
      assert.equal(requests(), i + 1);
      assert.equal(await fault(tokenA), 'keys_unavailable');
      clock.advance(wait - 1);
      assert.equal(requests(), i + 1);
      clock.advance(1);
    }
    await clock.timer(30_000);
    assert.equal(requests(), waits.length + 1);
    assert.equal(lines.length, 1, 'a line every 5 minutes is enough');
    for (let i = 0; i < 8; i++) {
      clock.advance(30_000);
      await clock.timer(30_000);
    }
    assert.equal(lines.length, 2);
  });

  it('that refuses connections is named by the code, not as "fetch failed"', async t => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const url = `http://127.0.0.1:${portOf(closed.address())}/`;
    closed.close();
    await once(closed, 'close');
    const { fault, lines } = await rig(t, serve(), { key: { kind: 'jwks', url } });
    assert.equal(await fault(tokenA), 'keys_unavailable');
    assert.match(lines.join('\n'), /ECONNREFUSED/);
  });

  it('never makes a token appear in the log', async t => {
    const { fault, lines, clock } = await rig(t, answer(500, ''));
    for (const token of [tokenA, tokenB, tokenC]) await fault(token);
    await clock.timer(FIRST_RETRY_MS);
    assert.ok(lines.length > 0);
    for (const token of [tokenA, tokenB, tokenC]) assert.ok(!lines.join('\n').includes(token.slice(0, 20)));
  });
});
