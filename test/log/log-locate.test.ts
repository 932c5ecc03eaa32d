import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventLog, Located } from '../../src/log/log.js';
import { Entitlement } from '../../src/router/entitlement.js';
import {
  START,
  aLog,
  anEvent,
  cursorOf,
  frameOf,
  moment,
  readAll,
  toAll,
  toTenant,
} from '../support/events.js';

const HOUR = 3_600_000;

const lost = (reason: 'unknown_position' | 'evicted' | 'feed_gap'): Located => ({ kind: 'lost', reason });

/** As a ping at the head would say it. */
const headOf = (log: EventLog): string => log.cursorAt(log.head, log.coveredUntil);

/** One event each `every` ms in [from, to), with proof of coverage each time. */
function run(log: EventLog, from: number, to: number, every = 1, tenant = 'acme'): void {
  for (let ms = from; ms < to; ms += every) {
    log.cover(START + ms, START + ms);
    log.append(anEvent(`${tenant}-${ms}`, toTenant(tenant)), moment(ms));
  }
}

/** Nothing happens but the clock. */
function quiet(log: EventLog, from: number, to: number): void {
  for (let ms = from; ms <= to; ms += 1000) {
    log.cover(START + ms, START + ms);
    log.tick(moment(ms));
  }
}

test('a cursor of this pod is found exactly, from its frame or from a ping', () => {
  const log = aLog();
  run(log, 0, 100);
  for (const entry of readAll(log, new Entitlement('acme', '7', 0), 1, moment(100))) {
    assert.deepEqual(log.locate(cursorOf(frameOf(entry)), 'acme'), {
      kind: 'at',
      sequence: entry.sequence,
      coveredUntil: entry.coverage.until,
      overlapUntil: null,
    });
  }
  const located = log.locate(headOf(log), 'acme');
  assert.ok(located.kind === 'at' && located.sequence === log.head);
  const start = log.locate(log.cursorAt(1, START), 'acme');
  assert.ok(start.kind === 'at' && start.sequence === 1);
});

test('a cursor of this pod ahead of its log, or before its epoch, is no position in it', () => {
  const log = aLog();
  log.beginEpoch(moment(1));
  assert.deepEqual(log.locate(log.cursorAt(3, START), 'acme'), lost('unknown_position'));
  assert.deepEqual(log.locate(log.cursorAt(1, START), 'acme'), lost('unknown_position'));
  assert.equal(log.locate(log.cursorAt(2, START), 'acme').kind, 'at');
});

test('a cursor of a past epoch of this pod means a gap in the feed', () => {
  const log = aLog();
  run(log, 0, 10);
  const cursors = [headOf(log)];
  for (let i = 0; i < 60; i++) {
    log.beginEpoch(moment(1000 + i));
    for (const cursor of cursors) assert.deepEqual(log.locate(cursor, 'acme'), lost('feed_gap'));
    cursors.push(headOf(log));
  }
});

test('of a hundred epochs back, a cursor is still not taken for one that resumes', () => {
  const log = aLog();
  run(log, 0, 10);
  const cursor = headOf(log);
  for (let i = 0; i < 100; i++) log.beginEpoch(moment(100_000 + i));
  assert.deepEqual(log.locate(cursor, 'acme'), lost('unknown_position'));
});

test('what is no cursor, or of a foreign key, is an unknown position', () => {
  const log = aLog();
  const foreign = aLog({}, { firstEpoch: 1, secrets: ['some-other-key-of-at-least-32-bytes'] });
  const cursors = ['', 'garbled', headOf(foreign), `${headOf(log).slice(0, -4)}AAAA`, `${headOf(log)}A`];
  for (const cursor of cursors) assert.deepEqual(log.locate(cursor, 'acme'), lost('unknown_position'));
});

test('while keys are rotated, cursors of the old key are found', () => {
  const before = aLog({}, { firstEpoch: 100, secrets: ['the-old-key-of-at-least-32-bytes-xx'] });
  const after = aLog(
    {},
    {
      firstEpoch: 200,
      secrets: ['the-new-key-of-at-least-32-bytes-xx', 'the-old-key-of-at-least-32-bytes-xx'],
    },
  );
  for (const log of [before, after]) run(log, 0, 10_000, 10);
  assert.equal(after.locate(headOf(before), 'acme').kind, 'at');
});

test('evicted means before the last event that this tenant lost, not at it', () => {
  const log = aLog({ maxEvents: 10 });
  run(log, 0, 30);
  const evicted = log.evictedUpTo('acme');
  assert.equal(evicted, 21);
  assert.deepEqual(log.locate(log.cursorAt(20, START), 'acme'), lost('evicted'));
  assert.equal(log.locate(log.cursorAt(21, START), 'acme').kind, 'at');
  assert.equal(log.locate(log.cursorAt(2, START), 'other').kind, 'at');
  for (let i = 0; i < 20; i++) log.append(anEvent(`all-${i}`, toAll), moment(31));
  assert.deepEqual(log.locate(log.cursorAt(21, START), 'other'), lost('evicted'));
});

test('a cursor of another pod goes back by time, and by at least 1,000 positions', () => {
  const there = aLog({}, { firstEpoch: 100 });
  const fast = aLog({ resumeOverlapMs: 5000 }, { firstEpoch: 200 });
  const slow = aLog({ resumeOverlapMs: 50 }, { firstEpoch: 300 });
  for (const log of [there, fast, slow]) run(log, 0, 20_000);
  // At `START + ms` the log of either stands at 1 + ms.
  const cursor = there.cursorAt(15_000, START + 14_999);
  const byTime = fast.locate(cursor, 'acme');
  assert.ok(byTime.kind === 'at');
  assert.ok(byTime.sequence <= 10_000 && byTime.sequence > 9700, `${byTime.sequence}`);
  assert.equal(byTime.coveredUntil, START + 14_999);
  assert.ok(byTime.overlapUntil !== null && byTime.overlapUntil >= 15_000 && byTime.overlapUntil <= 15_300);

  const byPosition = slow.locate(cursor, 'acme');
  assert.ok(byPosition.kind === 'at');
  assert.ok(byPosition.sequence <= 14_000 && byPosition.sequence > 13_700, `${byPosition.sequence}`);
});

test('the overlap in positions is no new way to fail: it ends at the epoch and at what was evicted', () => {
  const there = aLog({}, { firstEpoch: 100 });
  const young = aLog({ resumeOverlapMs: 50 }, { firstEpoch: 200 });
  const short = aLog({ resumeOverlapMs: 50, maxEvents: 400 }, { firstEpoch: 300 });
  for (const log of [there, young, short]) run(log, 0, 900);
  const cursor = there.cursorAt(900, START + 899);
  const begun = young.locate(cursor, 'acme');
  assert.ok(begun.kind === 'at' && begun.sequence === 1);
  const evicted = short.locate(cursor, 'acme');
  assert.ok(evicted.kind === 'at' && evicted.sequence === short.evictedUpTo('acme'));
});

test('a cursor of another pod from before coverage, with the overlap taken off, is unknown', () => {
  const there = aLog({}, { firstEpoch: 100 });
  const here = aLog({ resumeOverlapMs: 1000 }, { firstEpoch: 200 });
  run(here, 0, 3000, 10);
  const at = (ms: number) => here.locate(there.cursorAt(1, START + ms), 'acme');
  assert.deepEqual(at(-1), lost('unknown_position'));
  assert.deepEqual(at(999), lost('unknown_position'));
  assert.equal(at(1000).kind, 'at');
});

test('a cursor of another pod far ahead of what is known here is unknown, a little ahead it is not', () => {
  const there = aLog({}, { firstEpoch: 100 });
  const here = aLog({}, { firstEpoch: 200 });
  run(here, 0, 10_000, 10);
  const at = (ms: number) => here.locate(there.cursorAt(1, START + ms), 'acme');
  const ahead = at(9990 + 5000);
  assert.ok(ahead.kind === 'at' && ahead.overlapUntil === here.head);
  assert.deepEqual(at(9990 + 5001), lost('unknown_position'));
});

test('a pod that hears too little to claim much itself still knows what reached it, and so a cursor that claims more', () => {
  const there = aLog({}, { firstEpoch: 100 });
  const here = aLog({}, { firstEpoch: 200 });
  run(here, 0, 10_000, 10);
  for (let ms = 10_000; ms < 40_000; ms += 1000) {
    here.cover(START + 9990, START + ms);
    here.tick(moment(ms));
  }
  const located = here.locate(there.cursorAt(1, START + 39_000), 'acme');
  assert.ok(located.kind === 'at');
  assert.equal(located.coveredUntil, START + 9990, 'what it hands out itself claims no more than it may');
  assert.deepEqual(here.locate(there.cursorAt(1, START + 44_001), 'acme'), lost('unknown_position'));
});

test('a cursor of another pod whose time was evicted here is told so', () => {
  const there = aLog({}, { firstEpoch: 100 });
  const here = aLog({ maxEvents: 100 }, { firstEpoch: 200 });
  run(here, 0, 20_000, 10);
  assert.deepEqual(here.locate(there.cursorAt(1, START + 10_000), 'acme'), lost('evicted'));
  const other = here.locate(there.cursorAt(1, START + 10_000), 'other');
  assert.equal(other.kind, 'at');
});

test('a quiet night is no reason for a resync, on this pod or another', () => {
  for (const busy of [false, true]) {
    const own = aLog({}, { firstEpoch: 100 });
    const other = aLog({}, { firstEpoch: 200 });
    for (const log of [own, other]) {
      run(log, 0, 5000, 10);
      quiet(log, 5000, 7000);
    }
    // The client hears nothing but pings; the last one it got was either this or one of hours later.
    const evening = headOf(own);
    for (const log of [own, other]) {
      for (let ms = 10_000; ms < 9 * HOUR; ms += 10_000) {
        log.cover(START + ms, START + ms);
        if (busy) log.append(anEvent(`neighbour-${ms}`, toTenant('neighbour')), moment(ms));
        log.tick(moment(ms));
      }
    }
    const morning = headOf(own);
    for (const log of [own, other]) {
      assert.equal(log.evictedUpTo('acme'), 501, 'all that there was is gone');
      assert.ok(log.size.events < 100);
    }
    assert.equal(own.locate(evening, 'acme').kind, 'at', 'own pod, evening');
    assert.equal(own.locate(morning, 'acme').kind, 'at', 'own pod, morning');
    assert.equal(other.locate(morning, 'acme').kind, 'at', 'other pod, morning');
    // A tenant of which the other pod never heard.
    assert.equal(other.locate(morning, 'silent').kind, 'at');
    assert.equal(other.locate(evening, 'silent').kind, 'at');
  }
});

test('a wall clock that was set back on this pod leads too far back, never too little', () => {
  const there = aLog({}, { firstEpoch: 100 });
  const here = aLog({ resumeOverlapMs: 0 }, { firstEpoch: 200 });
  let monotonic = 0;
  const append = (id: string, ms: number) =>
    here.append(anEvent(id, toTenant('acme')), { wall: START + ms, monotonic: ++monotonic });
  append('e1', 1000);
  append('e2', 10_000);
  append('e3', 2000);
  append('e4', 3000);
  here.cover(START + 20_000, START + 20_000);
  const located = here.locate(there.cursorAt(1, START + 9000), 'acme');
  // e2 came at a later time than the cursor names: it has to be replayed.
  assert.ok(located.kind === 'at' && located.sequence <= 2);
});
