import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Names } from '../../src/log/names.js';

const name = fc.oneof(fc.constantFrom('__proto__', 'constructor', '7', '07', 'é', 'é', ''), fc.string());

test('names are found as in a set, however many they are, and stay in order', () => {
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 30 }), fc.array(name), (list, others) => {
      const names = Names.of(list);
      assert.equal(names.size, list.length);
      assert.deepEqual([...names], list);
      assert.deepEqual(
        [...list, ''].map((_, index) => names.at(index)),
        [...list, undefined],
      );
      for (const one of [...list, ...others]) assert.equal(names.has(one), list.includes(one));
    }),
  );
});
