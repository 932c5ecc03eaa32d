import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '../../../scripts/bench/bars.mjs';
import { median, medianOf, merge } from '../../../scripts/bench/results.mjs';
import { results } from './figures.js';

test('a median is the middle value, or the mean of the two in the middle', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 9, 2]), 3);
  assert.equal(median([Number.NaN, 7]), 7);
  assert.ok(Number.isNaN(median([])));
});

test('a median leaves its values in their order', () => {
  const values = [3, 1, 2];
  median(values);
  assert.deepEqual(values, [3, 1, 2]);
});

test('what nobody measured has no median', () => {
  const { scenarios } = results({ warren: [1] });
  assert.ok(Number.isNaN(medianOf(scenarios['a'], 'nchan', 'cpu')));
  assert.ok(Number.isNaN(medianOf(scenarios['a'], 'warren', 'rss')));
  assert.ok(Number.isNaN(medianOf(undefined, 'warren', 'cpu')));
});

test('a scenario that is run anew takes the place of its old figures; others stay', () => {
  const old = results({ warren: [1], nchan: [2] });
  const kept = { id: 'b', when: '', runs: { warren: [{ cpu: 5 }] }, skipped: {}, repeated: 0 };
  const merged = merge({ ...old, scenarios: { ...old.scenarios, b: kept } }, results({ warren: [3] }), false);
  assert.deepEqual(Object.keys(merged.scenarios), ['a', 'b']);
  assert.equal(medianOf(merged.scenarios['a'], 'warren', 'cpu'), 3);
  assert.ok(Number.isNaN(medianOf(merged.scenarios['a'], 'nchan', 'cpu')));
});

test('runs that are added stand beside the old ones', () => {
  const merged = merge(results({ warren: [1, 2], nchan: [4] }), results({ warren: [9] }), true);
  assert.equal(medianOf(merged.scenarios['a'], 'warren', 'cpu'), 2);
  assert.equal(medianOf(merged.scenarios['a'], 'nchan', 'cpu'), 4);
  assert.equal(merged.scenarios['a']?.runs['warren']?.length, 3);
});

test('a bar is held by a ratio of medians that is at most as large', () => {
  const verdicts = (warren: readonly number[]) =>
    judge(results({ warren, 'socket-io': [10, 10, 10], nchan: [5, 5, 5] }).scenarios).map(
      ({ bar, verdict }) => `${bar.times?.variant} ${verdict}`,
    );
  // One run that went wrong doesn't count.
  assert.deepEqual(verdicts([6, 6, 60]), ['socket-io ok', 'nchan ok', 'web-stomp not measured']);
  assert.deepEqual(verdicts([6.5, 6.5, 1]), ['socket-io ok', 'nchan missed', 'web-stomp not measured']);
  assert.deepEqual(verdicts([7.1, 7.1, 7.1]), ['socket-io missed', 'nchan missed', 'web-stomp not measured']);
});

test('a bar in units is held by the median itself', () => {
  const idle = (rss: number) => ({
    e: { id: 'e', when: '', runs: { warren: [{ rss }] }, skipped: {}, repeated: 0 },
  });
  assert.equal(judge(idle(10))[0]?.verdict, 'ok');
  assert.equal(judge(idle(10.1))[0]?.verdict, 'missed');
});

test('only scenarios that were run are judged', () => {
  assert.deepEqual(judge({}), []);
});
