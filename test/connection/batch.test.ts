import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Batch } from '../../src/connection/batch.js';
import { SharedFrames } from '../../src/connection/shared-frames.js';
import { CursorCodec } from '../../src/log/cursor.js';
import type { Entry } from '../../src/log/entry.js';
import { EventLog } from '../../src/log/log.js';
import { textFrame } from '../../src/protocol/frame.js';
import { Entitlement } from '../../src/router/entitlement.js';
import { forUser, makeEvent } from './rig.js';

/** Entries of one tenant, in one slab as long as they are small. */
function entries(count: number): readonly Entry[] {
  const limits = { maxBytes: 2 ** 20, maxEvents: 1000, maxAgeMs: 60_000, resumeOverlapMs: 0 };
  const log = new EventLog(limits, new CursorCodec(['a key']), () => 1);
  const now = { wall: 1_800_000_000_000, monotonic: 0 };
  log.beginEpoch(now);
  for (let i = 0; i < count; i++) log.append(makeEvent(`${i}`, forUser('7')), now);
  const range = { from: 0, to: log.head };
  return log.read(new Entitlement('acme', '7', 0), range, { bytes: 2 ** 20, looks: 1000 }, now.monotonic)
    .entries;
}

function begun(shared: SharedFrames, copies = false): Batch {
  const batch = new Batch(shared);
  batch.begin(copies);
  return batch;
}

const frameOf = ({ slab, start, end }: Entry) => slab.bytes.subarray(start, end);

describe('a batch', () => {
  it('is a view on the slab for neighbours, without a copy', () => {
    const [a, b] = entries(2);
    assert.ok(a !== undefined && b !== undefined);
    const batch = begun(new SharedFrames());
    batch.addEntry(a);
    batch.addEntry(b);
    const joined = batch.join();
    assert.equal(joined.buffer, a.slab.bytes.buffer);
    assert.deepEqual(joined, Buffer.concat([frameOf(a), frameOf(b)]));
    assert.deepEqual([batch.events, batch.bytes], [2, joined.length]);
  });

  it('is the same view for all who are due the same, and another one for others', () => {
    const [a, b] = entries(2);
    assert.ok(a !== undefined && b !== undefined);
    const shared = new SharedFrames();
    const joined = (...due: readonly Entry[]) => {
      const batch = begun(shared);
      for (const entry of due) batch.addEntry(entry);
      return batch.join();
    };
    const first = joined(a);
    assert.equal(joined(a), first);
    assert.deepEqual(joined(a, b), Buffer.concat([frameOf(a), frameOf(b)]));
    assert.deepEqual(joined(b), frameOf(b));
    assert.deepEqual(joined(a), first);
    // Of another log: as long, and at the same place in its own slab.
    const [other] = entries(1);
    assert.ok(other !== undefined);
    assert.deepEqual([other.start, other.end], [a.start, a.end]);
    assert.equal(joined(other).buffer, other.slab.bytes.buffer);
    const again = joined(a);
    shared.clear();
    assert.notEqual(joined(a), again, 'nothing is kept once it is let go');
  });

  it('is a copy for a slow connection, which would keep the whole slab in memory', () => {
    const [a, b] = entries(2);
    assert.ok(a !== undefined && b !== undefined);
    const batch = begun(new SharedFrames(), true);
    batch.addEntry(a);
    batch.addEntry(b);
    const joined = batch.join();
    assert.notEqual(joined.buffer, a.slab.bytes.buffer);
    assert.deepEqual(joined, Buffer.concat([frameOf(a), frameOf(b)]));
  });

  it('keeps entries, copies and messages in order', () => {
    const [a, b, c, d] = entries(4);
    assert.ok(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
    const batch = begun(new SharedFrames());
    batch.addEntry(a);
    batch.addMessage('{"x":1}');
    batch.addEntry(b);
    batch.addEntry(d);
    batch.addCopy(Buffer.from(frameOf(c)));
    const expected = [frameOf(a), textFrame('{"x":1}'), frameOf(b), frameOf(d), frameOf(c)];
    const bytes = batch.bytes;
    assert.deepEqual(batch.join(), Buffer.concat(expected));
    assert.deepEqual([batch.events, bytes], [4, Buffer.concat(expected).length]);
  });

  it('copies a run together once for all who are due the same, and for nobody else', () => {
    const [a, b, c, d] = entries(4);
    assert.ok(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
    const shared = new SharedFrames();
    const join = (...run: Entry[]) => {
      const batch = begun(shared);
      for (const entry of run) batch.addEntry(entry);
      return batch.join();
    };
    const first = join(a, c);
    assert.equal(join(a, c), first);
    const other = join(b, c);
    assert.deepEqual(other, Buffer.concat([frameOf(b), frameOf(c)]));
    assert.deepEqual(join(a, c), Buffer.concat([frameOf(a), frameOf(c)]));
    const withMessage = begun(shared);
    withMessage.addEntry(a);
    withMessage.addMessage('{}');
    withMessage.addEntry(c);
    assert.deepEqual(withMessage.join(), Buffer.concat([frameOf(a), textFrame('{}'), frameOf(c)]));
  });

  it('begins anew for the next one, with nothing left of what the last one was not sent', () => {
    const [a, b] = entries(2);
    assert.ok(a !== undefined && b !== undefined);
    const batch = begun(new SharedFrames());
    batch.addEntry(a);
    batch.addMessage('{}');
    batch.addEntry(a);
    batch.begin(true);
    assert.deepEqual([batch.events, batch.bytes], [0, 0]);
    batch.addEntry(b);
    const copied = batch.join();
    assert.deepEqual(copied, frameOf(b));
    assert.notEqual(copied.buffer, b.slab.bytes.buffer);
    batch.begin(false);
    batch.addEntry(b);
    assert.equal(batch.join().buffer, b.slab.bytes.buffer);
  });
});
