import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Track } from '../../src/connection/track.js';
import { CursorCodec } from '../../src/log/cursor.js';
import { EventLog } from '../../src/log/log.js';
import { Entitlement } from '../../src/router/entitlement.js';
import { manualClock } from '../support/clock.js';
import { forUser, makeEvent } from './rig.js';

const LIMITS = { bytes: 65_536, looks: 100 };
const ALL = Infinity;

/** A log, and user 7's way along it from its beginning. */
function setup({ maxEvents = 1000, overlapOf = 0 } = {}) {
  const clock = manualClock();
  const now = () => ({ wall: clock.wall(), monotonic: clock.monotonic() });
  const codec = new CursorCodec(['a key for tests and nothing else']);
  let epoch = 1;
  const log = new EventLog(
    { maxBytes: 2 ** 20, maxEvents, maxAgeMs: 600_000, resumeOverlapMs: 5000 },
    codec,
    () => epoch++,
  );
  log.beginEpoch(now());
  const position = log.head;
  const overlap = overlapOf === 0 ? null : { cursor: 'presented', until: position + overlapOf };
  const start = { log, position, coveredUntil: log.coveredUntil, overlap };
  const track = new Track(new Entitlement('acme', '7', position), log, start);
  const append = (id: string, user = '7') => log.append(makeEvent(id, forUser(user)), now());
  const idsOf = (limits = LIMITS, stop = ALL) => {
    const step = track.advance(stop, limits, () => clock.monotonic());
    return step.kind === 'read' ? step.entries.map(({ id }) => id) : step;
  };
  return { clock, now, log, track, append, idsOf };
}

describe('a way along the log', () => {
  it('takes what is due in steps as large as they may be, and stops where it is told to', () => {
    const { log, track, append, idsOf } = setup();
    assert.deepEqual(idsOf(), { kind: 'none' });
    append('a');
    append('b');
    const middle = log.head;
    append('c');
    assert.deepEqual(idsOf({ bytes: 1, looks: 100 }), ['a']);
    assert.deepEqual(idsOf(LIMITS, middle), ['b']);
    assert.deepEqual(idsOf(LIMITS, middle), { kind: 'none' });
    assert.ok(track.position < track.head);
    assert.deepEqual(idsOf(), ['c']);
    assert.equal(track.position, track.head);
  });

  it('says what is lost before going on, and goes on behind it', () => {
    const { log, now, track, append, idsOf } = setup({ maxEvents: 2 });
    for (const id of ['a', 'b', 'c']) append(id);
    assert.deepEqual(idsOf(), { kind: 'lost', reason: 'evicted' });
    track.skipLost('evicted');
    assert.deepEqual(idsOf(), { kind: 'none' });
    append('d');
    log.beginEpoch(now());
    append('e');
    assert.deepEqual(idsOf(), ['d']);
    assert.deepEqual(idsOf(), { kind: 'lost', reason: 'feed_gap' });
    track.skipLost('feed_gap');
    assert.deepEqual(idsOf(), ['e']);
  });

  it('tells by its cursor where it stands: what it is still owed lies behind it', () => {
    const { log, track, append, idsOf } = setup();
    append('a');
    append('b');
    idsOf({ bytes: 1, looks: 100 });
    const { cursor, lastEventId } = track.place();
    assert.equal(lastEventId, 'a');
    const located = log.locate(cursor, 'acme');
    assert.equal(located.kind === 'at' && located.sequence, track.position);
  });

  it('names the cursor that was presented until the overlap is over', () => {
    const { clock, track, append, idsOf, log } = setup({ overlapOf: 2 });
    for (const id of ['a', 'b', 'c']) append(id);
    assert.equal(track.place().cursor, 'presented');
    const step = track.advance(ALL, LIMITS, () => clock.monotonic());
    assert.ok(step.kind === 'read');
    assert.deepEqual(
      step.entries.map(entry => track.cursorFor(entry)),
      ['presented', 'presented', null],
    );
    assert.deepEqual(idsOf(), { kind: 'none' });
    assert.equal(log.locate(track.place().cursor, 'acme').kind, 'at');
  });

  it('has fallen off twice if that was within 30 s', () => {
    const { track } = setup();
    assert.equal(track.fallsOffAgain(1000), false);
    assert.equal(track.fallsOffAgain(30_999), true);
    assert.equal(track.fallsOffAgain(60_999), false);
  });

  it('changes from the past to the live log where that has everything, and is adrift where it has not', () => {
    const { log, now, append, clock } = setup();
    const past = log.openPast({ offset: 5, digest: 1 }, now());
    append('live');
    clock.advance(1);
    const reader = new Entitlement('acme', '7', 0);
    const start = { log: past, position: past.head, coveredUntil: 0, overlap: null };
    const track = new Track(reader, log, start);
    assert.equal(track.isLive, false);
    // The live log knows no place of a stream: nothing says that it goes on where the past ends.
    assert.equal(track.leavePast(), false);
    assert.equal(track.isLive, true);
    assert.deepEqual(
      track.advance(ALL, LIMITS, () => clock.monotonic()),
      { kind: 'lost', reason: 'evicted' },
    );
    track.skipLost('evicted');
    assert.deepEqual(
      track.advance(ALL, LIMITS, () => clock.monotonic()),
      { kind: 'none' },
    );
  });
});
