import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { AuthConfigError, type AuthOptions, openAuth } from '../../src/auth/index.js';
import { type AuthOutcome, TOKEN_FAULTS } from '../../src/connection/authenticate.js';
import { silentLogger } from '../../src/logger.js';
import { mintToken } from '../support/tokens.js';
import { NOW, optionsOf, type TokenCase, tokenOf } from './corpus.js';
import { ACCEPTED } from './corpus-accepted.js';
import { REFUSED } from './corpus-refused.js';
import { ec, rsa } from './forge.js';
import { toPem } from '../support/keys.js';
import { manualClock } from '../support/clock.js';

const OPTIONS = optionsOf({ name: '', expect: {} });

function check(options: AuthOptions, token: string): Promise<AuthOutcome> {
  return openAuth(options, manualClock(NOW), silentLogger).authenticate(token);
}

async function run(test: TokenCase): Promise<void> {
  const outcome = await check(optionsOf(test), tokenOf(test));
  if (typeof test.expect === 'string') {
    assert.deepEqual(outcome, { kind: 'refused', fault: test.expect });
    return;
  }
  assert.equal(outcome.kind, 'identity', JSON.stringify(outcome));
  assert.ok(outcome.kind === 'identity');
  assert.deepEqual({ ...outcome.identity, ...test.expect }, outcome.identity);
}

describe('a token is accepted:', () => {
  for (const test of ACCEPTED) it(test.name, () => run(test));
});

describe('a token is refused:', () => {
  for (const test of REFUSED) it(test.name, () => run(test));

  it('with every fault that a fixed key can give somewhere in the corpus', () => {
    const seen = new Set(REFUSED.map(test => test.expect));
    const missing = TOKEN_FAULTS.filter(fault => !seen.has(fault));
    assert.deepEqual(missing, ['unknown_key', 'keys_unavailable']);
  });
});

describe('openAuth', () => {
  it('takes what the test helper mints, with each kind of key', async () => {
    const wishes = { now: NOW, user: 8, tenant: 'globex', topics: ['a.*'] };
    const expected = {
      kind: 'identity',
      identity: { user: '8', tenant: 'globex', grants: ['a.*'], expiresAt: NOW + 3_605_000 },
    };
    const rs = mintToken({ ...wishes, privateKey: rsa.privateKey, algorithm: 'RS256', keyId: 'a' });
    const es = mintToken({ ...wishes, privateKey: ec.privateKey, algorithm: 'ES256' });
    assert.deepEqual(await check(OPTIONS, mintToken(wishes)), expected);
    assert.deepEqual(
      await check({ ...OPTIONS, key: { kind: 'pem', pem: toPem(rsa.publicKey) } }, rs),
      expected,
    );
    assert.deepEqual(
      await check({ ...OPTIONS, key: { kind: 'pem', pem: toPem(ec.publicKey) } }, es),
      expected,
    );
  });

  it('accepts a token until the moment that it gives as its end, and not then', async () => {
    const clock = manualClock(NOW);
    const auth = openAuth(OPTIONS, clock, silentLogger);
    const token = mintToken({ now: NOW, expiresInSeconds: 10 });
    const outcome = await auth.authenticate(token);
    assert.ok(outcome.kind === 'identity');
    clock.advance(outcome.identity.expiresAt - NOW - 1);
    assert.equal((await auth.authenticate(token)).kind, 'identity');
    clock.advance(1);
    assert.deepEqual(await auth.authenticate(token), { kind: 'refused', fault: 'expired' });
  });

  it('gives no other identity for a token in which anything was changed', async () => {
    const token = mintToken({ now: NOW, topics: ['a'] });
    const auth = openAuth(OPTIONS, manualClock(NOW), silentLogger);
    const original = await auth.authenticate(token);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.';
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.constantFrom(...alphabet.split('')),
        async (at, character) => {
          const changed = token.slice(0, at) + character + token.slice(at + 1);
          const outcome = await auth.authenticate(changed);
          if (outcome.kind === 'identity') assert.deepEqual(outcome, original);
          else assert.notEqual(changed, token);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('refuses whatever text comes, and never rejects', async () => {
    const auth = openAuth(OPTIONS, manualClock(NOW), silentLogger);
    const segment = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json().map(text => Buffer.from(text).toString('base64url')),
      fc.uint8Array().map(bytes => Buffer.from(bytes).toString('base64url')),
      fc.constant(Buffer.from('{"alg":"HS256"}').toString('base64url')),
    );
    const token = fc.array(segment, { maxLength: 5 }).map(parts => parts.join('.'));
    await fc.assert(
      fc.asyncProperty(token, async text => {
        assert.equal((await auth.authenticate(text)).kind, 'refused');
      }),
      { numRuns: 500 },
    );
  });

  it('turns a bug into a refusal, and logs neither the token nor the message of the error', async () => {
    const lines: string[] = [];
    const note = (fields: object, message: string): void =>
      void lines.push(JSON.stringify([fields, message]));
    const logger = { ...silentLogger, error: note };
    const token = mintToken({ now: NOW });
    const clock = {
      ...manualClock(NOW),
      wall(): number {
        throw new RangeError(`cannot check ${token}`);
      },
    };
    const outcome = await openAuth(OPTIONS, clock, logger).authenticate(token);
    assert.deepEqual(outcome, { kind: 'refused', fault: 'malformed' });
    assert.deepEqual(lines, ['[{"error":"RangeError"},"checking a token failed"]']);
  });

  const wrongOptions: [string, Partial<AuthOptions>, RegExp][] = [
    ['a tolerance of NaN', { clockToleranceMs: Number.NaN }, /^JWT_CLOCK_TOLERANCE_MS: NaN /],
    [
      'an endless tolerance',
      { clockToleranceMs: Number.POSITIVE_INFINITY },
      /^JWT_CLOCK_TOLERANCE_MS: Infinity /,
    ],
    ['a negative tolerance', { clockToleranceMs: -1 }, /^JWT_CLOCK_TOLERANCE_MS: -1 /],
    ['an empty issuer', { issuer: '' }, /^JWT_ISSUER is empty$/],
    ['an empty audience', { audience: '' }, /^JWT_AUDIENCE is empty$/],
    ['an empty user claim', { userClaim: '' }, /^JWT_USER_CLAIM is empty$/],
    ['an empty tenant claim', { tenantClaim: '' }, /^JWT_TENANT_CLAIM is empty$/],
    ['an empty topics claim', { topicsClaim: '' }, /^JWT_TOPICS_CLAIM is empty$/],
    ['a default tenant with a space', { defaultTenant: 'a b' }, /^DEFAULT_TENANT: "a b" is no tenant/],
    ['a bad default topic', { defaultTopics: ['ok', 'a..b'] }, /^DEFAULT_TOPICS: "a\.\.b" is no topic/],
    [
      'too many default topics',
      { defaultTopics: Array.from({ length: 1001 }, (_, i) => `t${i}`) },
      /^DEFAULT_TOPICS: 1001 topics/,
    ],
  ];
  for (const [name, options, message] of wrongOptions) {
    it(`stops the start with ${name}`, () => {
      assert.throws(
        () => openAuth({ ...OPTIONS, ...options }, manualClock(NOW), silentLogger),
        (error: unknown) => error instanceof AuthConfigError && message.test(error.message),
      );
    });
  }
});
