import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Auth, AuthConfigError, openAuth } from '../../src/auth/index.js';
import { MIN_INTERVAL_MS, REFRESH_MS } from '../../src/auth/jwks.js';
import { silentLogger } from '../../src/logger.js';
import { mintToken } from '../support/tokens.js';
import { NOW, optionsOf } from './corpus.js';
import { forge, rsa, signers } from './forge.js';
import { toPem } from '../support/keys.js';
import { A, B, C, rig, serve, tokenA, tokenB, tokenC } from './key-server.js';
import { manualClock } from '../support/clock.js';

describe('a key server', () => {
  it('is asked at the start, and the first tokens wait for its answer', async t => {
    const { fault, requests } = await rig(t, serve(A, C));
    assert.deepEqual(await Promise.all([fault(tokenA), fault(tokenC)]), ['accepted', 'accepted']);
    assert.equal(requests(), 1);
  });

  it('is asked once, however many tokens wait', async t => {
    const { fault, requests } = await rig(t, serve(A));
    const waiting = Array.from({ length: 100 }, () => fault(tokenA));
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set(['accepted']));
    assert.equal(requests(), 1);
  });

  it('is not asked again for tokens whose keys are known', async t => {
    const { fault, requests, clock } = await rig(t, serve(A));
    await clock.timer(REFRESH_MS);
    clock.advance(MIN_INTERVAL_MS);
    for (let i = 0; i < 50; i++) assert.equal(await fault(tokenA), 'accepted');
    assert.equal(requests(), 1);
  });

  it('is asked again for unknown keys, but once in the interval whoever sends them', async t => {
    const { fault, requests, clock } = await rig(t, serve(A));
    await clock.timer(REFRESH_MS);
    const strangers = Array.from({ length: 50 }, (_, i) =>
      forge(`{"alg":"RS256","kid":"x${i}"}`, '{}', signers.otherRsa),
    );
    const all = async (): Promise<Set<string>> => new Set(await Promise.all(strangers.map(fault)));
    assert.deepEqual(await all(), new Set(['unknown_key']));
    clock.advance(MIN_INTERVAL_MS - 1);
    assert.deepEqual(await all(), new Set(['unknown_key']));
    assert.equal(requests(), 1);
    clock.advance(1);
    assert.deepEqual(await all(), new Set(['unknown_key']));
    assert.deepEqual(await all(), new Set(['unknown_key']));
    assert.equal(requests(), 2);
    clock.advance(MIN_INTERVAL_MS);
    assert.deepEqual(await all(), new Set(['unknown_key']));
    assert.equal(requests(), 3);
    assert.deepEqual(clock.pending(), [REFRESH_MS], 'one refresh is due, not one for each fetch');
  });

  it('can rotate its keys: the new one works at its first token, the old one until it is gone', async t => {
    const { fault, handle, clock } = await rig(t, serve(A));
    assert.equal(await fault(tokenA), 'accepted');
    assert.equal(await fault(tokenB), 'unknown_key');
    handle(serve(A, B));
    clock.advance(MIN_INTERVAL_MS);
    assert.deepEqual([await fault(tokenB), await fault(tokenA)], ['accepted', 'accepted']);
    handle(serve(B));
    await clock.timer(REFRESH_MS);
    assert.equal(await fault(tokenA), 'accepted');
    clock.advance(REFRESH_MS);
    await clock.timer(REFRESH_MS);
    assert.deepEqual([await fault(tokenB), await fault(tokenA)], ['accepted', 'unknown_key']);
  });

  it('that has nothing new to say is not talked about', async t => {
    const { clock, lines, requests } = await rig(t, serve(A));
    await clock.timer(REFRESH_MS);
    clock.advance(REFRESH_MS);
    await clock.timer(REFRESH_MS);
    assert.equal(requests(), 2);
    assert.equal(lines.length, 1);
  });

  it('can take all keys away', async t => {
    const { fault, handle, clock, lines } = await rig(t, serve(A));
    assert.equal(await fault(tokenA), 'accepted');
    handle(serve());
    await clock.timer(REFRESH_MS);
    clock.advance(REFRESH_MS);
    await clock.timer(REFRESH_MS);
    assert.equal(await fault(tokenA), 'unknown_key');
    assert.match(lines.join('\n'), /the key server has no usable key/);
  });

  it('can replace the key behind a name: the old one stops working', async t => {
    const { fault, handle, clock } = await rig(t, serve(A));
    assert.equal(await fault(tokenA), 'accepted');
    handle(serve({ ...B, kid: 'a' }));
    await clock.timer(REFRESH_MS);
    clock.advance(REFRESH_MS);
    await clock.timer(REFRESH_MS);
    assert.equal(await fault(tokenA), 'signature');
  });

  it('decides alone where keys come from: no URL in a token is ever fetched', async t => {
    const other = await rig(t, serve({ ...B, kid: 'evil' }));
    await other.clock.timer(REFRESH_MS);
    const { fault, clock } = await rig(t, serve(A));
    await clock.timer(REFRESH_MS);
    const asked = other.requests();
    clock.advance(MIN_INTERVAL_MS);
    const claims = JSON.stringify({ sub: '7', tenant: 'acme', exp: NOW / 1000 + 3600 });
    for (const member of [`"jku":"${other.url}"`, `"x5u":"${other.url}"`, `"jwk":${JSON.stringify(B)}`]) {
      const token = forge(`{"alg":"RS256","kid":"evil",${member}}`, claims, signers.otherRsa);
      assert.equal(await fault(token), 'unknown_key');
    }
    assert.equal(other.requests(), asked);
  });

  it('gives keys for one algorithm each: no other token is verified with them, and none causes a fetch', async t => {
    const { fault, clock, requests } = await rig(t, serve(A, C));
    await clock.timer(REFRESH_MS);
    clock.advance(MIN_INTERVAL_MS);
    assert.equal(await fault(forge('{"alg":"PS256","kid":"a"}', '{}', signers.rsa)), 'algorithm');
    assert.equal(await fault(forge('{"alg":"ES256","kid":"a"}', '{}', signers.ec)), 'algorithm');
    assert.equal(await fault(forge('{"alg":"HS256","kid":"a"}', '{}', signers.publicPem)), 'algorithm');
    assert.equal(await fault(forge('{"alg":"none","kid":"a"}', '{}', signers.nobody)), 'algorithm');
    assert.equal(await fault(forge('{"alg":"RS256","kid":"a"}', '{}', signers.otherRsa)), 'signature');
    assert.equal(requests(), 1);
  });

  it('needs no kid in tokens as long as one key only can be meant', async t => {
    const nameless = mintToken({ now: NOW, privateKey: rsa.privateKey, algorithm: 'RS256' });
    const { fault, handle, clock, requests } = await rig(t, serve(A, C));
    assert.equal(await fault(nameless), 'accepted');
    handle(serve(A, B, C));
    await clock.timer(REFRESH_MS);
    clock.advance(REFRESH_MS);
    await clock.timer(REFRESH_MS);
    clock.advance(MIN_INTERVAL_MS);
    assert.equal(await fault(nameless), 'unknown_key');
    assert.equal(requests(), 2);
  });

  it('only gives keys of the allowed algorithms', async t => {
    const { fault } = await rig(t, serve(A, C), { algorithms: ['ES256'] });
    assert.deepEqual([await fault(tokenA), await fault(tokenC)], ['algorithm', 'accepted']);
  });

  it('that publishes a private key is told on, and that key is not used', async t => {
    const leaked = { ...rsa.privateKey.export({ format: 'jwk' }), kid: 'a', alg: 'RS256' };
    const { fault, lines } = await rig(t, serve(leaked, C));
    assert.deepEqual([await fault(tokenC), await fault(tokenA)], ['accepted', 'unknown_key']);
    assert.match(lines.join('\n'), /the key server publishes private keys/);
    assert.doesNotMatch(lines.join('\n'), new RegExp(String(leaked.d)));
  });
});

describe('closing', () => {
  it('gives up the fetch under way, answers those who wait, and leaves no timer', async t => {
    const { auth, fault, clock, lines, handle } = await rig(t, () => {});
    const arrived = new Promise<void>(resolve => handle(() => resolve()));
    const waiting = fault(tokenA);
    await arrived;
    auth.close();
    assert.equal(await waiting, 'keys_unavailable');
    assert.deepEqual(clock.pending(), []);
    assert.deepEqual(lines, []);
  });

  it('ends the background refresh; known keys go on working and unknown ones cause no fetch', async t => {
    const { auth, fault, clock, requests } = await rig(t, serve(A));
    await clock.timer(REFRESH_MS);
    auth.close();
    assert.deepEqual(clock.pending(), []);
    clock.advance(REFRESH_MS);
    assert.deepEqual([await fault(tokenA), await fault(tokenB)], ['accepted', 'unknown_key']);
    assert.equal(requests(), 1);
  });
});

describe('the URL of a key set', () => {
  const open = (url: string, warn: (fields: object, message: string) => void = () => {}): Auth =>
    openAuth({ ...optionsOf({ name: '', expect: {} }), key: { kind: 'jwks', url } }, manualClock(NOW), {
      ...silentLogger,
      warn,
    });

  for (const url of [
    '',
    'keys',
    'file:///etc/passwd',
    'data:application/json,{"keys":[]}',
    'ftp://id/keys',
  ]) {
    it(`must be http or https, not ${JSON.stringify(url)}`, () => {
      assert.throws(() => open(url), {
        name: 'AuthConfigError',
        message: 'JWT_JWKS_URL is not an http(s) URL',
      });
    });
  }

  for (const user of ['user:hunter2', 'hunter2', ':hunter2']) {
    it(`has no password in it (${user}@), and the message does not repeat it`, () => {
      assert.throws(
        () => open(`https://${user}@id.example/keys`),
        (error: unknown) => error instanceof AuthConfigError && !error.message.includes('hunter2'),
      );
    });
  }

  it('causes a warning if it is http to another machine', () => {
    const hosts: unknown[] = [];
    for (const url of [
      'http://id.invalid/',
      'http://127.0.0.1:1/',
      'http://localhost:1/',
      'https://id.invalid/',
    ]) {
      open(url, fields => hosts.push('problem' in fields ? 'problem' : fields)).close();
    }
    assert.deepEqual(hosts, [{ keyServer: 'id.invalid' }]);
  });

  it('is not of use for a PEM that someone gives as an HMAC secret in a token', async t => {
    const { fault } = await rig(t, serve(A));
    assert.equal(await fault(mintToken({ now: NOW, secret: toPem(rsa.publicKey), keyId: 'a' })), 'algorithm');
  });
});
