import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ENDINGS } from '../../src/protocol/endings.js';
import { LIMITS, rig } from './rig.js';

describe('time on an open connection', () => {
  it('brings pings at the interval, from a phase of its own on', async () => {
    const r = rig({ random: () => 0.4 });
    const { connection, wire } = await r.enter();
    const at: number[] = [];
    for (let now = 0; now < 60_000; now += 20) {
      r.clock.advance(20);
      connection.alive();
      await r.settle();
      if (wire.story.filter(one => one === 'ping').length > at.length) at.push(r.clock.monotonic());
    }
    assert.deepEqual(at, [10_000, 35_000, 60_000]);
    assert.equal(wire.probes, 3);
  });

  it('ends one that gives no sign of life after a ping', async () => {
    const r = rig({ random: () => 0.4 });
    const { wire } = await r.enter();
    r.clock.advance(10_000 + LIMITS.pongTimeoutMs - 1);
    await r.settle();
    assert.equal(wire.ending, null);
    r.clock.advance(20);
    await r.settle();
    assert.equal(wire.ending, ENDINGS.noSignOfLife);
  });

  it('takes messages, pongs and bytes taken as signs of life', async () => {
    const signs: ((client: Awaited<ReturnType<ReturnType<typeof rig>['enter']>>) => void)[] = [
      ({ send }) => send({ ping: true }),
      ({ connection }) => connection.alive(),
      ({ connection }) => connection.flushed(),
    ];
    for (const sign of signs) {
      const r = rig();
      const client = await r.enter();
      for (let i = 0; i < 20; i++) {
        r.clock.advance(9000);
        await r.settle();
        sign(client);
        await r.settle();
      }
      assert.equal(client.wire.ending, null);
    }
  });

  it('lets a peer that never answers the close be gone after 5 s', async () => {
    const r = rig();
    const { connection, wire } = await r.enter();
    wire.takes = false;
    r.publish('stuck');
    await r.settle();
    connection.binary();
    await r.settle();
    r.clock.advance(4999);
    assert.equal(wire.terminated, false);
    r.clock.advance(21);
    assert.equal(wire.terminated, true);
    connection.closed();
    assert.equal(r.count('connections_closed_total', 'binary'), 1);
  });

  it('brings a warning before the token expires, and then the end', async () => {
    for (const [life, warning] of [
      [600_000, 60_000],
      [30_000, 15_000],
    ] as const) {
      const r = rig({ limits: { pongTimeoutMs: 1_000_000 } });
      const { wire } = await r.enter({ expiresInMs: life });
      const said = () => wire.messages.filter(({ event }) => event === 'token_expiring');
      r.clock.advance(life - warning - 1);
      await r.settle();
      assert.equal(said().length, 0);
      r.clock.advance(21);
      await r.settle();
      assert.equal(said().length, 1);
      const left = said()[0]?.expiresInMs ?? 0;
      assert.ok(left <= warning && left >= warning - 20, `${left} ms left`);
      r.clock.advance(warning - 21);
      await r.settle();
      assert.equal(wire.ending, null);
      r.publish('late');
      r.clock.advance(21);
      await r.settle();
      assert.equal(wire.ending, ENDINGS.tokenExpired);
      assert.equal(wire.story.at(-1), 'error access_denied');
      assert.equal(said().length, 1);
    }
  });

  it('keeps pings and expiry going through stalls of the event loop', async () => {
    const r = rig({ limits: { pongTimeoutMs: 1_000_000 } });
    const clients = await Promise.all(Array.from({ length: 5 }, () => r.enter({ expiresInMs: 300_000 })));
    for (let i = 0; i < 40; i++) {
      r.clock.advance(5000);
      r.clock.stall(2500);
      await r.settle();
    }
    r.clock.advance(100);
    await r.settle();
    for (const { wire } of clients) {
      assert.ok(wire.story.filter(one => one === 'ping').length >= 11, wire.story.join());
      assert.equal(wire.ending, ENDINGS.tokenExpired);
    }
  });
});

describe('a connection that falls behind', () => {
  it('has a ping wait for its place, and one at a time', async () => {
    const r = rig({ limits: { pongTimeoutMs: 1_000_000 } });
    const { wire } = await r.enter();
    r.clock.advance(20);
    await r.settle();
    wire.takes = false;
    r.publish('a');
    r.flush();
    r.publish('b');
    for (let i = 0; i < 5; i++) r.clock.advance(25_000);
    wire.takes = true;
    wire.release();
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'connected', 'ping', 'event a', 'event b', 'ping']);
    assert.equal(wire.messages.at(-1)?.lastEventId, 'b');
  });

  it('is ended and counted as such when it falls off twice', async () => {
    const r = rig({ log: { maxEvents: 5 } });
    const { connection, wire } = await r.enter();
    for (const round of [1, 2]) {
      wire.takes = false;
      r.publish(`stuck-${round}`);
      r.flush();
      for (let i = 0; i < 20; i++) r.publish(`${round}-${i}`);
      wire.takes = true;
      wire.release();
      await r.settle();
    }
    assert.equal(wire.ending, ENDINGS.fellOff);
    connection.closed();
    assert.equal(r.count('connections_closed_total', 'fellOff'), 1);
    assert.equal(r.count('connections_closed_total', 'peer'), 0);
  });
});
