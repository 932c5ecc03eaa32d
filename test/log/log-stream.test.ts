import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CursorCodec } from '../../src/log/cursor.js';
import { EventLog, type Located, type LogLimits } from '../../src/log/log.js';
import type { StreamPlace } from '../../src/log/places.js';
import { Entitlement } from '../../src/router/entitlement.js';
import {
  aLog,
  anEvent,
  cursorOf,
  frameOf,
  idsOf,
  LOG_SECRET,
  moment,
  readAll,
  ROOMY,
  START,
  toTenant,
  toUsers,
} from '../support/events.js';

const codec = new CursorCodec([LOG_SECRET]);

/** The message at an offset; another `stream` is one that was created anew. */
const at = (offset: number, stream = 1): StreamPlace => ({ offset, digest: (stream * 7919 + offset) >>> 0 });
const cursorFor = (place: StreamPlace, coveredUntil = START): string =>
  codec.seal({ kind: 'stream', ...place, coveredUntil });

/** A pod's log that reads a stream: attached behind `behind`, then the events of these offsets, one a millisecond. */
function aPod(
  offsets: readonly number[],
  options: {
    readonly behind?: StreamPlace | null;
    readonly limits?: Partial<LogLimits>;
    readonly firstEpoch?: number;
    readonly stream?: number;
  } = {},
): EventLog {
  let epoch = options.firstEpoch ?? 1;
  const log = new EventLog({ ...ROOMY, ...options.limits }, codec, () => epoch++);
  log.beginEpoch(moment(0), options.behind ?? null);
  for (const offset of offsets) take(log, offset, options.stream);
  return log;
}

function take(log: EventLog, offset: number, stream = 1): void {
  const event = anEvent(stream === 1 ? `e${offset}` : `e${offset}-${stream}`, toTenant('acme'));
  assert.equal(log.append(event, moment(offset), at(offset, stream)), 'appended');
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** What a client of acme that comes with that cursor gets. */
function resumed(log: EventLog, cursor: string): string[] {
  const located = log.locate(cursor, 'acme');
  if (located.kind !== 'at') assert.fail(`not resumed: ${JSON.stringify(located)}`);
  assert.equal(located.overlapUntil, null, 'exact');
  const reader = new Entitlement('acme', '7', located.sequence);
  return idsOf(readAll(log, reader, located.sequence, moment(10_000)));
}

const lost = (reason: 'unknown_position' | 'evicted' | 'feed_gap'): Located => ({ kind: 'lost', reason });

test('the cursor of an event means the same place on every pod, whenever the pods came and whatever they cover', () => {
  const offsets = [5, 6, 9, 10, 17, 18];
  const old = aPod([2, 3, ...offsets]);
  const young = aPod(offsets, { firstEpoch: 200, behind: at(3) });
  young.cover(START + 1, START + 1);
  const bare = aPod(offsets, { firstEpoch: 300 });
  for (const from of [old, young, bare]) {
    const reader = new Entitlement('acme', '7', from.boundary);
    const entries = readAll(from, reader, from.boundary, moment(20));
    for (const entry of entries) {
      const cursor = cursorOf(frameOf(entry));
      const offset = Number(entry.id.slice(1));
      const after = [2, 3, ...offsets].filter(later => later > offset).map(later => `e${later}`);
      // The one that knows behind what it began knows one place more than it has events.
      for (const to of [old, ...(offset < 3 ? [] : [young]), ...(offset < 5 ? [] : [bare])]) {
        assert.deepEqual(resumed(to, cursor), after);
      }
    }
  }
});

test('a place without a message is named by the last message before it', () => {
  const log = aPod([10, 20, 30]);
  const cursors = range(0, 21).map(back => log.cursorAt(log.head - back, START));
  assert.equal(new Set(cursors.slice(0, 1)).size, 1);
  assert.deepEqual(codec.open(cursors[0] ?? ''), { kind: 'stream', ...at(30), coveredUntil: START });
  for (const cursor of cursors.slice(1, 11)) assert.equal(cursor, cursorFor(at(20)));
  for (const cursor of cursors.slice(11)) assert.equal(cursor, cursorFor(at(10)));
});

test('what is no event moves the position on: rejected, expired, or there already', () => {
  const log = aPod([1]);
  log.pass(at(2), moment(2));
  assert.equal(log.append(anEvent('e1', toTenant('acme')), moment(3), at(3)), 'duplicate');
  assert.equal(log.append(anEvent('e1', toTenant('acme'), { data: '2' }), moment(4), at(4)), 'conflict');
  const late = anEvent('late', toTenant('acme'), { expiresAt: START + 5 });
  assert.equal(log.append(late, moment(5), at(5)), 'expired');
  assert.equal(log.cursorAt(log.head, START), cursorFor(at(5)));
  for (const offset of range(1, 6)) assert.deepEqual(resumed(log, cursorFor(at(offset))), []);
  take(log, 6);
  for (const offset of range(1, 6)) assert.deepEqual(resumed(log, cursorFor(at(offset))), ['e6']);
});

test('the place that a pod begins behind is a position there, if the feed knows it', () => {
  const known = aPod([], { behind: at(41) });
  assert.equal(known.cursorAt(known.head, START), cursorFor(at(41)));
  take(known, 42);
  assert.deepEqual(resumed(known, cursorFor(at(41))), ['e42']);
  assert.deepEqual(known.locate(cursorFor(at(41, 2)), 'acme'), lost('feed_gap'));

  const unknown = aPod([42]);
  assert.deepEqual(unknown.locate(cursorFor(at(41)), 'acme'), { kind: 'older', place: at(41) });
});

test('a place before what the log knows is older, be it of this stream or not', () => {
  const log = aPod(range(100, 200));
  for (const place of [at(0), at(99), at(50, 2)]) {
    assert.deepEqual(log.locate(cursorFor(place), 'acme'), { kind: 'older', place });
  }
});

test('a place behind which something of the tenant was evicted is older for it, and for nobody else', () => {
  const log = aPod(range(0, 30), { limits: { maxEvents: 10 } });
  assert.deepEqual(log.locate(cursorFor(at(18)), 'acme'), { kind: 'older', place: at(18) });
  assert.deepEqual(resumed(log, cursorFor(at(19))), idsFrom(20, 30));
  assert.equal(log.locate(cursorFor(at(18)), 'other').kind, 'at');
});

const idsFrom = (from: number, to: number): string[] => range(from, to).map(offset => `e${offset}`);

test('a quiet night is no reason for a resync: places are kept by number, not by age', () => {
  const log = aPod([1, 2, 3]);
  for (let hour = 1; hour < 10; hour++) log.tick(moment(hour * 3_600_000));
  assert.equal(log.size.events, 0);
  assert.deepEqual(resumed(log, cursorFor(at(3))), []);
  assert.equal(log.locate(cursorFor(at(2)), 'acme').kind, 'older');
  assert.equal(log.locate(cursorFor(at(2)), 'other').kind, 'at');
});

test('another message at that offset, or none, means that the stream was created anew', () => {
  const log = aPod([10, 11, 15]);
  assert.deepEqual(log.locate(cursorFor(at(11, 2)), 'acme'), lost('feed_gap'));
  assert.deepEqual(log.locate(cursorFor(at(12)), 'acme'), lost('feed_gap'));
});

test('a place that the pod has not reached is ahead until it has; then its message decides', () => {
  const log = aPod([1, 2]);
  const cursor = cursorFor(at(4));
  assert.deepEqual(log.locate(cursor, 'acme'), { kind: 'ahead', offset: 4, mayCome: true });
  // Positions name a time before that of their event, and clocks differ: only well beyond it is it proven not to come.
  log.cover(START + 4999, START + 4999);
  assert.deepEqual(log.locate(cursor, 'acme'), { kind: 'ahead', offset: 4, mayCome: true });
  log.cover(START + 5000, START + 5000);
  assert.deepEqual(log.locate(cursor, 'acme'), { kind: 'ahead', offset: 4, mayCome: false });
  log.cover(START, START);
  const mayCome = (time: number) => {
    const located = log.locate(cursorFor(at(4), START + time), 'acme');
    return located.kind === 'ahead' && located.mayCome;
  };
  assert.equal(mayCome(5000), true);
  assert.equal(mayCome(60_000), false, 'a clock that is wrong');
  log.tick(moment(1_000_000));
  assert.equal(mayCome(401_000), true);
  assert.equal(mayCome(400_000), false, 'too long ago to be waited for');
  take(log, 3);
  assert.equal(log.hasReached(4), false);
  log.pass(at(4), moment(4));
  take(log, 5);
  assert.equal(log.hasReached(4), true);
  assert.deepEqual(resumed(log, cursor), ['e5']);
  assert.deepEqual(log.locate(cursorFor(at(4, 2)), 'acme'), lost('feed_gap'));
});

test('offsets and sequence numbers rise over epochs, whatever the offsets of the next stream are', () => {
  const log = aPod([1000, 1001]);
  const before = log.head;
  const cursor = log.cursorAt(log.head, START);
  log.beginEpoch(moment(2000), null);
  assert.equal(log.boundary, before + 1);
  assert.equal(log.head, log.boundary);
  // Nothing has been read of the new one yet: that is no reason to give a position up.
  assert.equal(log.locate(cursor, 'acme').kind, 'ahead');
  take(log, 3, 2);
  take(log, 7, 2);
  assert.ok(log.head > log.boundary + 1);
  const reader = new Entitlement('acme', '7', 0);
  assert.deepEqual(idsOf(readAll(log, reader, log.boundary, moment(2000))), ['e3-2', 'e7-2']);
  // It may be of either stream: only once the new one comes that far can anybody tell.
  assert.deepEqual(log.locate(cursor, 'acme'), { kind: 'ahead', offset: 1001, mayCome: true });
  for (const offset of range(1000, 1003)) take(log, offset, 2);
  assert.deepEqual(log.locate(cursor, 'acme'), lost('feed_gap'));
});

test('a reader that is still before the boundary names no place of the new stream', () => {
  const log = aPod([10, 11, 12]);
  log.beginEpoch(moment(20), at(30, 2));
  for (const offset of range(31, 40)) take(log, offset, 2);
  for (const sequence of range(log.boundary - 3, log.boundary)) {
    assert.equal(codec.open(log.cursorAt(sequence, START))?.kind, 'pod');
    assert.deepEqual(log.locate(log.cursorAt(sequence, START), 'acme'), lost('unknown_position'));
  }
  assert.equal(log.cursorAt(log.boundary, START), cursorFor(at(30, 2)));
});

test('an offset that does not rise is a fault of the feed, and changes nothing', () => {
  const log = aPod([5]);
  const { head, size } = log;
  for (const offset of [5, 4]) {
    assert.throws(
      () => log.append(anEvent('again', toTenant('acme')), moment(6), at(offset)),
      new RegExp(`offset ${offset} after 5`),
    );
    assert.throws(() => log.pass(at(offset), moment(6)), /offsets must rise/);
  }
  assert.deepEqual([log.head, log.size], [head, size]);
});

test('the newest places are kept within the budget, and count in it', () => {
  const maxBytes = 100_000;
  const log = aPod([], { limits: { maxBytes } });
  for (const offset of range(0, 5000)) {
    log.pass(at(offset), moment(offset));
    assert.ok(log.size.bytes <= maxBytes);
  }
  assert.ok(log.size.bytes > 0);
  take(log, 5000);
  assert.equal(log.locate(cursorFor(at(4800)), 'acme').kind, 'at');
  assert.equal(log.locate(cursorFor(at(100)), 'acme').kind, 'older');
  // A connection that stood still for all that time: exact here, by time elsewhere.
  const standing = log.cursorAt(log.boundary + 10, START);
  assert.equal(codec.open(standing)?.kind, 'pod');
  const located = log.locate(standing, 'acme');
  assert.ok(located.kind === 'at' && located.sequence === log.boundary + 10);
});

test('beyond 40 bits an offset is no longer named, and events are taken nevertheless', () => {
  const log = aPod([2 ** 40 - 1]);
  assert.equal(codec.open(log.cursorAt(log.head, START))?.kind, 'stream');
  take(log, 2 ** 40);
  const cursor = log.cursorAt(log.head, START);
  assert.equal(codec.open(cursor)?.kind, 'pod');
  assert.deepEqual(resumed(log, cursor), []);
});

test('before its first message a log of an empty stream names positions of its own', () => {
  const log = aPod([]);
  log.cover(START + 1000, START + 1000);
  const cursor = log.cursorAt(log.head, log.coveredUntil);
  assert.equal(codec.open(cursor)?.kind, 'pod');
  take(log, 1);
  assert.equal(log.coveredUntil, START + 1000);
  assert.deepEqual(resumed(log, cursor), ['e1']);
  const other = aPod([1], { firstEpoch: 200 });
  assert.equal(other.locate(cursor, 'acme').kind, 'lost', 'nothing is proven there yet');
});

test('what a stream had before the pod came stands for no time until the feed has proven one', () => {
  for (const behind of [null, at(0)]) {
    const log = aPod(range(1, 10), { behind });
    assert.equal(log.coveredUntil, 0);
    assert.equal(log.provenAt, START);
    const queue = aLog({}, { firstEpoch: 200 });
    for (let ms = 0; ms < 10_000; ms += 100) queue.cover(START + ms, START + ms);
    assert.deepEqual(
      queue.locate(log.cursorAt(log.head, log.coveredUntil), 'acme'),
      lost('unknown_position'),
    );
    log.cover(START + 9000, START + 9000);
    take(log, 10);
    assert.equal(log.coveredUntil, START + 9000);
    assert.equal(queue.locate(log.cursorAt(log.head, log.coveredUntil), 'acme').kind, 'at');
  }
});

test('between pods with a queue and pods with a stream positions go by time, both ways, with overlap', () => {
  const stream = aPod([], { firstEpoch: 100, limits: { resumeOverlapMs: 50 } });
  const queue = aLog({ resumeOverlapMs: 50 }, { firstEpoch: 200 });
  const ids = range(0, 5000).map(i => `e${i}`);
  ids.forEach((id, i) => {
    const event = anEvent(id, toUsers('acme', '7'));
    stream.append(event, moment(i), at(i * 2));
    queue.append(event, moment(i));
    stream.cover(START + i, START + i);
    queue.cover(START + i, START + i);
  });
  for (const [from, to] of [
    [stream, queue],
    [queue, stream],
  ] as const) {
    const reader = new Entitlement('acme', '7', 0);
    const entry = readAll(from, reader, from.boundary, moment(5000))[4000];
    assert.ok(entry !== undefined);
    const located = to.locate(cursorOf(frameOf(entry)), 'acme');
    assert.ok(located.kind === 'at' && located.overlapUntil !== null);
    const replayed = idsOf(readAll(to, reader, located.sequence, moment(5000)));
    assert.deepEqual(replayed, ids.slice(-replayed.length));
    assert.ok(replayed.length >= 1000 + OVERLAP && replayed.length < 2500, `${replayed.length} come again`);
  }
});

const OVERLAP = 50;
