import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Linger } from '../../src/connection/linger.js';
import type { Visited } from '../../src/connection/scheduler.js';
import { manualClock } from '../support/clock.js';
import { rig as hubRig, forUser } from './rig.js';

const MS = 25;

/** Members that the scheduler visits as soon as they are scheduled, on a clock that is moved by hand. */
function rig(ms = MS) {
  const clock = manualClock(0);
  const log = { head: 0, endangeredBefore: 0 };
  const scheduled: string[] = [];
  const names = new Map<Visited, string>();
  const linger = new Linger({
    clock,
    ms,
    log,
    schedule(one) {
      scheduled.push(`${names.get(one)} ${clock.monotonic()}`);
      one.visitedAt = clock.monotonic();
    },
  });
  function member(name: string): Visited {
    const one = { turn: 'a', waitsSince: null, visitedAt: -Infinity, visit: () => false };
    names.set(one, name);
    return one;
  }
  /** An event for some. */
  function event(...whom: Visited[]): void {
    log.head++;
    linger.begin(clock.monotonic());
    for (const one of whom) linger.event(one);
    linger.hurry();
  }
  return { clock, log, linger, member, event, scheduled };
}

describe('who lingers', () => {
  it('nobody who has not been sent anything for a while', () => {
    const { clock, member, event, scheduled, linger } = rig();
    const one = member('a');
    event(one);
    clock.advance(MS);
    event(one);
    assert.deepEqual(scheduled, ['a 0', `a ${MS}`]);
    assert.equal(linger.size, 0);
  });

  it('who has just been: until then, once, however many events come', () => {
    const { clock, member, event, scheduled, linger } = rig();
    const one = member('a');
    for (let ms = 0; ms < 100; ms += 10) {
      event(one);
      clock.advance(10);
    }
    assert.deepEqual(scheduled, ['a 0', 'a 25', 'a 50', 'a 75', 'a 100']);
    assert.equal(linger.size, 0);
    assert.deepEqual(clock.pending(), []);
  });

  it('nobody for longer than the wait: all stop together', () => {
    const { clock, member, event, scheduled } = rig();
    const [a, b] = [member('a'), member('b')];
    event(b);
    clock.advance(10);
    event(a);
    clock.advance(5);
    event(b);
    event(a);
    clock.advance(MS);
    assert.deepEqual(scheduled, ['b 0', 'a 10', 'b 25', 'a 25']);
  });

  it('nobody whose events the log is about to lose, be they of the one who lingers longest', () => {
    const { log, clock, member, event, scheduled, linger } = rig();
    const [a, b] = [member('a'), member('b')];
    for (const round of [1, 2]) {
      scheduled.length = 0;
      event(a, b);
      event(a);
      const first = log.head;
      event(b);
      log.endangeredBefore = first - 1;
      event();
      assert.equal(linger.size, 2, `round ${round}`);
      log.endangeredBefore = first;
      event();
      assert.equal(scheduled.length, 4);
      assert.equal(linger.size, 0);
      assert.deepEqual(clock.pending(), []);
      clock.advance(MS);
    }
  });

  it('nobody who was visited meanwhile, or is gone; with the last of them goes the timer', () => {
    const { clock, member, event, scheduled, linger } = rig();
    const [a, b] = [member('a'), member('b')];
    event(a, b);
    event(a, b);
    linger.forget(a);
    assert.equal(clock.pending().length, 1);
    linger.forget(b);
    linger.forget(b);
    assert.deepEqual(clock.pending(), []);
    assert.deepEqual(scheduled, ['a 0', 'b 0']);
    clock.advance(10);
    event(b);
    clock.advance(15);
    assert.deepEqual(scheduled.slice(2), ['b 25']);
  });

  it('nobody who waits for a visit anyway', () => {
    const { member, event, scheduled, linger } = rig();
    const one = member('a');
    event(one);
    one.waitsSince = 0;
    event(one);
    assert.equal(linger.size, 0);
    assert.deepEqual(scheduled, ['a 0']);
  });

  it('nobody at all if the wait is 0', () => {
    const { member, event, scheduled } = rig(0);
    const one = member('a');
    event(one);
    event(one);
    assert.deepEqual(scheduled, ['a 0', 'a 0']);
  });

  it('leaves no timer behind when it is stopped', () => {
    const { clock, member, event, linger } = rig();
    const one = member('a');
    event(one);
    event(one);
    linger.stop();
    assert.deepEqual(clock.pending(), []);
  });
});

describe('a connection that lingers', () => {
  it('gets the first event at once and those that follow in one write; a reply takes them along', async () => {
    const r = hubRig({ linger: { ms: MS, least: 1 }, random: () => 0.5 });
    const { wire, send } = await r.enter();
    r.clock.advance(MS);
    const publish = (id: string) => r.publish(id, forUser('7'));
    publish('e1');
    await r.settle();
    assert.deepEqual(wire.story.slice(2), ['event e1']);
    r.clock.advance(10);
    publish('e2');
    publish('e3');
    await r.settle();
    assert.deepEqual(wire.story.slice(2), ['event e1']);
    assert.notEqual(r.hub.size.waiting, 0);
    const writes = wire.writes.length;
    r.clock.advance(MS);
    await r.settle();
    assert.deepEqual(wire.story.slice(2), ['event e1', 'event e2', 'event e3']);
    assert.equal(wire.writes.length, writes + 1);
    publish('e4');
    send({ subscribe: ['a'], ref: 1 });
    await r.settle();
    assert.deepEqual(wire.story.slice(5), ['event e4', 'reply 1']);
    r.clock.advance(2 * MS);
    await r.settle();
    assert.equal(wire.story.length, 7);
    assert.equal(r.hub.size.waiting, 0);
  });

  it('gets an event for few at once, and with it those that it lingered for', async () => {
    const r = hubRig({ linger: { ms: MS, least: 2 }, random: () => 0.5 });
    const one = await r.enter();
    await r.enter({ user: '8' });
    r.clock.advance(MS);
    for (const id of ['e1', 'e2']) {
      r.publish(id, { kind: 'tenant', tenant: 'acme' });
      await r.settle();
    }
    assert.deepEqual(one.wire.story.slice(2), ['event e1']);
    r.publish('e3', forUser('7'));
    await r.settle();
    assert.deepEqual(one.wire.story.slice(2), ['event e1', 'event e2', 'event e3']);
  });

  it('is not visited for nothing, so that its next event after that goes at once', async () => {
    const r = hubRig({ linger: { ms: MS, least: 2 }, random: () => 0.5 });
    const { wire } = await r.enter();
    await r.enter({ user: '8' });
    r.clock.advance(MS);
    const all = { kind: 'tenant', tenant: 'acme' } as const;
    for (const id of ['e1', 'e2']) {
      r.publish(id, all);
      await r.settle();
    }
    r.publish('e3', forUser('7'));
    await r.settle();
    r.clock.advance(MS);
    r.publish('e4', all);
    await r.settle();
    assert.deepEqual(wire.story.slice(2), ['event e1', 'event e2', 'event e3', 'event e4']);
  });

  it('gets at once what would have expired by then', async () => {
    const r = hubRig({ linger: { ms: MS, least: 1 }, random: () => 0.5 });
    const { wire } = await r.enter();
    for (const [id, ttl] of [
      ['e1', 1000],
      ['e2', MS + 1],
      ['e3', MS],
    ] as const) {
      r.publish(id, forUser('7'), '1', r.clock.wall() + ttl);
      await r.settle();
      if (id === 'e2') assert.deepEqual(wire.story.slice(2), []);
    }
    assert.deepEqual(wire.story.slice(2), ['event e1', 'event e2', 'event e3']);
  });

  it('does not fall off a log that is soon full', async () => {
    const r = hubRig({ linger: { ms: MS, least: 1 }, log: { maxEvents: 8 }, random: () => 0.5 });
    const { wire } = await r.enter();
    for (let i = 0; i < 30; i++) {
      r.publish(`e${i}`, forUser('7'));
      if (i % 3 === 0) r.flush();
    }
    r.clock.advance(MS);
    await r.settle();
    assert.equal(wire.story.filter(one => one.startsWith('event')).length, 30);
  });

  it('leaves nothing behind when it closes, and no timer when the process stops', async () => {
    const r = hubRig({ linger: { ms: MS, least: 1 }, random: () => 0.5 });
    const [one] = [await r.enter(), await r.enter()];
    r.publish('e1', { kind: 'tenant', tenant: 'acme' });
    assert.equal(r.hub.size.waiting, 2);
    one.connection.closed();
    assert.equal(r.hub.size.waiting, 1);
    assert.ok(r.clock.pending().includes(MS));
    r.hub.stop();
    assert.ok(!r.clock.pending().includes(MS));
  });
});
