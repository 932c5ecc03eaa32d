import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PastSink } from '../../src/connection/feed.js';
import { PastRun } from '../../src/connection/past-run.js';
import { CursorCodec } from '../../src/log/cursor.js';
import { EventLog } from '../../src/log/log.js';
import { silentLogger } from '../../src/logger.js';
import { manualClock } from '../support/clock.js';
import { makeEvent, RIG_SECRET } from './rig.js';
import { at } from './stream-rig.js';

const LOOK_MS = 40;

/** A reading whose log is full, and so many who read it, of whom some lag. */
function aRun({ readers, lagging }: { readonly readers: number; readonly lagging: number }) {
  const clock = manualClock();
  const now = () => ({ wall: clock.wall(), monotonic: clock.monotonic() });
  const limits = { maxBytes: 64_000, maxEvents: 5, maxAgeMs: 600_000, resumeOverlapMs: 1000 };
  let epoch = 1;
  const log = new EventLog(limits, new CursorCodec([RIG_SECRET]), () => epoch++);
  log.beginEpoch(now());
  for (let offset = 0; offset < 200; offset++) log.append(makeEvent(`e${offset}`), now(), at(offset));
  const told = { failed: [] as string[], held: false, woken: 0, left: 0 };
  let sink: PastSink | null = null;
  const run = new PastRun(0, {
    clock,
    log,
    logger: silentLogger,
    source: {
      read(_, given) {
        sink = given;
        return { hold: held => void (told.held = held), stop() {} };
      },
    },
    onFailed: why => void told.failed.push(why),
  });
  for (let i = 0; i < readers; i++) {
    run.readers.add({
      isBehind: position => i < lagging && position > 0,
      leavePast: () => void told.left++,
      wake: () => void told.woken++,
    });
  }
  const give = (from: number, to: number) => {
    for (let offset = from; offset < to; offset++) sink?.event(makeEvent(`e${offset}`), at(offset));
  };
  give(0, 100);
  /** After each of so many looks, whether it was held. */
  const looks = (count: number, othersWait: boolean) =>
    Array.from({ length: count }, () => {
      clock.advance(LOOK_MS);
      run.look(othersWait, false);
      return told.held;
    });
  return { run, told, give, looks, clock };
}

describe('the pace of a reading', () => {
  it('is that of those who take what they are given, as long as they are all that there are', () => {
    const { looks } = aRun({ readers: 2, lagging: 2 });
    assert.deepEqual(new Set(looks(200, false)), new Set([true]));
  });

  it('is not that of those who don’t: nobody lags, nobody is waited for', () => {
    const { looks } = aRun({ readers: 2, lagging: 0 });
    assert.deepEqual(new Set(looks(200, false)), new Set([false]));
  });

  it('isn’t slowed down by some for longer than two seconds in all if others want to go on', () => {
    for (const { readers, othersWait } of [
      { readers: 5, othersWait: false },
      { readers: 1, othersWait: true },
    ]) {
      const { looks } = aRun({ readers, lagging: 1 });
      const held = looks(200, othersWait).filter(Boolean).length;
      assert.equal(held, 2000 / LOOK_MS);
    }
  });

  it('wakes its readers now and then, not for every message', () => {
    const { run, told, give, looks } = aRun({ readers: 3, lagging: 0 });
    assert.equal(told.woken, 0);
    looks(1, false);
    assert.equal(told.woken, 3);
    looks(10, false);
    assert.equal(told.woken, 3);
    give(100, 150);
    looks(1, false);
    assert.equal(told.woken, 6);
    run.end();
    assert.deepEqual([told.left, told.woken, run.readers.size], [3, 9, 0]);
  });
});

describe('a reading', () => {
  it('fails if it comes to the live log’s head and finds another message there', () => {
    const { run, told, give } = aRun({ readers: 1, lagging: 0 });
    give(100, 199);
    assert.equal(run.isThrough, false);
    run.event(makeEvent('other'), { ...at(199), digest: 1 });
    assert.deepEqual(told.failed, ['the stream has another message than the one that came live']);
  });

  it('fails if an event can’t be taken: there would be a hole', () => {
    const { run, told } = aRun({ readers: 1, lagging: 0 });
    run.event(makeEvent('again'), at(50));
    assert.equal(told.failed.length, 1);
  });

  it('takes what the live log takes from where they meet, and nothing before', () => {
    const { run, give } = aRun({ readers: 1, lagging: 0 });
    const head = () => run.locate('', 'acme')?.log.head;
    const before = head();
    run.liveEvent(makeEvent('e200'), at(200));
    assert.equal(head(), before);
    give(100, 200);
    assert.equal(run.isThrough, true);
    const met = head() ?? 0;
    run.liveEvent(makeEvent('e200'), at(200));
    run.livePassed(at(202));
    assert.equal(head(), met + 3);
  });
});
