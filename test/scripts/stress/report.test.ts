import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openReport, passed, type Report, toMarkdown } from '../../../scripts/stress/report.mjs';

function resultOf(judge: (report: Report) => void, error: string | null = null) {
  const report = openReport('a scenario');
  judge(report);
  return { scenario: report.scenario, seconds: 1, error, lines: report.lines };
}

test('a run has passed when every bar is held', () => {
  const held = resultOf(report => {
    report.atMost('latency', 50, 50, 'ms');
    report.atLeast('rate', 100, 99);
    report.exactly('lost', 0, 0);
    report.instrument.atLeast('published', 10, 10);
    report.info('rise', 1e9, 'MB');
  });
  assert.equal(passed([held]), true);
});

const missed: Record<string, (report: Report) => void> = {
  'is above the most': report => report.atMost('latency', 50.1, 50),
  'is below the least': report => report.atLeast('rate', 98, 99),
  'differs where it must be exact': report => report.exactly('lost', 1, 0),
  'could not be measured': report => report.atMost('latency', Number.NaN, 50),
  'says that the scenario did not bite': report => report.instrument.atLeast('published', 9, 10),
};

for (const [how, judge] of Object.entries(missed)) {
  test(`a run has not passed when a figure ${how}`, () => {
    assert.equal(passed([resultOf(report => report.exactly('fine', 0, 0)), resultOf(judge)]), false);
  });
}

test('a run has not passed when a scenario failed, whatever its figures', () => {
  const failed = resultOf(report => report.exactly('fine', 0, 0), 'the server ended');
  assert.equal(passed([failed]), false);
  assert.match(toMarkdown([failed]), /\| a scenario \| the server ended \| \| \| \*\*failed\*\* \|/);
});

test('the table holds each figure with its bar and its verdict', () => {
  const table = toMarkdown([resultOf(report => report.atMost('latency', 1234.5, 50, 'ms'))]);
  assert.match(table, /^\| a scenario \| latency \| 1,235 ms \| ≤ 50 \| \*\*missed\*\* \|$/m);
});
