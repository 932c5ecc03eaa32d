import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Places, type StreamPlace } from '../../src/log/places.js';

/** With a digest that tells the offset. */
const at = (offset: number): StreamPlace => ({ offset, digest: (offset * 2_654_435_761) >>> 0 });

test('the last place at or before an offset is found, however the offsets rise', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 400, size: 'max' }),
      fc.integer({ min: 0, max: 2 ** 40 }),
      fc.constantFrom(0, 2000, 1e6),
      (steps, begin, bytes) => {
        const places = new Places(bytes);
        const known: StreamPlace[] = [];
        let offset = begin;
        for (const step of steps) {
          offset += step;
          places.add(at(offset));
          known.push(at(offset));
        }
        const kept = known.slice(-places.length);
        assert.equal(
          kept.length,
          bytes === 1e6 ? known.length : Math.min(known.length, bytes === 0 ? 64 : 128),
        );
        assert.equal(places.newest, kept.at(-1)?.offset ?? -1);
        assert.equal(places.oldest, kept[0]?.offset ?? Infinity);
        for (let asked = begin; asked <= offset + 2; asked++) {
          assert.deepEqual(places.atOrBefore(asked), kept.findLast(place => place.offset <= asked) ?? null);
        }
      },
    ),
    { numRuns: 50 },
  );
});

test('memory is bounded, grows with what there is to know, and goes with it', () => {
  const places = new Places(4 * 2 ** 20);
  assert.equal(places.bytes, 0);
  for (let offset = 0; offset < 100; offset++) places.add(at(offset));
  assert.ok(places.bytes < 2000, `${places.bytes} bytes for 100`);
  for (let offset = 100; offset < 600_000; offset++) places.add(at(offset));
  assert.equal(places.length, 262_144);
  assert.equal(places.newest, 599_999);
  assert.ok(places.bytes <= 4 * 2 ** 20, `${places.bytes} bytes`);
  places.clear();
  assert.deepEqual([places.length, places.bytes, places.newest], [0, 0, -1]);
  assert.equal(places.atOrBefore(599_999), null);
  places.add(at(3));
  assert.deepEqual(places.atOrBefore(4), at(3));
});
