import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BroadcastLimits, Broadcasts, type Recipient } from '../../src/connection/broadcasts.js';
import { type Crowd, EVERYBODY } from '../../src/connection/turn.js';
import type { Audience } from '../../src/log/event.js';
import { manualClock } from '../support/clock.js';
import { type Client, forTopic, forUser, rig as hubRig } from './rig.js';

const MS = 25;

/** Broadcasts whose crowds are served when the test says so, on a clock that is moved by hand. */
function rig(ms = MS) {
  const clock = manualClock(0);
  const log = { head: 0, endangeredBefore: 0 };
  const crowds: Crowd[] = [];
  const told: string[] = [];
  const broadcasts = new Broadcasts({ clock, ms, log, schedule: crowd => void crowds.push(crowd) });
  /** One who has got as far as the log goes with each visit. */
  function member(name: string): Recipient {
    let position = 0;
    return {
      turn: 'acme',
      waitsSince: null,
      told: place => position < place,
      visit() {
        position = log.head;
        told.push(`${name} ${clock.monotonic()}`);
        return false;
      },
    };
  }
  function event(members: ReadonlySet<Recipient>, tenant = 'acme', mayWait = true): void {
    log.head++;
    broadcasts.tell(tenant, members, mayWait);
    broadcasts.hurry();
  }
  /** Looks at so many members of those crowds that have been handed on, in order. */
  function serve(looks = Infinity): void {
    for (let left = looks; left > 0 && crowds.length > 0; left--) {
      const [crowd] = crowds;
      crowd?.next()?.visit();
      if (crowd?.isOver === true) crowds.shift();
    }
  }
  return { clock, log, broadcasts, member, event, serve, told, crowds };
}

describe('a broadcast', () => {
  it('goes at once if the tenant had none for a while', () => {
    const { clock, broadcasts, member, event, serve, told } = rig();
    const all = new Set([member('a'), member('b')]);
    event(all);
    serve();
    clock.advance(MS);
    event(all);
    serve();
    assert.deepEqual(told, ['a 0', 'b 0', `a ${MS}`, `b ${MS}`]);
    clock.advance(MS);
    assert.equal(broadcasts.size, 0);
    assert.deepEqual(clock.pending(), []);
  });

  it('waits if it just had one, and takes along what else comes until then', () => {
    const { clock, broadcasts, member, event, serve, told } = rig();
    const all = new Set([member('a')]);
    for (let ms = 0; ms < 100; ms += 10) {
      event(all);
      serve();
      clock.advance(10);
      serve();
    }
    assert.deepEqual(told, ['a 0', 'a 30', 'a 50', 'a 80', 'a 100']);
    clock.advance(MS);
    assert.equal(broadcasts.size, 0);
    assert.deepEqual(clock.pending(), []);
  });

  it('begins together with the others of its tenant, and whom one has met the next leaves alone', () => {
    const { clock, member, event, serve, told } = rig();
    const [a, b, c] = [member('a'), member('b'), member('c')];
    const [some, others] = [new Set([a, b]), new Set([b, c])];
    event(some);
    serve();
    event(some);
    event(others);
    serve();
    assert.deepEqual(told.splice(0), ['a 0', 'b 0']);
    clock.advance(MS);
    serve();
    assert.deepEqual(told, ['a 25', 'b 25', 'c 25']);
  });

  it('that takes along a later event is told to those too who have only got the first meanwhile', () => {
    const { clock, member, event, serve, told } = rig();
    const [a, b] = [member('a'), member('b')];
    const all = new Set([a, b]);
    event(all);
    serve();
    event(all);
    a.visit();
    event(all);
    told.length = 0;
    clock.advance(MS);
    serve();
    assert.deepEqual(told, ['a 25', 'b 25']);
  });

  it('does not wait for another tenant', () => {
    const { member, event, serve, told } = rig();
    event(new Set([member('a')]), 'acme');
    event(new Set([member('b')]), 'globex');
    serve();
    assert.deepEqual(told, ['a 0', 'b 0']);
  });

  it('is told again to those who were met before it came, and not to those who will be', () => {
    const { log, broadcasts, member, event, serve, told, crowds } = rig(0);
    const all = new Set([member('a'), member('b'), member('c')]);
    event(all);
    event(all);
    assert.equal(crowds.length, 1, 'nobody had been told of the first');
    serve(1);
    event(all);
    assert.equal(crowds.length, 2);
    assert.equal(broadcasts.oldestOf('acme'), 1);
    serve(2);
    assert.equal(broadcasts.oldest, 1, 'the end is still to be found');
    serve();
    assert.deepEqual(told, ['a 0', 'b 0', 'c 0', 'a 0']);
    assert.equal(log.head, 3);
    assert.equal(broadcasts.oldestOf('acme'), Infinity);
  });

  it('reaches nobody who has gone, nor fails for those who come meanwhile', () => {
    const { member, event, serve, told } = rig();
    const [a, b, late] = [member('a'), member('b'), member('late')];
    const all = new Set([a, b]);
    event(all);
    serve(1);
    all.delete(b);
    all.delete(a);
    all.add(late);
    late.visit();
    told.length = 0;
    serve();
    assert.deepEqual(told, []);
  });

  it('ends although members come back all the time', () => {
    const { member, event, serve, told, broadcasts } = rig(0);
    const members = Array.from({ length: 10 }, (_, i) => member(`${i}`));
    const all = new Set(members);
    event(all);
    for (let i = 0; i < 30; i++) {
      serve(1);
      for (const one of members.slice(0, 5)) {
        all.delete(one);
        all.add(one);
      }
    }
    for (const name of ['5', '6', '7', '8', '9']) assert.ok(told.includes(`${name} 0`));
    assert.equal(broadcasts.oldest, Infinity);
  });

  it('to everybody counts for each tenant', () => {
    const { member, event, serve, broadcasts, log } = rig(0);
    event(new Set([member('a')]), 'acme');
    event(new Set([member('a'), member('b')]), EVERYBODY);
    assert.equal(broadcasts.oldestOf('acme'), 1);
    assert.equal(broadcasts.oldestOf('globex'), 2);
    assert.equal(log.head, 2);
    serve();
    assert.equal(broadcasts.oldestOf('acme'), Infinity);
    assert.equal(broadcasts.oldestOf('globex'), Infinity);
  });

  it('does not wait until the log has lost it', () => {
    const { log, member, event, serve, told, broadcasts } = rig();
    const all = new Set([member('a')]);
    event(all);
    serve();
    event(all);
    const waits = log.head;
    log.endangeredBefore = waits - 1;
    event(all);
    serve();
    assert.equal(told.length, 1);
    log.endangeredBefore = waits;
    event(all);
    serve();
    assert.equal(told.length, 2);
    assert.equal(broadcasts.oldest, Infinity);
  });

  it('does not wait if it may not, and takes along what does', () => {
    const { member, event, serve, told, broadcasts, clock } = rig();
    const [a, b] = [member('a'), member('b')];
    event(new Set([a]));
    event(new Set([b]));
    serve();
    assert.deepEqual(told.splice(0), ['a 0']);
    event(new Set([a]), 'acme', false);
    serve();
    assert.deepEqual(told, ['b 0', 'a 0']);
    clock.advance(MS);
    assert.equal(broadcasts.size, 0);
    assert.deepEqual(clock.pending(), []);
  });

  it('never waits if the wait is 0', () => {
    const { member, event, serve, told, clock } = rig(0);
    const all = new Set([member('a')]);
    event(all);
    serve();
    event(all);
    serve();
    assert.deepEqual(told, ['a 0', 'a 0']);
    assert.deepEqual(clock.pending(), []);
  });

  it('leaves no timer behind when it is stopped', () => {
    const { clock, member, event, broadcasts } = rig();
    const all = new Set([member('a')]);
    event(all);
    event(all);
    broadcasts.stop();
    assert.deepEqual(clock.pending(), []);
  });
});

describe('connections that get a broadcast', () => {
  const acme: Audience = { kind: 'tenant', tenant: 'acme' };
  const set = (broadcast: Omit<BroadcastLimits, 'leastInOne'>, log = {}) =>
    hubRig({ broadcast: { ...broadcast, leastInOne: 1 }, log, random: () => 0.5 });

  it('get the first event at once and those that follow in one write; a reply takes them along', async () => {
    const r = set({ ms: MS, least: 1 });
    const { wire, send } = await r.enter();
    const publish = (id: string) => r.publish(id, forUser('7'));
    publish('e1');
    await r.settle();
    assert.deepEqual(wire.story.slice(2), ['event e1']);
    r.clock.advance(10);
    publish('e2');
    publish('e3');
    await r.settle();
    assert.deepEqual(wire.story.slice(2), ['event e1']);
    assert.notEqual(r.hub.size.broadcasts, 0);
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
    assert.equal(r.hub.size.broadcasts, 0);
  });

  it('get an event of their own at once, and before it what they have not been told of', async () => {
    const r = set({ ms: MS, least: 2 });
    const one = await r.enter();
    await r.enter({ user: '8' });
    for (const id of ['e1', 'e2']) {
      r.publish(id, acme);
      await r.settle();
    }
    r.publish('of others', forUser('9'));
    assert.deepEqual(one.wire.story.slice(2), ['event e1']);
    r.publish('e3', forUser('7'));
    await r.settle();
    assert.deepEqual(one.wire.story.slice(2), ['event e1', 'event e2', 'event e3']);
    const writes = one.wire.writes.length;
    r.clock.advance(2 * MS);
    await r.settle();
    assert.equal(one.wire.writes.length, writes, 'nobody is visited for what he has');
  });

  it('get it with their next ping, whose cursor has passed it', async () => {
    const r = set({ ms: 60_000, least: 1 });
    const { wire, send } = await r.enter();
    r.publish('e1', acme);
    await r.settle();
    r.publish('e2', acme);
    await r.settle();
    send({ ping: true });
    await r.settle();
    assert.deepEqual(wire.story.slice(2), ['event e1', 'event e2', 'ping']);
  });

  it('get it though they subscribed by pattern, and twice', async () => {
    const r = set({ ms: 0, least: 2 });
    const both = [
      await r.enter({}, { subscribe: ['a.*', 'a.b'] }),
      await r.enter({}, { subscribe: ['a.*'] }),
    ];
    r.publish('e1', forTopic('a.b'));
    await r.settle();
    for (const { wire } of both) assert.deepEqual(wire.story.slice(2), ['event e1']);
  });

  it('get it though each tenant, or topic, is few', async () => {
    const r = hubRig({ broadcast: { ms: 60_000, least: 4, leastInOne: 2 } });
    const clients: Client[] = [];
    for (const tenant of ['acme', 'acme', 'globex', 'globex']) {
      clients.push(await r.enter({ tenant }, { subscribe: ['a', 'b'] }));
    }
    const publish = async (id: string, audience: Audience) => {
      r.publish(id, audience);
      await r.settle();
    };
    const stories = () =>
      clients.map(({ wire }) => wire.story.slice(2).map(one => one.slice('event '.length)));
    await publish('1', { kind: 'all' });
    await publish('2', { kind: 'all' });
    assert.deepEqual(stories(), [['1'], ['1'], ['1'], ['1']], 'the second waits');
    const both: Audience = { kind: 'some', tenant: 'acme', users: [], topics: ['a', 'b'] };
    await publish('3', both);
    await publish('4', both);
    assert.deepEqual(stories().slice(0, 2), [
      ['1', '2', '3'],
      ['1', '2', '3'],
    ]);
    await publish('5', forTopic('a', 'globex'));
    assert.deepEqual(stories()[2], ['1', '2', '5'], 'for two only it is none, and takes along what waits');
  });

  it('get it before the resync of a gap that came before they were told', async () => {
    const r = set({ ms: MS, least: 1 });
    const { wire } = await r.enter();
    r.publish('e1', acme);
    await r.settle();
    r.publish('e2', acme);
    r.hub.lost('a test');
    r.hub.attached('gap', null);
    r.publish('e3', acme);
    r.clock.advance(MS);
    await r.settle();
    const events = wire.story.filter(one => /^(?:event|resync)/.test(one));
    assert.deepEqual(events, ['event e1', 'event e2', 'resync feed_gap', 'event e3']);
  });

  it('get at once what would have expired by then', async () => {
    const r = set({ ms: MS, least: 1 });
    const { wire } = await r.enter();
    r.publish('e0', acme);
    await r.settle();
    for (const [id, ttl] of [
      ['e1', 1000],
      ['e2', MS + 1],
      ['e3', MS],
    ] as const) {
      r.publish(id, forUser('7'), '1', r.clock.wall() + ttl);
      await r.settle();
      if (id === 'e2') assert.deepEqual(wire.story.slice(2), ['event e0']);
    }
    assert.deepEqual(wire.story.slice(2), ['event e0', 'event e1', 'event e2', 'event e3']);
  });

  it('do not fall off a log that is soon full', async () => {
    const r = set({ ms: MS, least: 1 }, { maxEvents: 8 });
    const { wire } = await r.enter();
    for (let i = 0; i < 30; i++) {
      r.publish(`e${i}`, forUser('7'));
      if (i % 3 === 0) r.flush();
    }
    r.clock.advance(MS);
    await r.settle();
    assert.equal(wire.story.filter(one => one.startsWith('event')).length, 30);
  });

  it('are few in each turn of the event loop, and events of other tenants pass them', async () => {
    const r = set({ ms: 0, least: 2 });
    const crowd = await Promise.all(Array.from({ length: 50 }, () => r.enter()));
    const other = await r.enter({ tenant: 'globex' });
    let before = 0;
    // Each write of the crowd takes 0.1 ms, so that there are about ten a turn.
    for (const { wire } of crowd) wire.onWrite = () => r.clock.stall(0.1);
    other.wire.onWrite = () => {
      before = crowd.filter(({ wire }) => wire.story.length > 2).length;
    };
    r.publish('for all', acme);
    r.publish('for one', forUser('7', 'globex'));
    await r.settle();
    assert.ok(before > 0 && before < 10, `${before} came before it`);
    for (const { wire } of crowd) assert.deepEqual(wire.story.slice(2), ['event for all']);
  });

  it('leave no timer behind when the process stops', async () => {
    const r = set({ ms: MS, least: 1 });
    const both = [await r.enter(), await r.enter()];
    r.publish('e1', acme);
    assert.equal(r.hub.size.broadcasts, 1);
    for (const { connection } of both) connection.closed();
    await r.settle();
    assert.ok(r.clock.pending().includes(MS));
    r.hub.stop();
    assert.ok(!r.clock.pending().includes(MS));
  });

  it('leave nothing behind when they close', async () => {
    const r = set({ ms: MS, least: 1 });
    const one = await r.enter();
    r.publish('e1', acme);
    one.connection.closed();
    await r.settle();
    r.clock.advance(MS);
    assert.equal(r.hub.size.broadcasts, 0);
  });
});
