import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Heap } from '../../src/log/heap.js';

interface Item {
  rank: number;
  readonly place: { index: number };
}

const heapOfItems = () =>
  new Heap<Item>(
    (a, b) => a.rank < b.rank,
    item => item.place,
  );

test('a heap has the first in front, whatever is added, removed or ranked anew', () => {
  const step = fc.record({
    action: fc.constantFrom('add', 'add', 'update', 'remove'),
    rank: fc.integer({ min: 0, max: 20 }),
    which: fc.nat(1000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), steps => {
      const heap = heapOfItems();
      const items: Item[] = [];
      for (const { action, rank, which } of steps) {
        const item = items[which % Math.max(1, items.length)];
        if (action === 'add') {
          const added = { rank, place: { index: -1 } };
          items.push(added);
          heap.add(added);
        } else if (action === 'update' && item !== undefined) {
          item.rank = rank;
          heap.update(item);
        } else if (action === 'remove' && item !== undefined) {
          items.splice(items.indexOf(item), 1);
          heap.remove(item);
          assert.equal(item.place.index, -1);
        }
        assert.equal(heap.size, items.length);
        assert.equal(heap.peek()?.rank, items.length === 0 ? undefined : Math.min(...items.map(i => i.rank)));
        assert.deepEqual(
          items.map(i => i.place.index).sort((a, b) => a - b),
          items.map((_, index) => index),
        );
      }
      const drained: number[] = [];
      for (let first = heap.peek(); first !== undefined; first = heap.peek()) {
        drained.push(first.rank);
        heap.remove(first);
      }
      assert.deepEqual(
        drained,
        items.map(i => i.rank).sort((a, b) => a - b),
      );
    }),
    { numRuns: 500 },
  );
});

test('an item that was removed can be added again', () => {
  const heap = heapOfItems();
  const item = { rank: 1, place: { index: -1 } };
  heap.add(item);
  heap.remove(item);
  assert.equal(heap.peek(), undefined);
  heap.add(item);
  assert.equal(heap.peek(), item);
});
