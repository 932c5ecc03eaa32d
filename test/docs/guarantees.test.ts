import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../k8s/files.js';
import { read } from './documents.js';

/** What docs/guarantees.md names as held by: a file of tests, and names in it. */
interface Named {
  readonly file: string;
  readonly tests: readonly string[];
}

const document = read('docs/guarantees.md');
const rows = document
  .slice(document.indexOf('## What holds each of these'), document.indexOf('## Ways in which events'))
  .split('\n')
  .filter(line => /^\| (?!statement)/.test(line));

function namedIn(row: string): Named[] {
  return [...row.matchAll(/`(test\/[^`]+)`((?:,? “[^”]+”)+)/g)].map(([, file = '', tests = '']) => ({
    file,
    tests: [...tests.matchAll(/“([^”]+)”/g)].map(([, name = '']) => name),
  }));
}

test('each statement of the guarantee names tests that exist', () => {
  assert.ok(rows.length >= 12, `only ${rows.length} rows were found`);
  for (const row of rows) {
    const named = namedIn(row);
    assert.ok(named.length > 0, `no test is named in: ${row}`);
    assert.equal(named.flatMap(({ tests }) => tests).length, row.split('“').length - 1, row);
    for (const { file, tests } of named) {
      assert.ok(existsSync(join(root, file)), `${file} does not exist`);
      const source = read(file).replaceAll("\\'", "'");
      for (const name of tests) assert.ok(source.includes(name), `${file} has no test “${name}”`);
    }
  }
});

test('each guarantee has its row', () => {
  const text = rows.join('\n');
  for (const [, guarantee = ''] of document.matchAll(/^\*\*(G\d) /gm)) {
    assert.ok(text.includes(`**${guarantee}**`), `${guarantee} has no row`);
  }
});
