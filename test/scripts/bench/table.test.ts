import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '../../../scripts/bench/bars.mjs';
import type { Scenario } from '../../../scripts/bench/scenarios/scenario.mjs';
import { align, rowsOf, rowsOfBars, toMarkdown } from '../../../scripts/bench/table.mjs';
import { results } from './figures.js';

const SCENARIO: Scenario = {
  id: 'a',
  title: 'a scenario',
  figures: ['cpu', 'clients'],
  variants: ['warren', 'nchan', 'web-stomp'].map(peer => ({
    key: peer,
    peer,
    measure: () => Promise.resolve({}),
  })),
};

const rows = (clients = 0.3) => {
  const { a } = results({ warren: [4, 5, 9], nchan: [10, 10, 10] }, clients).scenarios;
  assert.ok(a !== undefined);
  return rowsOf(SCENARIO, a);
};

test('a line holds the median with the least and the most, and how it compares with Warren', () => {
  assert.deepEqual(rows().slice(0, 3), [
    ['', 'CPU per delivery (µs)', '× Warren', 'clients, share of a core'],
    ['warren', '5.00 (4.00–9.00)', '1.00', '0.30'],
    ['nchan', '10.0 (10.0–10.0)', '2.00', '0.30'],
  ]);
});

test('who was left out has a line that says so', () => {
  assert.deepEqual(rows().at(-1), ['web-stomp', 'left out']);
});

test('clients that used up their core are marked', () => {
  assert.equal(rows(0.91)[1]?.at(-1), '0.91 (!)');
  assert.equal(rows(0.9)[1]?.at(-1), '0.90');
});

test('several ways of Warren alone are not compared with Warren', () => {
  const [variant] = SCENARIO.variants;
  assert.ok(variant !== undefined);
  const own = { ...SCENARIO, variants: [variant, { ...variant, key: 'another way' }] };
  const { a } = results({ warren: [1] }).scenarios;
  assert.ok(a !== undefined);
  assert.deepEqual(rowsOf(own, a)[0], ['', 'CPU per delivery (µs)', 'clients, share of a core']);
});

test('each bar is shown with what was measured, missed ones too', () => {
  const [, , nchan, stomp] = rowsOfBars(
    judge(results({ warren: [9], 'socket-io': [9], nchan: [5] }).scenarios),
  );
  assert.deepEqual(nchan, ['a', 'CPU per delivery, warren', '1.80 × nchan', '≤ 1.20 × nchan', 'missed']);
  assert.deepEqual(stomp?.slice(2), ['–', '≤ 0.10 × web-stomp', 'not measured']);
});

test('all lines of a table in Markdown have the same number of cells', () => {
  const lines = toMarkdown(rows()).split('\n');
  assert.deepEqual(new Set(lines.map(line => line.split('|').length)), new Set([6]));
});

test('columns in the terminal stand below one another', () => {
  const [head = '', warren = ''] = align(rows()).split('\n');
  assert.equal(warren.indexOf('(4.00–9.00)') + '(4.00–9.00)'.length, head.indexOf('(µs)') + '(µs)'.length);
});
