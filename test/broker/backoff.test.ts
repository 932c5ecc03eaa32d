import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backoffMs } from '../../src/broker/backoff.js';

describe('backoff', () => {
  it('has the ceilings of the table', () => {
    const almostOne = 1 - Number.EPSILON;
    const ceilings = [0, 1, 2, 3, 4, 5, 6, 1000].map(failures => Math.round(backoffMs(failures, almostOne)));
    assert.deepEqual(ceilings, [100, 200, 400, 800, 1600, 3000, 3000, 3000]);
  });

  it('may be anything below its ceiling', () => {
    assert.equal(backoffMs(5, 0), 0);
    assert.equal(backoffMs(5, 0.5), 1500);
  });
});
