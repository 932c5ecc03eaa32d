import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Liveness } from '../../src/connection/liveness.js';

describe('liveness', () => {
  it('spreads first pings over the interval by its phase', () => {
    const due = [0, 0.25, 0.999].map(phase => new Liveness(1000, 400, 5000, phase).due);
    assert.deepEqual(due, [5000, 5250, 5999]);
  });

  it('keeps the rhythm of the pings when one is a little late', () => {
    const liveness = new Liveness(1000, 400, 0, 0);
    assert.ok(liveness.takePing(15));
    liveness.alive();
    assert.equal(liveness.due, 1000);
    assert.ok(!liveness.takePing(999));
    assert.ok(liveness.takePing(1000));
  });

  it('makes up for no missed pings', () => {
    const liveness = new Liveness(1000, 400, 0, 0);
    liveness.takePing(10_500);
    liveness.alive();
    const pings = [10_500, 10_501, 10_502, 11_000].filter(now => liveness.takePing(now));
    assert.ok(pings.length <= 1, `${pings.length} more pings`);
  });

  it('calls a peer dead that gives no sign for the timeout after a ping, and not before', () => {
    const liveness = new Liveness(1000, 400, 0, 0.5);
    assert.ok(!liveness.isDead(10_000));
    liveness.takePing(500);
    assert.equal(liveness.due, 900);
    assert.ok(!liveness.isDead(899));
    assert.ok(liveness.isDead(900));
  });

  it('takes a sign of life as the answer to all pings before', () => {
    const liveness = new Liveness(1000, 400, 0, 0);
    liveness.takePing(0);
    liveness.alive();
    assert.ok(!liveness.isDead(999));
    liveness.takePing(1000);
    assert.ok(liveness.isDead(1400));
  });

  it('counts from the oldest unanswered ping when the timeout is longer than the interval', () => {
    const liveness = new Liveness(1000, 2500, 0, 0);
    for (const now of [0, 1000, 2000]) liveness.takePing(now);
    assert.ok(!liveness.isDead(2499));
    assert.ok(liveness.isDead(2500));
  });

  it('takes nobody for dead because it looked late itself: the pongs are still to be read', () => {
    const liveness = new Liveness(1000, 400, 0, 0);
    liveness.takePing(0);
    assert.ok(!liveness.isDead(5000), 'the event loop stood still for seconds');
    assert.ok(!liveness.isDead(5100));
    assert.ok(liveness.isDead(5300), 'still nothing: dead it is');
  });
});
