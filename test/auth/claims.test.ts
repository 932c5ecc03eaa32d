import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { type ClaimRules, MAX_GRANTS, readIdentity } from '../../src/auth/claims.js';
import type { Claims } from '../../src/auth/decode.js';
import { isName, isPattern } from '../../src/router/topic.js';
import { NOW, optionsOf } from './corpus.js';

const RULES: ClaimRules = optionsOf({ name: '', expect: {} });
const EXP = NOW / 1000 + 60;

/** Values that claims have, and values that they shouldn't have. */
const value = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    '',
    '7',
    'acme',
    'a b',
    '__proto__',
    0,
    -0,
    7,
    7.5,
    NOW,
    EXP,
    EXP - 120,
    1e308,
  ),
  fc.constantFrom<unknown>(
    Number.POSITIVE_INFINITY,
    Number.NaN,
    ['a'],
    ['a', 1],
    'a.# b',
    {},
    { tenant: 'x' },
  ),
  fc.jsonValue({ maxDepth: 3 }),
  fc.double(),
);
const name = fc.constantFrom(
  'sub',
  'tenant',
  'topics',
  'exp',
  'nbf',
  'iat',
  'iss',
  'aud',
  'a',
  'a.b',
  '__proto__',
);
/** As JSON.parse makes them: `__proto__` is an ordinary own property. */
const claims = fc
  .array(fc.tuple(name, value), { maxLength: 10 })
  .map((members): Claims => Object.fromEntries(members));
const likelyClaims = claims.map((other): Claims => ({ sub: '7', tenant: 'acme', exp: EXP, ...other }));
const anyClaims = fc.oneof(claims, likelyClaims);

describe('readIdentity', () => {
  it('never throws, and gives an identity only with every part of it valid', () => {
    let identities = 0;
    fc.assert(
      fc.property(anyClaims, input => {
        const outcome = readIdentity(input, RULES, NOW);
        if (outcome.kind === 'refused') return;
        identities++;
        const { user, tenant, grants, expiresAt } = outcome.identity;
        assert.ok(isName(user) && isName(tenant));
        assert.ok(grants.every(isPattern) && grants.length <= MAX_GRANTS);
        assert.ok(Number.isSafeInteger(expiresAt) && expiresAt > NOW);
      }),
      { numRuns: 3000 },
    );
    assert.ok(identities > 50, `only ${identities} identities: the property says little`);
  });

  it('takes the tenant from the tenant claim only, whatever else the token says', () => {
    fc.assert(
      fc.property(likelyClaims, fc.option(fc.constant('fallback')), (input, defaultTenant) => {
        const outcome = readIdentity(input, { ...RULES, defaultTenant }, NOW);
        if (outcome.kind === 'refused') return;
        const expected = Object.hasOwn(input, 'tenant') ? String(input['tenant']) : defaultTenant;
        assert.equal(outcome.identity.tenant, expected);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(claims, input => {
        const { tenant: _, ...others } = input;
        const outcome = readIdentity({ ...others, sub: '7', exp: EXP }, RULES, NOW);
        assert.equal(outcome.kind, 'refused');
      }),
      { numRuns: 2000 },
    );
  });

  it('grants nothing that is not in the topics claim or, without one, in the defaults', () => {
    fc.assert(
      fc.property(likelyClaims, input => {
        const outcome = readIdentity(input, { ...RULES, defaultTopics: ['d'] }, NOW);
        if (outcome.kind === 'refused') return;
        const topics = input['topics'];
        const given = typeof topics === 'string' ? topics.split(' ') : topics === undefined ? ['d'] : topics;
        assert.ok(Array.isArray(given));
        assert.ok(outcome.identity.grants.every(grant => given.includes(grant)));
      }),
      { numRuns: 2000 },
    );
  });

  it('is right to the millisecond at both ends of the tolerance', () => {
    const at = (now: number): string => {
      const outcome = readIdentity({ sub: '7', tenant: 'a', nbf: 1000, exp: 2000 }, RULES, now);
      return outcome.kind === 'refused' ? outcome.fault : outcome.kind;
    };
    assert.equal(at(994_999), 'not_yet_valid');
    assert.equal(at(995_000), 'identity');
    assert.equal(at(2_004_999), 'identity');
    assert.equal(at(2_005_000), 'expired');
  });

  it('leaves the claims as they were', () => {
    const input = Object.freeze({ sub: '7', tenant: 'a', topics: Object.freeze(['b', 'a']), exp: EXP });
    const outcome = readIdentity(input, RULES, NOW);
    assert.ok(outcome.kind === 'identity');
    assert.deepEqual(outcome.identity.grants, ['b', 'a']);
  });
});
