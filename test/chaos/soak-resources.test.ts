import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Idle } from './pods.js';
import { judgeKept, type Kept } from './soak-resources.js';

const MB = 1e6;
const ACT_MS = 600_000;

/** Twelve acts; a little comes and goes. */
function acts(
  of: (act: number) => Partial<Idle>,
  also: {
    further?: number;
    waiting?: number;
    others?: (act: number) => (readonly [string, Idle])[];
  } = {},
): Kept[] {
  const { further = 0, waiting = 0, others = () => [] } = also;
  return Array.from({ length: 12 }, (_, act) => ({
    at: act * ACT_MS,
    idle: new Map([
      ['pod-1#1', { rss: (100 + (act % 3)) * MB, left: 0, handles: 24, ...of(act) }],
      ...others(act),
    ]),
    further,
    waiting,
  }));
}

describe('what pods keep between acts', () => {
  test('is right if it comes and goes, and if the first act filled the histories', () => {
    assert.equal(judgeKept(acts(() => ({}))).verdict, 'valid');
    assert.equal(judgeKept(acts(act => (act === 0 ? { rss: 40 * MB } : {}))).verdict, 'valid');
  });

  test('is not known after a few acts', () => {
    assert.equal(judgeKept(acts(() => ({})).slice(0, 3)).verdict, 'unknown');
  });

  test('is wrong if memory rises, slowly too', () => {
    assert.equal(judgeKept(acts(act => ({ rss: (100 + (act % 3) + 2 * act) * MB }))).verdict, 'invalid');
  });

  test('is wrong if handles, timers, queues or messages stay behind', () => {
    assert.equal(judgeKept(acts(act => ({ handles: 24 + 2 * act }))).verdict, 'invalid');
    assert.equal(judgeKept(acts(act => ({ left: act === 5 ? 1 : 0 }))).verdict, 'invalid');
    assert.equal(judgeKept(acts(() => ({}), { further: 1 })).verdict, 'invalid');
    assert.equal(judgeKept(acts(() => ({}), { waiting: 5000 })).verdict, 'invalid');
  });

  test('is not judged by a pod that took the place of another meanwhile', () => {
    const kept = acts(() => ({}), {
      others: act => [[`pod-2#${act}`, { rss: act * 50 * MB, left: 0, handles: 24 }]],
    });
    assert.equal(judgeKept(kept).verdict, 'valid');
  });
});
