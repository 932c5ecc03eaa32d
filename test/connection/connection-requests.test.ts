import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ENDINGS } from '../../src/protocol/endings.js';
import { cursorOf } from '../support/messages.js';
import { forUser, forTopic, LIMITS, refused, rig, token } from './rig.js';

describe('requests', () => {
  it('take effect at the place of the reply in the stream', async () => {
    const r = rig();
    const { wire, send } = await r.enter();
    r.publish('before', forTopic('t'));
    send({ subscribe: ['t'], ref: 1 });
    r.publish('after', forTopic('t'));
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'connected', 'reply 1', 'event after']);
  });

  it('keep their place when an event from before them is sent with their reply', async () => {
    const r = rig();
    const { wire, send } = await r.enter();
    r.publish('own');
    r.publish('of the topic, from before', forTopic('t'));
    send({ subscribe: ['t'], ref: 1 });
    send({ ping: true });
    await r.settle();
    assert.deepEqual(wire.story.slice(2), ['event own', 'reply 1', 'ping']);
    for (const message of wire.messages.slice(-2)) {
      const place = r.log.locate(cursorOf(message), 'acme');
      assert.ok(place.kind === 'at');
      assert.equal(place.sequence, r.log.head);
    }
  });

  it('keep their place when a gap of the feed lies before them', async () => {
    const r = rig();
    const { wire, send } = await r.enter();
    wire.takes = false;
    r.publish('stuck');
    r.flush();
    r.hub.lost('test');
    r.hub.attached('gap', null);
    r.publish('of the topic, from before', forTopic('t'));
    send({ subscribe: ['t'], ref: 1 });
    wire.takes = true;
    wire.release();
    await r.settle();
    assert.deepEqual(wire.story.slice(-2), ['resync feed_gap', 'reply 1']);
    const place = r.log.locate(cursorOf(wire.messages.at(-1)), 'acme');
    assert.ok(place.kind === 'at');
    assert.equal(place.sequence, r.log.head);
  });

  it('unsubscribe first, then subscribe, both idempotent', async () => {
    const r = rig();
    const { wire, send } = await r.enter({}, { subscribe: ['a', 'b', 'c'] });
    send({ subscribe: ['d', 'd', 'a'], unsubscribe: ['c', 'unknown'], ref: 1 });
    await r.settle();
    const reply = wire.messages.at(-1);
    assert.deepEqual(reply?.unsubscribed, ['c', 'unknown']);
    assert.deepEqual(reply?.subscribed, ['d', 'a']);
    assert.deepEqual(reply?.denied, []);
    assert.equal(reply?.expiresInMs, 3_600_000);
  });

  it('end a subscription at once, also for events that are owed but unsent', async () => {
    const r = rig();
    const { wire, send } = await r.enter({}, { subscribe: ['t'] });
    wire.takes = false;
    r.publish('stuck');
    r.flush();
    r.publish('owed', forTopic('t'));
    send({ unsubscribe: ['t'], ref: 1 });
    wire.takes = true;
    wire.release();
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'connected', 'event stuck', 'reply 1']);
  });

  it('without anything known in them are answered with an error', async () => {
    const r = rig();
    const { wire, send } = await r.enter();
    for (const message of [{}, { hello: 1, ref: 2 }, { ping: false }, { cursor: 'x' }]) send(message);
    await r.settle();
    const errors = wire.messages.slice(2);
    assert.equal(errors.length, 4);
    for (const { code } of errors) assert.equal(code, 'unknown_message');
    assert.equal(errors[1]?.ref, 2);
  });

  it('for a ping get one at once, however many ask', async () => {
    const r = rig();
    const { wire, send } = await r.enter();
    r.publish('a');
    for (let i = 0; i < 3; i++) send({ ping: true });
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'connected', 'event a', 'ping']);
    const ping = wire.messages.at(-1);
    assert.equal(ping?.message, 'events ping');
    assert.equal(ping?.connected, true);
    assert.equal(ping?.lastEventId, 'a');
  });

  it('end the connection when too much waits for a client that does not read', async () => {
    const r = rig({ limits: { clientMessagesPerSecond: 10_000 } });
    const { wire, send } = await r.enter();
    wire.takes = false;
    send({ ping: true });
    r.flush();
    const limited = () => r.count('client_errors_total', 'rate_limited');
    for (let i = 0; i < 500; i++) send({ subscribe: ['a'], ref: i });
    assert.equal(limited(), 0);
    for (let i = 500; i < 2000; i++) send({ subscribe: ['a'], ref: i });
    assert.equal(limited(), 1);
    wire.takes = true;
    wire.release();
    await r.settle();
    assert.deepEqual(wire.story.slice(-1), ['error rate_limited']);
    assert.equal(wire.ending?.code, 4429);
  });

  it('do so too when it is errors that wait, which cost no strike', async () => {
    const r = rig({ limits: { clientMessagesPerSecond: 10_000 } });
    const { wire, send } = await r.enter();
    wire.takes = false;
    send({ ping: true });
    r.flush();
    for (let i = 0; i < 2000; i++) send({ unknown: i });
    assert.equal(r.count('client_errors_total', 'rate_limited'), 1);
  });

  it('do so too when it is few answers that echo a lot', async () => {
    const r = rig();
    const { wire, send } = await r.enter();
    wire.takes = false;
    send({ ping: true });
    r.flush();
    for (let i = 0; i < 5; i++) send({ subscribe: [`${i}${'x'.repeat(60_000)}`] });
    assert.equal(r.count('client_errors_total', 'rate_limited'), 1);
  });

  it('are still read while answers wait: the pongs that open the window come the same way', async () => {
    const r = rig();
    const { wire, send } = await r.enter();
    wire.takes = false;
    for (let i = 0; i < 90; i++) send({ subscribe: ['a'], ref: i });
    r.flush();
    assert.ok(!wire.paused);
    wire.takes = true;
    wire.release();
    await r.settle();
    assert.equal(wire.messages.at(-1)?.ref, 89);
  });
});

describe('a refresh', () => {
  it('ends the subscriptions that are no longer granted and subscribes to nothing by itself', async () => {
    const r = rig();
    const { wire, send } = await r.enter({}, { subscribe: ['a.1', 'b.1'] });
    send({ access_token: token(r.clock, { grants: ['a.*', 'c.*'], expiresInMs: 50_000 }), ref: 3 });
    await r.settle();
    const reply = wire.messages.at(-1);
    assert.deepEqual([reply?.subscribed, reply?.unsubscribed], [[], ['b.1']]);
    assert.equal(reply?.expiresInMs, 50_000);
    r.publish('a', forTopic('a.1'));
    r.publish('b', forTopic('b.1'));
    r.publish('c', forTopic('c.1'));
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'connected', 'reply 3', 'event a']);
    assert.equal(r.hub.size.routes.topics, 1);
  });

  it('may subscribe in the same message, with the new grants', async () => {
    const r = rig();
    const { wire, send } = await r.enter({ grants: ['a'] });
    send({ access_token: token(r.clock, { grants: ['b'] }), subscribe: ['a', 'b'] });
    await r.settle();
    assert.deepEqual(wire.messages.at(-1)?.subscribed, ['b']);
  });

  it('with another user or tenant ends the connection', async () => {
    for (const other of [{ user: '8' }, { tenant: 'other' }]) {
      const r = rig();
      const { wire, send } = await r.enter();
      send({ access_token: token(r.clock, other), ref: 1 });
      await r.settle();
      assert.deepEqual(wire.story, ['hello', 'connected', 'error forbidden']);
      assert.equal(wire.ending, ENDINGS.otherIdentity);
    }
  });

  it('with a bad token is an error, and the old token stays valid', async () => {
    const r = rig({ limits: { pongTimeoutMs: 1_000_000 } });
    const { wire, send } = await r.enter({ expiresInMs: 100_000 });
    send({ access_token: refused('signature'), subscribe: ['a'], ref: 1 });
    send({ access_token: 7, ref: 2 });
    send({ access_token: refused('keys_unavailable'), ref: 3 });
    r.publish('a');
    await r.settle();
    const denied = 'error access_denied';
    assert.deepEqual(wire.story.slice(2).toSorted(), [denied, denied, 'error internal', 'event a']);
    assert.equal(wire.ending, null);
    r.clock.advance(100_020);
    await r.settle();
    assert.equal(wire.ending, ENDINGS.tokenExpired);
  });

  it('puts off the expiry', async () => {
    const r = rig();
    const { connection, wire, send } = await r.enter({ expiresInMs: 20_000 });
    r.clock.advance(9000);
    connection.alive();
    send({ access_token: token(r.clock, { expiresInMs: 3_600_000 }) });
    await r.settle();
    r.clock.advance(15_000);
    await r.settle();
    assert.equal(wire.ending, null);
    assert.ok(!wire.story.includes('token_expiring'));
    assert.equal(r.count('tokens_refreshed_total'), 1);
  });
});

describe('faults of a client', () => {
  it('that it has made for the third time within 60 s end the connection', async () => {
    const r = rig({ limits: { pongTimeoutMs: 1_000_000 } });
    const { wire, send } = await r.enter();
    send('{');
    send('[');
    r.clock.advance(59_000);
    await r.settle();
    assert.equal(wire.ending, null);
    send('"');
    await r.settle();
    assert.equal(wire.ending, ENDINGS.malformed);
    assert.equal(r.count('client_errors_total', 'malformed'), 3);
  });

  it('are forgotten after 60 s', async () => {
    const r = rig({ limits: { pongTimeoutMs: 1_000_000 } });
    const { wire, send } = await r.enter();
    for (let i = 0; i < 6; i++) {
      send('{');
      r.clock.advance(31_000);
    }
    await r.settle();
    assert.equal(wire.ending, null);
  });

  it('of sending binary end the connection at once', async () => {
    for (const entered of [true, false]) {
      const r = rig();
      const { connection, wire } = entered ? await r.enter() : r.open();
      connection.binary();
      await r.settle();
      assert.equal(wire.story.at(-1), 'error malformed');
      assert.equal(wire.ending, ENDINGS.binary);
    }
  });

  it('of sending too much in one message end the connection at once', async () => {
    const r = rig();
    const { connection, wire } = await r.enter();
    connection.tooBig();
    await r.settle();
    assert.equal(wire.story.at(-1), 'error too_big');
    assert.equal(wire.ending, ENDINGS.tooBig);
  });

  it('of sending too many messages get two errors, then the end', async () => {
    const r = rig();
    const { wire, send } = await r.enter();
    const burst = LIMITS.clientMessagesPerSecond * 10;
    for (let i = 1; i < burst; i++) send({ ping: true });
    await r.settle();
    assert.ok(!wire.story.includes('error rate_limited'));
    for (let i = 0; i < 5; i++) send({ ping: true });
    await r.settle();
    const story = wire.story.filter(one => one === 'error rate_limited');
    assert.equal(wire.ending, ENDINGS.rateLimited);
    assert.equal(r.count('client_errors_total', 'rate_limited'), 3);
    assert.equal(story.length, 3);
    assert.equal(wire.story.at(-1), 'error rate_limited');
  });

  it('within the long-run rate are none', async () => {
    const r = rig();
    const { wire, send } = await r.enter();
    for (let i = 0; i < 500; i++) {
      r.clock.advance(100);
      send({ subscribe: ['a'], ref: i });
      await r.settle();
    }
    assert.equal(wire.ending, null);
    assert.equal(wire.messages.at(-1)?.ref, 499);
  });

  it('go unheard once the connection is closing', async () => {
    const r = rig();
    const { connection, wire, send } = await r.enter();
    connection.binary();
    send({ ping: true });
    connection.tooBig();
    send('{');
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'connected', 'error malformed']);
    assert.equal(wire.ending, ENDINGS.binary);
  });

  it('end the connection at once if there are too many while its goodbye waits for room', async () => {
    const r = rig();
    const { connection, wire, send } = await r.enter();
    wire.takes = false;
    r.publish('1', forUser('7'));
    await r.settle();
    connection.binary();
    for (let i = 0; i < 500; i++) send({ ping: true });
    assert.equal(wire.terminated, false);
    for (let i = 0; i < 500; i++) send({ ping: true });
    assert.equal(wire.ending, null);
    assert.equal(wire.terminated, true);
  });

  it('may go on for a while behind the goodbye: the wire sees to that', async () => {
    const r = rig();
    const { connection, wire, send } = await r.enter();
    connection.binary();
    await r.settle();
    assert.equal(wire.ending, ENDINGS.binary);
    for (let i = 0; i < 2000; i++) send({ ping: true });
    assert.equal(wire.terminated, false);
  });
});
