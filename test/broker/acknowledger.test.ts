import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAcknowledger } from '../../src/broker/acknowledger.js';
import { manualClock } from '../support/clock.js';

function setup(prefetch: number) {
  const clock = manualClock();
  const acked: number[] = [];
  const acknowledger = createAcknowledger<number>(
    {
      ack(message, allUpTo) {
        assert.equal(allUpTo, true);
        acked.push(message);
      },
    },
    prefetch,
    clock,
  );
  return { clock, acked, acknowledger };
}

describe('acknowledgements', () => {
  it('of what comes within 50 ms are one', () => {
    const { clock, acked, acknowledger } = setup(1000);
    for (const message of [1, 2, 3]) acknowledger.received(message);
    clock.advance(49);
    assert.deepEqual(acked, []);
    clock.advance(1);
    assert.deepEqual(acked, [3]);
    clock.advance(100);
    assert.deepEqual(acked, [3]);
    acknowledger.received(4);
    clock.advance(50);
    assert.deepEqual(acked, [3, 4]);
  });

  it('do not wait until the prefetch is used up', () => {
    const { acked, acknowledger } = setup(8);
    for (let message = 1; message <= 5; message++) acknowledger.received(message);
    assert.deepEqual(acked, [2, 4]);
    const single = setup(1);
    single.acknowledger.received(1);
    assert.deepEqual(single.acked, [1]);
  });

  it('wait while they are held, and are then one', () => {
    const { clock, acked, acknowledger } = setup(4);
    acknowledger.hold(true);
    for (const message of [1, 2, 3]) acknowledger.received(message);
    clock.advance(50);
    assert.deepEqual(acked, []);
    acknowledger.hold(false);
    assert.deepEqual(acked, [3]);
  });
});
