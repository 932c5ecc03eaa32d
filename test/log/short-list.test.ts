import assert from 'node:assert/strict';
import { it } from 'node:test';
import { appended } from '../../src/log/short-list.js';

it('a short list begins anew with its first item and grows from then on', () => {
  const empty: number[] = [];
  const one = appended(empty, 1);
  const two = appended(one, 2);
  assert.deepEqual([empty, two], [[], [1, 2]]);
  assert.equal(one, two);
});
