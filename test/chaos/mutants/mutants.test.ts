import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MUTANTS } from './mutants.js';

const SERVICE = join(import.meta.dirname, '../../../src');

test('what a planted bug replaces stands in the service exactly once', () => {
  const misplaced = MUTANTS.filter(
    ({ file, find }) => readFileSync(join(SERVICE, file), 'utf8').split(find).length !== 2,
  );
  assert.deepEqual(
    misplaced.map(({ name, file, find }) => [name, file, find]),
    [],
  );
});
