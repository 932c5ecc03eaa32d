import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Identity } from '../../src/connection/authenticate.js';
import { Session } from '../../src/connection/session.js';

const IDENTITY: Identity = {
  user: '7',
  tenant: 'acme',
  grants: ['deals.*', 'notes.#'],
  expiresAt: 1_000_000,
};
const NOW = { wall: 400_000, monotonic: 50_000 };

function session(identity: Partial<Identity> = {}, maxSubscriptions = 3): Session {
  const whole = { ...IDENTITY, ...identity };
  return new Session('s', whole, 0, maxSubscriptions, NOW);
}

describe('a session', () => {
  it('subscribes to what is granted and says why the rest is denied', () => {
    const { subscribed, denied } = session({}, 10).subscribe(
      ['deals.42', 'deals.#', 'deals', 'notes.#', 'no blanks', '', 'deals.*'],
      0,
    );
    assert.deepEqual(subscribed, ['deals.42', 'notes.#', 'deals.*']);
    assert.deepEqual(denied, [
      { topic: 'deals.#', code: 'not_granted' },
      { topic: 'deals', code: 'not_granted' },
      { topic: 'no blanks', code: 'invalid' },
      { topic: '', code: 'invalid' },
    ]);
  });

  it('denies what is over the limit', () => {
    const one = session();
    one.subscribe(['deals.1', 'deals.2'], 0);
    assert.deepEqual(one.subscribe(['deals.3', 'deals.4', 'deals.1'], 0), {
      subscribed: ['deals.3', 'deals.1'],
      denied: [{ topic: 'deals.4', code: 'limit' }],
    });
  });

  it('looks at no more topics of one message than there may be subscriptions', () => {
    assert.deepEqual(session().subscribe(['x', 'y', 'z', 'deals.1', ''], 0), {
      subscribed: [],
      denied: [
        ...['x', 'y', 'z'].map(topic => ({ topic, code: 'not_granted' })),
        { topic: 'deals.1', code: 'limit' },
        { topic: '', code: 'limit' },
      ],
    });
  });

  it('counts a subscription that is there already as granted, without using up the limit', () => {
    const one = session({}, 1);
    one.subscribe(['deals.1'], 0);
    assert.deepEqual(one.subscribe(['deals.1', 'deals.2'], 5), {
      subscribed: ['deals.1'],
      denied: [{ topic: 'deals.2', code: 'limit' }],
    });
  });

  it('has room again after an unsubscription', () => {
    const one = session({}, 1);
    one.subscribe(['deals.1'], 0);
    assert.ok(one.entitlement.remove('deals.1'));
    assert.deepEqual(one.subscribe(['deals.2'], 0).subscribed, ['deals.2']);
  });

  it('allows no subscription with a limit of 0', () => {
    assert.deepEqual(session({}, 0).subscribe(['deals.1'], 0).denied, [{ topic: 'deals.1', code: 'limit' }]);
  });

  it('loses the subscriptions that a new token no longer grants, and gains none', () => {
    const one = session();
    one.subscribe(['deals.1', 'notes.a.b'], 0);
    assert.deepEqual(one.adopt({ ...IDENTITY, grants: ['deals.#', 'more.#'] }, NOW), ['notes.a.b']);
    assert.deepEqual([...one.entitlement.subscriptions()], ['deals.1']);
    assert.deepEqual(one.subscribe(['more.1', 'notes.1'], 0), {
      subscribed: ['more.1'],
      denied: [{ topic: 'notes.1', code: 'not_granted' }],
    });
  });

  it('knows another identity by user and by tenant', () => {
    const one = session();
    assert.ok(one.isSame({ ...IDENTITY, grants: [], expiresAt: 1 }));
    assert.ok(!one.isSame({ ...IDENTITY, user: '8' }));
    assert.ok(!one.isSame({ ...IDENTITY, tenant: 'other' }));
  });

  it('expires by the monotonic clock and warns 60 s before, or at half time if that is later', () => {
    const long = session();
    assert.deepEqual([long.expiresAt, long.warnAt], [650_000, 590_000]);
    const short = session({ expiresAt: NOW.wall + 10_000 });
    assert.deepEqual([short.expiresAt, short.warnAt], [60_000, 55_000]);
  });

  it('has expired at once with a token that expired while it was checked', () => {
    assert.equal(session({ expiresAt: NOW.wall - 5 }).expiresAt, NOW.monotonic);
  });
});
