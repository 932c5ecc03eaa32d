import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FloodLimits } from '../../src/connection/flood.js';
import type { Audience } from '../../src/log/event.js';
import { ENDINGS } from '../../src/protocol/endings.js';
import { manualClock } from '../support/clock.js';
import { cursorOf } from '../support/messages.js';
import { type Client, forTopic, forUser, rig, token } from './rig.js';

describe('the hub, asked for a new connection', () => {
  it('sends it away until the feed was there for the first time and has caught up', async () => {
    const r = rig({ attached: false });
    const { wire } = r.open();
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'error over_capacity']);
    assert.equal(wire.ending, ENDINGS.noFeed);
    r.hub.attached('first', null);
    const early = r.open();
    await r.settle();
    assert.equal(early.wire.ending, ENDINGS.noFeed);
    // A loss while it catches up changes nothing about that.
    r.hub.lost('cut');
    r.hub.attached('unbroken', null);
    assert.deepEqual(r.hub.feed, { kind: 'never' });
    r.hub.caughtUp();
    const later = await r.enter();
    assert.deepEqual(later.wire.story, ['hello', 'connected']);
  });

  it('takes it while the feed is lost, and says that the pod is stale', async () => {
    const r = rig();
    r.hub.lost('test');
    const { wire } = await r.enter();
    assert.equal(wire.messages[1]?.stale, true);
  });

  it('sends it away when too many have not presented a token yet', async () => {
    const r = rig({ limits: { maxUnauthenticated: 2 } });
    const [a, b] = [r.open(), r.open()];
    const third = r.open();
    await r.settle();
    assert.deepEqual(third.wire.story, ['hello', 'error over_capacity']);
    assert.equal(third.wire.ending, ENDINGS.overCapacity);
    third.connection.closed();
    a.send({ access_token: token(r.clock) });
    await r.settle();
    const fourth = r.open();
    await r.settle();
    assert.deepEqual([b.wire.ending, fourth.wire.ending], [null, null]);
    assert.equal(r.hub.size.unauthenticated, 2);
  });

  it('counts nobody whom it has refused, however long the goodbye takes', async () => {
    const r = rig({ limits: { maxUnauthenticated: 2 } });
    const waiting = [r.open(), r.open()];
    for (let i = 0; i < 5; i++) r.open();
    for (const { send } of waiting) send({ access_token: token(r.clock) });
    await r.settle();
    assert.equal(r.hub.size.unauthenticated, 0);
    assert.equal(r.open().wire.ending, null);
  });

  it('gives its place free when it goes', async () => {
    const r = rig({ limits: { maxUnauthenticated: 1 } });
    r.open().connection.closed();
    const next = r.open();
    await r.settle();
    assert.equal(next.wire.ending, null);
  });
});

describe('the hub, handed an event', () => {
  it('wakes those whom it concerns and nobody else', async () => {
    const r = rig();
    const own = await r.enter();
    const tab = await r.enter();
    const user = await r.enter({ user: '8' });
    const topic = await r.enter({ user: '9' }, { subscribe: ['t.*'] });
    const foreign = await r.enter({ tenant: 'other' }, { subscribe: ['t.*'] });
    r.publish('user', forUser('7'));
    r.publish('topic', forTopic('t.1'));
    r.publish('tenant', { kind: 'tenant', tenant: 'acme' });
    r.publish('all', { kind: 'all' });
    r.publish('user', forUser('7', 'other'));
    await r.settle();
    const events = ({ wire }: Client) => wire.story.slice(2);
    assert.deepEqual(events(own), ['event user', 'event tenant', 'event all']);
    assert.deepEqual(events(tab), events(own));
    assert.deepEqual(events(user), ['event tenant', 'event all']);
    assert.deepEqual(events(topic), ['event topic', 'event tenant', 'event all']);
    assert.deepEqual(events(foreign), ['event all', 'event user']);
  });

  it('delivers it once to a connection that it concerns in several ways', async () => {
    const r = rig();
    const { wire } = await r.enter({}, { subscribe: ['t', 't.#', '*'] });
    r.publish('a', { kind: 'some', tenant: 'acme', users: ['7'], topics: ['t', 't.1'] });
    await r.settle();
    assert.deepEqual(wire.story.slice(2), ['event a']);
  });

  it('counts what became of it', async () => {
    const r = rig();
    r.publish('a', forUser('7'), '1');
    r.publish('a', forUser('7'), '1');
    r.publish('a', forUser('7'), '2');
    r.publish('b', forUser('7'), '1', r.clock.wall() - 1);
    const outcomes = ['appended', 'duplicate', 'conflict', 'expired'];
    assert.deepEqual(
      outcomes.map(outcome => r.count('events_received_total', outcome)),
      [1, 1, 1, 1],
    );
  });
});

describe('the hub, with a bug in sending to one', () => {
  it('ends that connection, says so in the log, and serves all others', async () => {
    const r = rig();
    const [before, broken, behind] = [await r.enter(), await r.enter(), await r.enter()];
    broken.wire.onWrite = () => {
      throw new Error('broken');
    };
    let errors: string[] = [];
    behind.wire.onWrite = () => {
      errors = r.errors.splice(0);
    };
    r.publish('for all', { kind: 'tenant', tenant: 'acme' });
    await r.settle();
    for (const { wire } of [before, behind]) assert.deepEqual(wire.story.slice(2), ['event for all']);
    assert.equal(broken.wire.terminated, true);
    assert.deepEqual(errors, ['sending failed, a bug in Warren; connection terminated: Error: broken']);
  });
});

describe('the hub, flooded by a tenant', () => {
  const WHOLE = { kind: 'tenant', tenant: 'acme' } as const;
  const LIMITS: FloodLimits = { times: 2, waiting: 2, windowMs: 1, visits: 1, visitMs: Infinity };

  /** Two, to one of whom something was sent, for so long that as much came meanwhile as before. */
  async function flooded(audience: Audience = WHOLE) {
    const r = rig({ flood: LIMITS });
    const clients = [await r.enter({ user: '7' }), await r.enter({ user: '8' })] as const;
    const [first] = clients;
    first.wire.onWrite = () => {
      first.wire.onWrite = () => {};
      r.clock.advance(5);
      r.publish('third', audience);
    };
    r.publish('first', audience);
    r.clock.advance(5);
    r.publish('second', audience);
    r.flush();
    assert.equal(r.hub.size.waiting, 2);
    return { r, clients };
  }

  it('lets it pause, and then sends what has come', async () => {
    const { r, clients } = await flooded();
    assert.deepEqual(clients[1].wire.story.slice(2), []);
    r.clock.advance(100);
    r.flush();
    for (const { wire } of clients)
      assert.deepEqual(wire.story.slice(2, 5), ['event first', 'event second', 'event third']);
  });

  it('does not take one event that concerns somebody twice for two', async () => {
    // Three in eight milliseconds, of which sending to one takes five: it's a flood from 1.9 times what can be sent on.
    for (const [times, waiting] of [
      [2, 0],
      [1.8, 2],
    ] as const) {
      const r = rig({ flood: { ...LIMITS, times } });
      const subscribe = ['orders.*', 'orders.#'];
      for (const user of ['7', '8', '9']) {
        const { wire } = await r.enter({ user }, { subscribe });
        wire.onWrite = () => r.clock.advance(5);
      }
      r.publish('first', forTopic('orders.1'));
      r.clock.advance(8);
      r.publish('second', forTopic('orders.1'));
      r.flush();
      assert.equal(r.hub.size.waiting, waiting);
    }
  });

  it('counts events for everybody as well', async () => {
    const { r } = await flooded({ kind: 'all' });
    assert.equal(r.hub.size.waiting, 2);
  });

  it('lets no pause hold back what is about to expire', async () => {
    for (const audience of [forUser('7'), WHOLE, { kind: 'all' } as const]) {
      const { r, clients } = await flooded();
      r.publish('urgent', audience, '1', r.clock.wall() + 50);
      r.flush();
      assert.ok(clients[0].wire.story.includes('event urgent'), audience.kind);
    }
  });
});

describe('the hub, when its feed comes and goes', () => {
  it('tells everybody: stale, no longer stale, then the resync, then events', async () => {
    const r = rig();
    const { wire } = await r.enter();
    r.publish('a');
    r.hub.lost('test');
    await r.settle();
    r.hub.attached('gap', null);
    r.publish('b');
    await r.settle();
    assert.deepEqual(wire.story.slice(2), [
      'event a',
      'stale true',
      'stale false',
      'resync feed_gap',
      'event b',
    ]);
  });

  it('keeps that order for a connection that lags', async () => {
    const r = rig();
    const { wire } = await r.enter();
    wire.takes = false;
    r.publish('a');
    r.flush();
    r.publish('b');
    r.hub.lost('test');
    r.hub.attached('gap', null);
    r.publish('c');
    wire.takes = true;
    wire.release();
    await r.settle();
    const story = ['event a', 'event b', 'stale true', 'stale false', 'resync feed_gap', 'event c'];
    assert.deepEqual(wire.story.slice(2), story);
  });

  it('asks nobody to resync when nothing can have been missed', async () => {
    const r = rig();
    const { wire } = await r.enter();
    r.hub.lost('test');
    r.hub.attached('unbroken', null);
    r.publish('a');
    await r.settle();
    assert.deepEqual(wire.story.slice(2), ['stale true', 'stale false', 'event a']);
  });

  it('begins a new epoch for a gap without a loss, and says nothing of staleness', async () => {
    const r = rig();
    const { wire } = await r.enter();
    r.hub.attached('gap', null);
    await r.settle();
    assert.deepEqual(wire.story.slice(2), ['resync feed_gap']);
  });

  it('spreads the state fetches that a resync causes', async () => {
    const numbers = [0.5, 0.25];
    const r = rig({ random: () => numbers.shift() ?? 0 });
    const { wire } = await r.enter();
    r.hub.attached('gap', null);
    await r.settle();
    assert.equal(wire.messages.at(-1)?.delayMs, 250);
  });

  it('resumes on another pod what its cursors say, and nothing twice afterwards', async () => {
    const clock = manualClock();
    const [one, two] = [rig({ clock, firstEpoch: 1 }), rig({ clock, firstEpoch: 1000 })];
    const both = (id: string) => {
      for (const pod of [one, two]) {
        pod.publish(id);
        pod.hub.covered(clock.wall(), clock.wall());
      }
    };
    const first = await one.enter();
    for (let i = 0; i < 40; i++) {
      clock.advance(500);
      first.connection.alive();
      both(`${i}`);
      await one.settle();
    }
    const cursor = cursorOf(first.wire.messages.at(-1));
    const seen = new Set(first.wire.story);
    first.connection.closed();
    clock.advance(500);
    both('missed-1');
    both('missed-2');
    const { wire } = await two.enter({}, { cursor });
    assert.equal(wire.messages[1]?.resume, 'resumed');
    assert.equal(wire.messages[1]?.cursor, cursor);
    const events = wire.story.slice(2);
    assert.deepEqual(events.slice(-2), ['event missed-1', 'event missed-2']);
    for (const repeated of events.slice(0, -2)) assert.ok(seen.has(repeated), repeated);
  });
});

describe('the valve', () => {
  it('keeps the backlog at the broker while somebody who could be served has waited for more than 500 ms', async () => {
    const r = rig();
    await r.enter();
    r.publish('a', forUser('7'));
    // Its turn of the event loop doesn't come: what comes in takes all the time.
    r.clock.advance(700);
    assert.deepEqual(r.holds, [true]);
    assert.ok(r.hub.isHeld);
    await r.settle();
    r.clock.advance(100);
    assert.deepEqual(r.holds, [true, false]);
  });

  it('does not wait for clients that catch up with what they missed', async () => {
    const r = rig({ log: { maxEvents: 10_000, maxBytes: 64 * 2 ** 20 } });
    const first = await r.enter();
    const cursor = cursorOf(first.wire.messages.at(-1));
    first.connection.closed();
    for (let i = 0; i < 3000; i++) r.publish(`${i}`, forUser('7'), `"${'x'.repeat(1000)}"`);
    await r.settle();
    const { wire, send } = r.open();
    wire.takes = false;
    send({ access_token: token(r.clock), cursor });
    for (let ms = 0; ms < 2000; ms += 100) {
      await r.settle();
      r.clock.advance(100);
      if (wire.isWriting) wire.release();
    }
    const { length } = wire.story;
    assert.ok(length > 500 && length < 3000, `it takes what it is given, and is not through: ${length}`);
    assert.deepEqual(r.holds, []);
  });

  it('does not wait for clients that are owed nothing of what comes in', async () => {
    const r = rig();
    for (let i = 0; i < 10; i++) await r.enter({ user: `${i}` });
    for (let ms = 0; ms < 2000; ms += 100) {
      for (let i = 0; i < 100; i++) r.publish(`${ms}-${i}`, forUser('7', 'other'));
      await r.settle();
      r.clock.advance(100);
    }
    assert.deepEqual(r.holds, []);
  });

  it('does not wait for a client that takes nothing', async () => {
    const r = rig();
    const { wire } = await r.enter();
    wire.takes = false;
    for (let i = 0; i < 10; i++) r.publish(`${i}`, forUser('7'));
    for (let ms = 0; ms < 2000; ms += 100) {
      await r.settle();
      r.clock.advance(100);
    }
    assert.deepEqual(r.holds, []);
  });

  it('is open after a loss of the feed, whose new attachment knows nothing of it', async () => {
    const r = rig();
    await r.enter();
    r.publish('a', forUser('7'));
    r.clock.advance(700);
    r.hub.lost('test');
    r.hub.attached('gap', null);
    assert.ok(!r.hub.isHeld);
    await r.settle();
  });
});
