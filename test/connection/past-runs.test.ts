import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ENDINGS } from '../../src/protocol/endings.js';
import { events, type PastRig, pastRig } from './past-rig.js';
import type { Client } from './rig.js';

/** Longer than the two looks, of the run and of who waits, with their ticks. */
const SOON = 120;

const story = ({ wire }: Client) => wire.story.slice(2);
const isIn = ({ wire }: Client) => wire.messages[1]?.resume === 'resumed';

/** Reads to the end whatever is being read, and so on until nobody is in the past. */
async function readAll(r: PastRig): Promise<void> {
  for (let i = 0; r.hub.size.pastClients > 0; i++) {
    assert.ok(i < 20, 'there is an end');
    await r.pass(SOON);
    r.read().give();
    await r.pass(SOON);
  }
}

describe('one reading of the past', () => {
  it('is for all who wait when it begins, from where the one stands that stands furthest back', async () => {
    const r = pastRig({ limits: { maxUnauthenticated: 1000 } });
    r.many(100);
    const clients = [];
    for (let i = 0; i < 50; i++) clients.push(await r.back(20 + ((i * 7) % 50)));
    await r.pass(SOON);
    assert.deepEqual(
      r.reads.map(({ from }) => from),
      [20],
    );
    await readAll(r);
    clients.forEach((client, i) => assert.deepEqual(story(client), events(21 + ((i * 7) % 50), 100)));
    assert.equal(r.reads.length, 1);
  });

  it('is held until those are let in whose place has come', async () => {
    const r = pastRig();
    r.many(100);
    await r.back(9);
    const second = await r.back(30);
    await r.pass(SOON);
    r.read().give(10);
    await r.pass(SOON);
    assert.equal(r.read().held, false);
    r.read().give(15);
    r.clock.advance(15);
    assert.equal(isIn(second), false);
    r.clock.advance(30);
    const wasHeld = r.read().held;
    await r.pass(SOON);
    assert.ok(wasHeld || isIn(second));
    assert.equal(isIn(second), true);
    assert.equal(r.read().held, false);
  });

  it('takes in who comes later, if its place is there or still to come', async () => {
    const r = pastRig();
    r.many(100);
    const first = await r.back(9);
    await r.pass(SOON);
    r.read().give(30);
    await r.pass(SOON);
    const [there, ahead] = [await r.back(25), await r.back(60)];
    await r.pass(SOON);
    assert.deepEqual([isIn(there), isIn(ahead)], [true, false]);
    assert.deepEqual(story(there), events(26, 39));
    r.read().give();
    await r.pass(SOON);
    assert.deepEqual(story(ahead), events(61, 100));
    assert.deepEqual(story(there), events(26, 100));
    assert.deepEqual(story(first), events(10, 100));
    assert.equal(r.reads.length, 1);
  });

  it('doesn’t go back for who comes later from further back: the next one is for those', async () => {
    const r = pastRig();
    r.many(100);
    const first = await r.back(50);
    await r.pass(SOON);
    r.read().give(10);
    await r.pass(SOON);
    const [second, third] = [await r.back(9), await r.back(11)];
    await r.pass(SOON);
    assert.equal(r.reads.length, 1);
    r.read().give();
    await r.pass(SOON);
    assert.deepEqual(story(first), events(51, 100));
    await r.pass(SOON);
    assert.deepEqual(
      r.reads.map(({ from, stopped }) => [from, stopped]),
      [
        [50, true],
        [9, false],
      ],
    );
    await readAll(r);
    assert.deepEqual(story(second), events(10, 100));
    assert.deepEqual(story(third), events(12, 100));
  });

  it('takes in nobody any more when somebody has waited for the next one for two seconds', async () => {
    const r = pastRig();
    r.many(100);
    await r.back(50);
    await r.pass(SOON);
    r.read().give(10);
    await r.pass(SOON);
    const waits = await r.back(9);
    await r.pass(1500);
    const joins = await r.back(55);
    await r.pass(SOON);
    assert.equal(isIn(joins), true);
    await r.pass(500);
    const late = await r.back(55);
    await r.pass(SOON);
    assert.equal(isIn(late), false);
    await readAll(r);
    assert.deepEqual(
      r.reads.map(({ from }) => from),
      [50, 9],
    );
    assert.deepEqual(story(waits), events(10, 100));
    assert.deepEqual(story(late), events(56, 100));
  });

  it('makes way for those who wait, once there is nobody left in it but the slow', async () => {
    const r = pastRig();
    r.many(100);
    const slow = await r.back(50);
    await r.pass(SOON);
    r.read().give(1);
    slow.wire.takes = false;
    await r.pass(SOON);
    r.read().give();
    await r.pass(5000);
    assert.equal(r.hub.size.pastRuns, 1, 'nobody waits');
    const waits = await r.back(9);
    await r.pass(2200);
    assert.deepEqual(
      r.reads.map(({ from }) => from),
      [50, 9],
    );
    r.read().give();
    await r.pass(SOON);
    assert.deepEqual(story(waits), events(10, 100));
    slow.wire.takes = true;
    slow.wire.release();
    await r.pass(SOON);
    r.next();
    await r.settle();
    assert.deepEqual(slow.wire.story, ['hello', 'connected', 'resync evicted', 'event e100']);
    assert.deepEqual([r.hub.size.pastClients, r.hub.size.pastRuns], [0, 0]);
  });

  it('gives way when one that stands far back would take the others’ time', async () => {
    const r = pastRig();
    r.many(200);
    const far = await r.back(9);
    const near = [await r.back(180), await r.back(181), await r.back(182)];
    await r.pass(SOON);
    for (let i = 0; i < 19; i++) {
      r.read().give(4);
      await r.pass(SOON);
    }
    assert.equal(isIn(far), true);
    assert.deepEqual(
      r.reads.map(({ from, stopped }) => [from, stopped]),
      [
        [9, true],
        [180, false],
      ],
    );
    await readAll(r);
    r.next();
    await r.settle();
    assert.deepEqual(story(far).slice(-2), ['resync evicted', 'event e200']);
    near.forEach((client, i) => assert.deepEqual(story(client), events(181 + i, 201)));
  });

  it('does not give way to fewer than it is for, nor when the stream is slow to begin', async () => {
    const r = pastRig();
    r.many(200);
    const far = [await r.back(9), await r.back(10)];
    const near = await r.back(180);
    await r.pass(3000);
    for (let i = 0; i < 20; i++) {
      r.read().give(4);
      await r.pass(SOON);
    }
    assert.equal(r.reads.length, 1);
    await readAll(r);
    far.forEach((client, i) => assert.deepEqual(story(client), events(10 + i, 200)));
    assert.deepEqual(story(near), events(181, 200));
  });

  it('is held while the live feed is', async () => {
    const r = pastRig();
    const live = await r.enter();
    r.many(30);
    await r.back(9, { user: '8' });
    await r.pass(SOON);
    r.read().give(5);
    await r.pass(SOON);
    assert.equal(r.read().held, false);
    r.next();
    // Nobody gets a turn all the while.
    r.clock.advance(800);
    assert.deepEqual([r.hub.isHeld, r.read().held], [true, true]);
    await r.pass(1000);
    assert.deepEqual([r.hub.isHeld, r.read().held], [false, false]);
    assert.equal(live.wire.story.at(-1), 'event e30');
  });

  it('is let go of, and so are those who wait, with the clients that leave', async () => {
    const r = pastRig();
    r.many(100);
    const [parked, reading, draining] = [await r.back(50), await r.back(9), await r.back(60)];
    await r.pass(SOON);
    r.read().give(5);
    await r.pass(SOON);
    assert.equal(r.hub.size.pastClients, 3);
    parked.connection.closed();
    assert.equal(r.hub.size.pastClients, 2);
    draining.connection.drain(0);
    await r.settle();
    assert.equal(draining.wire.ending, ENDINGS.goingAway);
    assert.equal(r.hub.size.pastClients, 1);
    assert.equal(r.read().stopped, false);
    reading.connection.closed();
    assert.equal(r.read().stopped, true);
    draining.connection.closed();
    const left = Object.values(r.hub.size).filter(n => typeof n === 'number' && n > 0);
    assert.deepEqual(left, []);
    r.read().give();
    await r.pass(SOON);
    r.hub.stop();
    await r.pass(5000);
    assert.deepEqual(r.clock.pending(), []);
  });

  it('that nobody is there for any more isn’t begun', async () => {
    const r = pastRig();
    r.many(100);
    const client = await r.back(9);
    client.connection.closed();
    await r.pass(1000);
    assert.deepEqual(r.reads, []);
  });
});
