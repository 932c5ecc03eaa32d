import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Since } from '../../src/router/since.js';

const name = fc.constantFrom('a', 'b', 'c', '');
const step = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), name, position: fc.nat(9) }),
  fc.record({ kind: fc.constant('delete' as const), name }),
);

test('says what a map would say, however many names there are', () => {
  fc.assert(
    fc.property(fc.array(step), steps => {
      const since = new Since();
      const map = new Map<string, number>();
      for (const step of steps) {
        if (step.kind === 'delete') {
          assert.equal(since.delete(step.name), map.delete(step.name));
        } else {
          since.set(step.name, step.position);
          map.set(step.name, step.position);
        }
        assert.deepEqual([...since.names()], [...map.keys()]);
        assert.equal(since.size, map.size);
        for (const asked of ['a', 'b', 'c', '']) {
          assert.equal(since.has(asked), map.has(asked));
          assert.equal(since.get(asked), map.get(asked) ?? Infinity);
        }
      }
    }),
  );
});
