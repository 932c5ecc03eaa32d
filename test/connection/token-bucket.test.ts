import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Strikes, TokenBucket } from '../../src/connection/token-bucket.js';

describe('the token bucket', () => {
  it('allows a burst, then as many per second as it is set to', () => {
    const bucket = new TokenBucket(10, 100, 0);
    const taken = (now: number) => {
      let count = 0;
      while (bucket.take(now)) count++;
      return count;
    };
    assert.equal(taken(0), 100);
    assert.equal(taken(99), 0);
    assert.equal(taken(100), 1);
    assert.equal(taken(1100), 10);
  });

  it('is never fuller than its burst, however long nothing was taken', () => {
    const bucket = new TokenBucket(10, 20, 0);
    let count = 0;
    while (bucket.take(1e9)) count++;
    assert.equal(count, 20);
  });

  it('fills up by fractions', () => {
    const bucket = new TokenBucket(1, 1, 0);
    assert.ok(bucket.take(0));
    for (const now of [250, 500, 750]) assert.ok(!bucket.take(now));
    assert.ok(bucket.take(1000));
  });
});

describe('strikes', () => {
  it('count to three within 60 s', () => {
    const strikes = new Strikes();
    assert.deepEqual(
      [0, 30_000, 59_999].map(now => strikes.strike(now)),
      [false, false, true],
    );
  });

  it('are forgotten after 60 s', () => {
    const strikes = new Strikes();
    assert.deepEqual(
      [0, 30_000, 60_000, 90_001].map(now => strikes.strike(now)),
      [false, false, false, false],
    );
  });
});
