import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Valve } from '../../src/connection/valve.js';
import { manualClock } from '../support/clock.js';

/** Readers of a log at positions of their own; `takes`: not blocked for long. */
function readers(...initial: readonly { position: number; takes: boolean }[]) {
  const clock = manualClock();
  const log = { head: 0, endangeredBefore: 0 };
  const all = initial.map(({ position, takes }) => ({
    position,
    takes,
    keepsUp: true,
    lagsBehind(before: number): boolean {
      looks++;
      return this.keepsUp && this.takes && this.position < before;
    },
    giveUpOn() {
      this.keepsUp = false;
    },
  }));
  const sessions = { open: all.length, busy: all.length };
  const holds: boolean[] = [];
  let wait = 0;
  let untold = Infinity;
  let looks = 0;
  const valve = new Valve({
    clock,
    log,
    connections: all,
    sessions,
    longestWait: () => wait,
    oldestUntold: () => untold,
    hold: held => holds.push(held),
  });
  return {
    clock,
    log,
    all,
    sessions,
    holds,
    valve,
    looks: () => looks,
    wait: (ms: number): void => {
      wait = ms;
    },
    untold: (place: number): void => {
      untold = place;
    },
  };
}

const taking = (position = 0) => ({ position, takes: true });
const blocked = (position = 0) => ({ position, takes: false });

describe('the valve', () => {
  it('holds the feed when a tenth of all sessions lag by more than 500 ms, and no longer', () => {
    const r = readers(...Array.from({ length: 20 }, () => taking()));
    r.log.head = 100;
    r.clock.advance(500);
    assert.deepEqual(r.holds, [true]);
    for (const one of r.all.slice(0, 17)) one.position = 100;
    r.clock.advance(100);
    assert.deepEqual(r.holds, [true]);
    // A slow one can't stretch it.
    for (const one of r.all.slice(0, 19)) one.position = 100;
    r.clock.advance(100);
    assert.deepEqual(r.holds, [true, false]);
  });

  it('holds it on for the last one whom the log is about to lose, though not again for him alone', () => {
    const r = readers(...Array.from({ length: 20 }, () => taking()));
    r.log.head = 100;
    r.log.endangeredBefore = 50;
    r.clock.advance(500);
    for (const one of r.all.slice(0, 19)) one.position = 100;
    r.clock.advance(500);
    assert.deepEqual(r.holds, [true]);
    for (const one of r.all) one.position = 60;
    for (const one of r.all.slice(0, 19)) one.position = 100;
    r.clock.advance(100);
    assert.deepEqual(r.holds, [true, false]);
    for (const one of r.all.slice(19)) one.position = 0;
    r.clock.advance(5000);
    assert.deepEqual(r.holds, [true, false]);
  });

  it('gives up on him like on the others', () => {
    const r = readers(...Array.from({ length: 20 }, () => taking()));
    r.log.head = 100;
    r.log.endangeredBefore = 50;
    r.clock.advance(100);
    for (const one of r.all.slice(0, 19)) one.position = 100;
    r.clock.advance(1900);
    assert.deepEqual(r.holds, [true]);
    r.clock.advance(100);
    assert.deepEqual(r.holds, [true, false]);
    assert.equal(r.all[19]?.keepsUp, false);
  });

  it('does not hold it for what came within the last 500 ms', () => {
    const r = readers(taking());
    for (let head = 1; head < 50; head++) {
      for (const one of r.all) one.position = Math.max(0, head - 4);
      r.log.head = head;
      r.clock.advance(100);
    }
    assert.deepEqual(r.holds, []);
  });

  it('waits for those who lag for 2 s, and then no more', () => {
    const r = readers(...Array.from({ length: 10 }, () => taking()));
    r.log.head = 100;
    r.clock.advance(2400);
    assert.deepEqual(r.holds, [true]);
    r.clock.advance(100);
    assert.deepEqual(r.holds, [true, false]);
    r.clock.advance(5000);
    assert.deepEqual(r.holds, [true, false]);
  });

  it('does not hold it for one or two, however few sessions there are', () => {
    const r = readers(taking(), taking(), blocked());
    r.log.head = 100;
    r.clock.advance(1000);
    assert.deepEqual(r.holds, []);
    const alone = readers(taking());
    alone.log.head = 100;
    alone.clock.advance(1000);
    assert.deepEqual(alone.holds, [true]);
  });

  it('does not hold it for a few, nor for those who take nothing', () => {
    const r = readers(taking(), ...Array.from({ length: 19 }, () => blocked()));
    r.log.head = 100;
    r.clock.advance(5000);
    assert.deepEqual(r.holds, []);
  });

  it('does not count connections without a session', () => {
    const r = readers(taking(), ...Array.from({ length: 19 }, () => blocked()));
    r.sessions.open = 1;
    r.sessions.busy = 1;
    r.log.head = 100;
    r.clock.advance(500);
    assert.deepEqual(r.holds, [true]);
  });

  it('looks within a burst too, so that nobody falls off a small log before the clock says so', () => {
    const r = readers(taking(), taking());
    r.log.head = 600;
    r.log.endangeredBefore = 100;
    for (let i = 0; i < 600; i++) r.valve.appended();
    assert.deepEqual(r.holds, [true]);
  });

  it('holds it while somebody waits too long for a turn', () => {
    const r = readers();
    r.wait(501);
    r.clock.advance(100);
    r.wait(0);
    r.clock.advance(100);
    assert.deepEqual(r.holds, [true, false]);
  });

  it('holds it while what the log is about to lose has not been told to all', () => {
    const r = readers();
    r.untold(100);
    r.log.endangeredBefore = 99;
    r.clock.advance(100);
    r.log.endangeredBefore = 100;
    r.clock.advance(100);
    r.untold(Infinity);
    r.clock.advance(100);
    assert.deepEqual(r.holds, [true, false]);
  });

  it('is open after a reset, and closes again', () => {
    const r = readers(taking());
    r.log.head = 100;
    r.clock.advance(500);
    r.valve.reset();
    assert.ok(!r.valve.isHeld);
    r.clock.advance(100);
    assert.deepEqual(r.holds, [true, true]);
  });

  it('looks at nobody as long as fewer are busy than would have to lag', () => {
    const r = readers(...Array.from({ length: 50 }, () => taking()));
    r.log.head = 100;
    r.sessions.busy = 4;
    r.clock.advance(5000);
    assert.deepEqual([r.looks(), r.holds], [0, []]);
    r.sessions.busy = 5;
    r.clock.advance(100);
    assert.deepEqual([r.looks(), r.holds], [50, [true]]);
  });

  it('leaves no timer behind', () => {
    const r = readers(taking());
    r.valve.stop();
    r.log.head = 100;
    r.clock.advance(5000);
    assert.deepEqual(r.holds, []);
  });
});
