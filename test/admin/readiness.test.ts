import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ReadinessFacts, UNREADY_REASONS, unreadyReasons } from '../../src/admin/readiness.js';

const READY: ReadinessFacts = {
  feed: { kind: 'attached', since: 1000 },
  draining: false,
  full: false,
  warmUpMs: 5000,
};

describe('readiness', () => {
  it('has no reason against it once the feed has been there for the warm-up', () => {
    assert.deepEqual(unreadyReasons(READY, 1000, 6000), []);
  });

  it('is "starting" before the feed was ever there, and until the warm-up is over', () => {
    assert.deepEqual(unreadyReasons({ ...READY, feed: { kind: 'never' } }, null, 1e9), ['starting']);
    assert.deepEqual(unreadyReasons(READY, 1000, 5999), ['starting']);
  });

  it('bridges a lost feed for 5 s', () => {
    const lost: ReadinessFacts = { ...READY, feed: { kind: 'lost', since: 10_000 } };
    assert.deepEqual(unreadyReasons(lost, 1000, 14_999), []);
    assert.deepEqual(unreadyReasons(lost, 1000, 15_000), ['feed']);
  });

  it('does not warm up again after a loss', () => {
    assert.deepEqual(
      unreadyReasons({ ...READY, feed: { kind: 'attached', since: 50_000 } }, 1000, 50_001),
      [],
    );
  });

  it('can fail for all of its reasons', () => {
    const all = unreadyReasons(
      { feed: { kind: 'lost', since: 0 }, draining: true, full: true, warmUpMs: 5000 },
      9999,
      10_000,
    );
    assert.deepEqual(all, UNREADY_REASONS);
  });
});
