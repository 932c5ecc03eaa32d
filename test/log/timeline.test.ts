import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Timeline } from '../../src/log/timeline.js';

const START = 1_800_000_000_000;

/** The wall clock at the receipt of each event; the event at index i has sequence number i + 1. */
function record(steps: readonly { readonly wait: number; readonly event: boolean }[]) {
  const timeline = new Timeline(START, 0);
  const received: number[] = [];
  let wall = START;
  for (const { wait, event } of steps) {
    wall += wait;
    timeline.note(wall, received.length);
    if (event) received.push(wall);
  }
  return { timeline, received, end: wall };
}

const step = (wait: fc.Arbitrary<number>) => fc.record({ wait, event: fc.boolean() });
const forward = fc.oneof(fc.nat(3), fc.nat(400), fc.nat(100_000));
const asked = fc.oneof(fc.nat(2000), fc.nat(200_000), fc.nat(2_000_000));

test('no event received at a time or later stands at or before the answer for that time', () => {
  const anywhere = fc.oneof(forward, fc.integer({ min: -20_000, max: 0 }));
  fc.assert(
    fc.property(
      fc.array(step(anywhere), { maxLength: 100 }),
      fc.array(asked, { maxLength: 20 }),
      (steps, questions) => {
        const { timeline, received } = record(steps);
        for (const at of [...questions.map(ms => START + ms), ...received]) {
          const answer = timeline.atOrBefore(at);
          assert.equal(answer === undefined, at < START);
          if (answer === undefined) continue;
          const late = received.findIndex((wall, index) => wall >= at && index + 1 <= answer);
          assert.equal(late, -1, `at ${at - START}: ${answer}, though event ${late + 1} came then or later`);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('every event received by a time stands at or before the checkpoint after that time', () => {
  fc.assert(
    fc.property(
      fc.array(step(forward), { maxLength: 100 }),
      fc.array(asked, { maxLength: 20 }),
      (steps, questions) => {
        const { timeline, received } = record(steps);
        for (const at of [...questions.map(ms => START + ms), ...received]) {
          const answer = timeline.after(at) ?? received.length;
          assert.ok(received.every((wall, index) => wall > at || index + 1 <= answer));
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('answers are close to the truth: at most a quarter of a second of events behind it', () => {
  const { timeline, received, end } = record(
    Array.from({ length: 20_000 }, () => ({ wait: 1, event: true })),
  );
  for (let at = START + 300; at < end; at += 97) {
    const truth = received.findIndex(wall => wall >= at);
    const answer = timeline.atOrBefore(at) ?? -1;
    assert.ok(truth - answer <= 250, `${truth - answer} behind`);
    assert.ok((timeline.after(at) ?? received.length) - truth <= 251);
  }
});

test('before coverage begins there is no answer', () => {
  const timeline = new Timeline(START, 7);
  assert.equal(timeline.startsAt, START);
  assert.equal(timeline.atOrBefore(START - 1), undefined);
  assert.equal(timeline.atOrBefore(START), 7);
  assert.equal(timeline.atOrBefore(START + 1e9), 7);
  assert.equal(timeline.after(START), undefined);
  assert.equal(timeline.after(START - 1), 7);
});

test('without a beginning nothing is covered', () => {
  const timeline = new Timeline(Infinity, 0);
  timeline.note(START, 1);
  assert.equal(timeline.atOrBefore(START + 1e9), undefined);
});

test('a quiet day thins out nothing of what was before it', () => {
  const timeline = new Timeline(START, 0);
  const busy = 1000;
  for (let n = 1; n <= busy; n++) timeline.note(START + 250 * n, n);
  for (let s = 1; s <= 86_400; s++) timeline.note(START + 250 * busy + 1000 * s, busy);
  for (let n = 1; n <= busy; n++) assert.equal(timeline.atOrBefore(START + 250 * n), n);
});

test('a quiet time is known to its end', () => {
  const timeline = new Timeline(START, 0);
  timeline.note(START + 1000, 5);
  for (let ms = 2000; ms < 10 * 3_600_000; ms += 1000) timeline.note(START + ms, 5);
  assert.equal(timeline.atOrBefore(START + 10 * 3_600_000), 5);
  assert.equal(timeline.atOrBefore(START + 999), 0);
});

test('a long life thins out what is old and keeps the beginning, never answering too late', () => {
  const timeline = new Timeline(START, 0);
  const hours = 24;
  const steps = hours * 3600 * 4;
  // One event each quarter of a second: event n is received at START + 250 n.
  for (let n = 1; n <= steps; n++) timeline.note(START + 250 * n, n - 1);
  assert.equal(timeline.startsAt, START);
  for (let n = 1; n <= steps; n += 997) {
    const answer = timeline.atOrBefore(START + 250 * n) ?? -1;
    assert.ok(answer <= n - 1 && answer >= 0);
    if (n > steps - 4000) assert.ok(n - answer <= 2, 'what is recent stays exact');
  }
});
