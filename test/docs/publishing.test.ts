import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REJECTIONS } from '../../src/broker/rejections.js';
import { read, tableRows } from './documents.js';

test('the guide to publishing lists every reason for a rejection with its meaning, in the order of the checks', () => {
  const rows = tableRows(read('docs/publishing.md'), 'rejections');
  assert.deepEqual(
    rows,
    Object.entries(REJECTIONS).map(([reason, meaning]) => [`\`${reason}\``, meaning]),
  );
});
