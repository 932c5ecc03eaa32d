import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Deadlines, type Due } from '../../src/connection/deadlines.js';
import { manualClock } from '../support/clock.js';

const TICK_MS = 20;

interface Waiting extends Due {
  /** When it was called. */
  readonly calls: number[];
}

function waiting(then: (one: Waiting, now: number) => void = () => {}): Waiting {
  const calls: number[] = [];
  return {
    tick: null,
    calls,
    due(now) {
      calls.push(now);
      then(this, now);
    },
  };
}

function wheel() {
  const clock = manualClock();
  return { clock, deadlines: new Deadlines(clock) };
}

describe('the wheel of deadlines', () => {
  it('is never early and at most a tick late, whatever is set when', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ wait: fc.nat(90), delay: fc.nat(400) }), { minLength: 1, maxLength: 30 }),
        steps => {
          const { clock, deadlines } = wheel();
          const set = steps.map(({ wait, delay }) => {
            clock.advance(wait);
            const one = waiting();
            const at = clock.monotonic() + delay;
            deadlines.set(one, at);
            return { one, at };
          });
          clock.advance(1000);
          for (const { one, at } of set) {
            assert.equal(one.calls.length, 1);
            const late = (one.calls[0] ?? NaN) - at;
            assert.ok(late >= 0 && late <= TICK_MS, `${late} ms late`);
          }
          assert.equal(deadlines.size, 0);
        },
      ),
    );
  });

  it('loses no deadline when turns come late and those who are called set new ones', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(300), { minLength: 2, maxLength: 20 }),
        fc.array(fc.nat(250), { minLength: 1, maxLength: 10 }),
        (delays, stalls) => {
          const { clock, deadlines } = wheel();
          const all = delays.map(delay => {
            const one = waiting((self, now) => {
              if (self.calls.length === 1) deadlines.set(self, now + 500);
            });
            deadlines.set(one, delay);
            return one;
          });
          for (const stall of stalls) {
            clock.stall(stall);
            clock.advance(1);
          }
          clock.advance(5000);
          for (const one of all) assert.equal(one.calls.length, 2);
        },
      ),
    );
  });

  it('calls only at the newest time when a deadline is moved', () => {
    const { clock, deadlines } = wheel();
    const one = waiting();
    deadlines.set(one, 100);
    deadlines.set(one, 1000);
    clock.advance(500);
    assert.deepEqual(one.calls, []);
    deadlines.set(one, 600);
    clock.advance(1000);
    assert.deepEqual(one.calls, [600]);
  });

  it('does not call one that is taken off, even in the turn in which it is due', () => {
    const { clock, deadlines } = wheel();
    const second = waiting();
    const first = waiting(() => deadlines.clear(second));
    deadlines.set(first, 100);
    deadlines.set(second, 100);
    clock.advance(200);
    assert.deepEqual([first.calls, second.calls], [[100], []]);
    deadlines.clear(second);
    assert.equal(deadlines.size, 0);
  });

  it('calls one that is set for the past at the next tick', () => {
    const { clock, deadlines } = wheel();
    clock.advance(1005);
    const one = waiting();
    deadlines.set(one, 10);
    clock.advance(TICK_MS);
    assert.equal(one.calls.length, 1);
  });

  it('needs no timer while nothing waits, and after that begins in the present', () => {
    const { clock, deadlines } = wheel();
    const one = waiting();
    deadlines.set(one, 50);
    clock.advance(1000);
    assert.deepEqual(clock.pending(), []);
    clock.advance(3_600_000);
    deadlines.set(one, clock.monotonic() + 50);
    clock.advance(49);
    assert.equal(one.calls.length, 1);
    clock.advance(TICK_MS + 1);
    assert.equal(one.calls.length, 2);
  });
});
