import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Judgement } from './checker/check.js';
import { byFault, merge, type Row, toTable } from './table.js';

const judgement: Judgement = {
  verdict: 'valid',
  rig: [],
  findings: [],
  figures: {
    attempts: 1,
    confirmed: 1,
    recovered: 0,
    observations: 2,
    owed: 2,
    covered: 0,
    lost: 0,
    repeatedOnWire: 0,
    resyncs: 0,
    connects: 1,
    connected: 1,
    healMs: { p50: 0, max: 0 },
    replayMs: { p50: 0, p95: 0, p99: 0 },
    drains: [],
    lag: { p99: 0, loopP99: 0, loopMax: 0 },
  },
};

test('rows of several runs become one of the same name; pairs count for each of their faults', () => {
  const rows = ['a + b', 'a + c', 'b + c', 'a + b'].map(name => ({ name, judgements: [judgement] }));
  const runsOf = (some: readonly Row[]) => some.map(({ name, judgements }) => [name, judgements.length]);
  assert.deepEqual(runsOf(merge(rows)), [
    ['a + b', 2],
    ['a + c', 1],
    ['b + c', 1],
  ]);
  assert.deepEqual(runsOf(byFault(rows)), [
    ['a', 3],
    ['b', 3],
    ['c', 2],
  ]);
  assert.match(toTable(byFault(rows)), /^\| a \| 3 \| 3 \| 6 \|.*\| valid \|$/m);
});
