import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Deque } from '../../src/log/deque.js';
import { fastest } from '../support/fastest.js';
import { memoryInUse } from '../support/memory.js';

const LETTER = {};

test('a deque is like an array of which only the ends are touched', () => {
  const turn = fc.record({ pushes: fc.nat(100), shifts: fc.nat(100) });
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 20 }), turns => {
      const deque = new Deque<number>();
      const array: number[] = [];
      let next = 0;
      const compare = () => {
        assert.equal(deque.length, array.length);
        assert.equal(deque.first(), array[0]);
        assert.equal(deque.last(), array.at(-1));
      };
      for (const { pushes, shifts } of turns) {
        for (let i = 0; i < pushes; i++) {
          deque.push(next);
          array.push(next++);
          compare();
        }
        for (let i = 0; i < shifts; i++) {
          assert.equal(deque.shift(), array.shift());
          compare();
        }
        for (let i = 0; i <= array.length; i++) assert.equal(deque.at(i), array[i]);
        assert.equal(deque.at(-1), undefined);
      }
    }),
  );
});

test('emptying a long deque takes time in proportion to its length', () => {
  const ms = fastest(() => {
    const deque = new Deque<number>();
    for (let i = 0; i < 200_000; i++) deque.push(i);
    while (deque.shift() !== undefined);
  });
  // Copying the rest at every shift would take seconds.
  assert.ok(ms < 200, `${ms} ms`);
});

test('a deque that has emptied lets go of its room', () => {
  const deque = new Deque<object>();
  const before = memoryInUse();
  for (let i = 0; i < 1_000_000; i++) deque.push(LETTER);
  while (deque.length > 10) deque.shift();
  const used = memoryInUse() - before;
  // Of the 8 MB that it had; what else is in the heap comes and goes by some 100 kB.
  assert.ok(used < 2 ** 20, `${used} bytes for ten places`);
  assert.equal(deque.length, 10);
});
