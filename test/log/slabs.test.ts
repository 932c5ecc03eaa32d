import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Deque } from '../../src/log/deque.js';
import { Slabs, type Slab } from '../../src/log/slabs.js';

/** What a block costs besides its bytes. */
const BLOCK = 300;

const bytesOf = (blocks: ReadonlySet<Slab>): number => {
  let bytes = 0;
  for (const block of blocks) bytes += block.bytes.length + BLOCK;
  return bytes;
};

test('what is said to be held is what is allocated, and places never overlap', () => {
  const step = fc.oneof(
    fc.record({ reserve: fc.integer({ min: 1, max: 3000 }) }),
    fc.record({ reserve: fc.integer({ min: 1, max: 400_000 }) }),
    fc.record({ release: fc.nat(40) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), steps => {
      const slabs = new Slabs();
      const places = new Deque<{ slab: Slab; start: number; end: number }>();
      const live = (): Set<Slab> => {
        const blocks = new Set<Slab>();
        for (let i = 0; i < places.length; i++) {
          const slab = places.at(i)?.slab;
          if (slab !== undefined) blocks.add(slab);
        }
        return blocks;
      };
      for (const step of steps) {
        if ('reserve' in step) {
          const before = places.last();
          const { slab, start } = slabs.reserve(step.reserve);
          const end = start + step.reserve;
          assert.ok(start >= 0 && end <= slab.bytes.length);
          if (before?.slab === slab) assert.equal(start, before.end, 'neighbours are one stretch');
          else assert.equal(start, 0);
          places.push({ slab, start, end });
        } else {
          for (let i = 0; i < step.release; i++) {
            const place = places.shift();
            if (place !== undefined) slabs.release(place.slab);
          }
        }
        assert.equal(slabs.held, bytesOf(live()));
      }
      for (let place = places.shift(); place !== undefined; place = places.shift()) slabs.release(place.slab);
      assert.equal(slabs.held, 0);
    }),
    { numRuns: 200 },
  );
});

test('a ring with one small entry at a time never holds more than one small block', () => {
  const slabs = new Slabs();
  for (let i = 0; i < 1000; i++) {
    const { slab } = slabs.reserve(100);
    assert.equal(slabs.held, 1024 + BLOCK);
    slabs.release(slab);
    assert.equal(slabs.held, 0);
  }
});

test('blocks grow with the ring, so that the unused end stays small beside the rest', () => {
  const slabs = new Slabs();
  let used = 0;
  for (let i = 0; i < 20_000; i++) {
    slabs.reserve(150);
    used += 150;
    if (used > 20_000) assert.ok(slabs.held < used * 1.6, `${slabs.held} held for ${used}`);
  }
  assert.ok(slabs.held < used * 1.15);
});
