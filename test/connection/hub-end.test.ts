import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ENDINGS } from '../../src/protocol/endings.js';
import { cursorOf } from '../support/messages.js';
import { type Client, LIMITS, rig, token } from './rig.js';

describe('the hub, draining', () => {
  it('sends everybody away evenly, with a position, and goes on delivering to the rest', async () => {
    const r = rig();
    const clients = await Promise.all(Array.from({ length: 100 }, () => r.enter()));
    const gone = () => clients.filter(({ wire }) => wire.ending !== null).length;
    let over = false;
    void r.hub.drain(10_000).then(() => (over = true));
    const steps: number[] = [];
    for (let i = 0; i < 8; i++) {
      r.clock.advance(1000);
      r.publish(`${i}`);
      await r.settle();
      steps.push(gone());
    }
    steps.forEach((count, i) => {
      const even = ((i + 1) * 1000 * 100) / 8000;
      assert.ok(Math.abs(count - even) <= 2, `${count} gone after ${i + 1} s, ${even} would be even`);
    });
    const last = clients.at(-1)?.wire;
    assert.deepEqual(last?.story.slice(-2), ['event 6', 'reconnect']);
    for (const { wire, connection } of clients) {
      const reconnect = wire.messages.find(({ event }) => event === 'reconnect');
      assert.equal(reconnect?.reason, 'drain');
      assert.equal(r.log.locate(cursorOf(reconnect), 'acme').kind, 'at');
      assert.equal(wire.ending, ENDINGS.drain);
      connection.closed();
    }
    await r.settle();
    assert.ok(over, 'over as soon as the last one is gone');
    assert.equal(r.count('connections_closed_total', 'drain'), 100);
  });

  it('tells nobody of a loss whom nothing was for while the log of its tenant went by', async () => {
    const r = rig({ log: { maxEvents: 5 } });
    const { wire } = await r.enter();
    for (let i = 0; i < 20; i++)
      r.publish(`${i}`, { kind: 'some', tenant: 'acme', users: ['other'], topics: [] });
    void r.hub.drain(0);
    await r.settle();
    assert.deepEqual(wire.story.slice(2), ['reconnect']);
  });

  it('just sends away whoever has no session yet', async () => {
    const r = rig();
    const { wire } = r.open();
    await r.settle();
    void r.hub.drain(0);
    await r.settle();
    assert.deepEqual(wire.story, ['hello']);
    assert.equal(wire.ending, ENDINGS.goingAway);
  });

  it('cuts those who are still there when the time is up', async () => {
    const r = rig();
    const { wire } = await r.enter();
    let over = false;
    void r.hub.drain(1000).then(() => (over = true));
    await r.settle();
    assert.ok(!over && !wire.terminated);
    r.clock.advance(1000);
    await r.settle();
    assert.ok(over && wire.terminated);
  });

  it('is over at once when nobody is there', async () => {
    await rig().hub.drain(60_000);
  });

  it('sends what a connection is still owed before it sends it away', async () => {
    const r = rig();
    const { wire } = await r.enter();
    wire.takes = false;
    r.publish('a');
    r.flush();
    r.publish('b');
    void r.hub.drain(0);
    r.publish('c');
    r.flush();
    assert.equal(wire.ending, null);
    wire.takes = true;
    wire.release();
    await r.settle();
    assert.deepEqual(wire.story.slice(2), ['event a', 'event b', 'reconnect']);
    assert.equal(wire.messages.at(-1)?.lastEventId, undefined);
  });
});

describe('after the last client is gone', () => {
  it('nothing is left of any, whatever state it was in', async () => {
    const r = rig();
    const clients: Client[] = [];
    clients.push(r.open());
    clients.push(await r.enter({}, { subscribe: ['a', 'b.*', 'c.#'] }));
    clients.push(await r.enter({ user: '8', tenant: 'other' }, { subscribe: ['a'] }));
    const stuck = await r.enter();
    stuck.wire.takes = false;
    r.publish('a');
    r.flush();
    clients.push(stuck);
    const refusedOne = r.open();
    refusedOne.connection.binary();
    clients.push(refusedOne);
    const unsubscribed = await r.enter({}, { subscribe: ['a', 'b.*'] });
    unsubscribed.send({ unsubscribe: ['a', 'b.*'] });
    const refreshed = await r.enter({}, { subscribe: ['a', 'b.*'] });
    refreshed.send({ access_token: token(r.clock, { grants: [] }) });
    clients.push(unsubscribed, refreshed);
    await r.settle();
    assert.equal(r.hub.size.connections, 7);
    assert.deepEqual([r.hub.size.sessions, r.hub.size.busy], [5, 1], 'one of them is stuck');
    for (const { connection } of clients) connection.closed();
    await r.settle();
    r.clock.advance(LIMITS.authTimeoutMs * 10);
    await r.settle();
    assert.deepEqual(r.hub.size, {
      connections: 0,
      unauthenticated: 0,
      waiting: 0,
      broadcasts: 0,
      deadlines: 0,
      unsentBytes: 0,
      sessions: 0,
      busy: 0,
      pastClients: 0,
      pastRuns: 0,
      routes: { tenants: 0, connections: 0, users: 0, topics: 0 },
    });
    r.publish('after', { kind: 'all' });
    await r.settle();
  });

  it('of a user, nothing is left of it in a tenant where others are still there', async () => {
    const r = rig();
    await r.enter();
    const before = r.hub.size.routes;
    const { connection } = await r.enter({ user: '8' }, { subscribe: ['a', 'b.*'] });
    assert.deepEqual(r.hub.size.routes, { tenants: 1, connections: 2, users: 2, topics: 1 });
    connection.closed();
    await r.settle();
    assert.deepEqual(r.hub.size.routes, before);
  });

  it('no timer is left but the tick of the log and the look at the valve, and those go with stop', async () => {
    const r = rig();
    const { connection } = await r.enter();
    connection.closed();
    await r.settle();
    r.clock.advance(100);
    assert.equal(r.clock.pending().length, 2);
    r.hub.stop();
    assert.deepEqual(r.clock.pending(), []);
  });
});
