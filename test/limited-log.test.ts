import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LimitedLog } from '../src/limited-log.js';
import { manualClock } from './support/clock.js';

describe('a limited log', () => {
  it('writes the first of a kind at once, then one in 10 s with how many there were', () => {
    const clock = manualClock();
    const lines: string[] = [];
    const log = new LimitedLog<'a' | 'b'>(clock, (kind, times) => void lines.push(`${kind} ${times}`));
    for (let i = 0; i < 5; i++) log.note('a');
    log.note('b');
    assert.deepEqual(lines, ['a 1', 'b 1']);
    clock.advance(9999);
    log.note('a');
    assert.equal(lines.length, 2);
    clock.advance(1);
    log.note('a');
    log.note('a');
    assert.deepEqual(lines, ['a 1', 'b 1', 'a 6']);
    clock.advance(10_000);
    log.note('a');
    assert.equal(lines.at(-1), 'a 2');
  });
});
