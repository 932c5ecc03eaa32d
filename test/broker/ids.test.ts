import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createEventIds } from '../../src/broker/ids.js';

describe('ids for events published without one', () => {
  it('an id is the time and 80 random bits in 26 digits', () => {
    // The time from the ULID specification's own example.
    const newEventId = createEventIds({ wall: () => 1_469_918_176_385.9 }, bytes => void bytes.fill(31));
    assert.equal(newEventId(), '01ARYZ6S41ZZZZZZZZZZZZZZZZ');
  });

  it('ids rise within a millisecond, over a carry, and while the wall clock goes back', () => {
    const times = [1000, 1000, 1000, 1001, 900, 900, -5, 1002, Number.MAX_SAFE_INTEGER];
    let i = 0;
    const newEventId = createEventIds({ wall: () => times[i++] ?? 0 }, bytes => {
      bytes.fill(255);
      bytes[0] = 0;
    });
    const ids = times.map(() => newEventId());
    assert.deepEqual([...new Set(ids)].sort(), ids);
    for (const id of ids) assert.match(id, /^[0-9A-HJKMNP-TV-Z]{26}$/);
  });

  it('the digit before a full one goes up, and the full one back to zero', () => {
    const newEventId = createEventIds({ wall: () => 0 }, bytes => {
      bytes.fill(5);
      bytes[15] = 31;
    });
    assert.deepEqual(
      [newEventId(), newEventId()],
      ['0000000000555555555555555Z', '00000000005555555555555560'],
    );
  });

  it('a wall clock before 1970 counts as 1970', () => {
    const newEventId = createEventIds({ wall: () => -5 }, bytes => void bytes.fill(0));
    assert.equal(newEventId(), '00000000000000000000000000');
  });

  it('ids go on into the next millisecond when the random digits are used up', () => {
    const newEventId = createEventIds({ wall: () => 0 }, bytes => void bytes.fill(31));
    assert.deepEqual(
      [newEventId(), newEventId()],
      ['0000000000ZZZZZZZZZZZZZZZZ', '0000000001ZZZZZZZZZZZZZZZZ'],
    );
  });

  it('two makers at the same moment make different ids', () => {
    const clock = { wall: () => 1000 };
    assert.notEqual(createEventIds(clock)(), createEventIds(clock)());
  });
});
