import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { manualClock } from '../support/clock.js';
import { cursorOf } from '../support/messages.js';
import { forUser, makeEvent, rig } from './rig.js';
import { at, codec, cursorFor, podAt, take } from './stream-rig.js';

describe('the hub, with a feed that reads a stream', () => {
  it('goes on exactly on another pod: the overlap of RESUME_OVERLAP_MS is for queues', async () => {
    const clock = manualClock();
    const [one, two] = [rig({ clock }), rig({ clock, firstEpoch: 100 })];
    for (let offset = 0; offset < 10; offset++) {
      clock.advance(100);
      for (const r of [one, two]) take(r, offset);
    }
    const first = await one.enter();
    for (const r of [one, two]) take(r, 10);
    await one.settle();
    assert.deepEqual(first.wire.story, ['hello', 'connected', 'event e10']);
    for (const r of [one, two]) take(r, 11);
    const second = await two.enter({}, { cursor: cursorOf(first.wire.messages.at(-1)) });
    assert.deepEqual(second.wire.story, ['hello', 'connected', 'event e11']);
    const third = await one.enter({}, { cursor: cursorOf(second.wire.messages.at(-1)) });
    assert.deepEqual(third.wire.story, ['hello', 'connected']);
  });

  it('moves an idle client’s cursor on with each ping, past what is not for it', async () => {
    const r = podAt(3, { limits: { pingIntervalMs: 1000 } });
    const { wire } = await r.enter();
    for (let offset = 4; offset < 20; offset += 2) {
      take(r, offset, forUser('8'));
      r.hub.passed(at(offset + 1));
    }
    r.hub.covered(r.clock.wall(), r.clock.wall());
    r.clock.advance(600);
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'connected', 'ping']);
    const position = codec.open(cursorOf(wire.messages[2]));
    assert.ok(position?.kind === 'stream' && position.offset === 19);
    take(r, 25);
    await r.settle();
    assert.equal(wire.story.at(-1), 'event e25');
  });

  it('counts what is no event as received: dropped, not delivered', async () => {
    const r = podAt(3);
    const { wire } = await r.enter();
    r.hub.event(makeEvent('e3'), at(4));
    r.hub.event(makeEvent('late', forUser('7'), '1', r.clock.wall() - 1), at(5));
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'connected']);
    assert.equal(r.count('events_received_total', 'duplicate'), 1);
    assert.equal(r.count('events_received_total', 'expired'), 1);
    assert.equal(r.log.cursorAt(r.log.head, 0), cursorFor(5));
  });

  it('goes on where it was when nothing can have been missed', async () => {
    const r = podAt(3);
    const { wire } = await r.enter();
    r.hub.lost('test');
    r.hub.attached('unbroken', at(3));
    take(r, 4);
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'connected', 'stale true', 'stale false', 'event e4']);
    const back = await r.enter({}, { cursor: cursorFor(3) });
    assert.deepEqual(back.wire.story, ['hello', 'connected', 'event e4']);
  });

  it('begins anew behind the place that it is told after a gap', async () => {
    const r = podAt(3);
    const { wire } = await r.enter();
    r.hub.lost('test');
    r.hub.attached('gap', at(7));
    await r.settle();
    assert.deepEqual(wire.story.slice(2), ['stale true', 'stale false', 'resync feed_gap']);
    const position = codec.open(cursorOf(wire.messages.at(-1)));
    assert.ok(position?.kind === 'stream' && position.offset === 7);
    take(r, 8);
    const back = await r.enter({}, { cursor: cursorFor(7) });
    assert.deepEqual(back.wire.story, ['hello', 'connected', 'event e8']);
  });
});
