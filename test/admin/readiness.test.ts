import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ReadinessFacts, UNREADY_REASONS, unreadyReasons } from '../../src/admin/readiness.js';

const WALL = 1_800_000_000_000;
const at = (monotonic: number) => ({ wall: WALL, monotonic });
const READY: ReadinessFacts = {
  feed: { kind: 'attached', since: 1000 },
  draining: false,
  full: false,
  warmUpMs: 5000,
  leastCoveredMs: 3000,
  coveredUntil: WALL + 3000,
};

describe('readiness', () => {
  it('has no reason against it once the feed has been there for the warm-up', () => {
    assert.deepEqual(unreadyReasons(READY, at(1000), 6000), []);
  });

  it('is "starting" before the feed was ever there, and until the warm-up is over', () => {
    assert.deepEqual(unreadyReasons({ ...READY, feed: { kind: 'never' } }, null, 1e9), ['starting']);
    assert.deepEqual(unreadyReasons(READY, at(1000), 5999), ['starting']);
  });

  it('stays "starting" while positions stand still, but not for ever', () => {
    const still = { ...READY, coveredUntil: WALL + 2999 };
    assert.deepEqual(unreadyReasons(still, at(1000), 6000), ['starting']);
    assert.deepEqual(unreadyReasons(still, at(1000), 20_999), ['starting']);
    assert.deepEqual(unreadyReasons(still, at(1000), 21_000), []);
    assert.deepEqual(unreadyReasons({ ...still, coveredUntil: 0 }, at(1000), 6000), ['starting']);
  });

  it('bridges a lost feed for 5 s', () => {
    const lost: ReadinessFacts = { ...READY, feed: { kind: 'lost', since: 10_000 } };
    assert.deepEqual(unreadyReasons(lost, at(1000), 14_999), []);
    assert.deepEqual(unreadyReasons(lost, at(1000), 15_000), ['feed']);
  });

  it('does not warm up again after a loss', () => {
    assert.deepEqual(
      unreadyReasons({ ...READY, feed: { kind: 'attached', since: 50_000 } }, at(1000), 50_001),
      [],
    );
  });

  it('can fail for all of its reasons', () => {
    const all = unreadyReasons(
      { ...READY, feed: { kind: 'lost', since: 0 }, draining: true, full: true },
      at(9999),
      10_000,
    );
    assert.deepEqual(all, UNREADY_REASONS);
  });
});
