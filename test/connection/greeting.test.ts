import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ENDINGS } from '../../src/protocol/endings.js';
import { cursorOf } from '../support/messages.js';
import { forTopic, token } from './rig.js';
import { at, codec, cursorFor, podAt, take } from './stream-rig.js';

describe('a client whose cursor is ahead of the pod', () => {
  it('waits until the pod has come that far, then gets what follows and nothing twice', async () => {
    const r = podAt(3);
    const { wire } = await r.enter({}, { cursor: cursorFor(6) });
    r.clock.advance(500);
    await r.settle();
    assert.deepEqual(wire.story, ['hello']);
    for (const offset of [4, 5, 6, 7]) take(r, offset);
    await r.settle();
    assert.deepEqual(wire.story, ['hello'], 'it looks by the clock');
    r.clock.advance(60);
    take(r, 8);
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'connected', 'event e7', 'event e8']);
    assert.equal(wire.messages[1]?.resume, 'resumed');
    assert.equal(wire.messages[1]?.cursor, cursorFor(6));
    assert.equal(r.count('connections_authenticated_total', 'resumed'), 1);
  });

  it('goes on from its cursor wherever the pod is by then, past messages that are no events', async () => {
    const r = podAt(3);
    const { wire } = await r.enter({}, { cursor: cursorFor(5) });
    r.hub.passed(at(4));
    r.hub.passed(at(5));
    r.hub.passed(at(6));
    take(r, 9);
    r.clock.advance(60);
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'connected', 'event e9']);
  });

  it('keeps its position and is sent away after two seconds, if the feed of the pod stands still', async () => {
    const r = podAt(3);
    const { wire } = await r.enter({}, { cursor: cursorFor(6, 1, r.clock.wall()), ref: 'a' });
    r.clock.advance(1990);
    await r.settle();
    assert.deepEqual(wire.story, ['hello']);
    r.clock.advance(100);
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'error over_capacity']);
    assert.deepEqual(wire.ending, ENDINGS.noFeed);
    assert.equal(wire.messages[1]?.ref, 'a');
  });

  it('is told to resync after two seconds if the pod has read beyond its time, and then gets what comes', async () => {
    const r = podAt(3);
    const { wire } = await r.enter({}, { cursor: cursorFor(6, 1, r.clock.wall()) });
    r.clock.advance(1990);
    r.hub.covered(r.clock.wall() + 5000, r.clock.wall() + 5000);
    await r.settle();
    assert.deepEqual(wire.story, ['hello']);
    take(r, 4);
    r.clock.advance(100);
    take(r, 5);
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'connected', 'event e5']);
    assert.equal(wire.messages[1]?.resume, 'resync');
    assert.equal(wire.messages[1]?.reason, 'unknown_position');
    const position = codec.open(cursorOf(wire.messages[1]));
    assert.ok(position?.kind === 'stream' && position.offset === 4);
  });

  it('is told of a gap if the pod finds another message at that offset', async () => {
    const r = podAt(3);
    const { wire } = await r.enter({}, { cursor: cursorFor(4, 2) });
    take(r, 4);
    r.clock.advance(60);
    await r.settle();
    assert.equal(wire.messages[1]?.reason, 'feed_gap');
  });

  it('is told to resync in time if the pod begins a new epoch meanwhile', async () => {
    const r = podAt(3);
    const { wire } = await r.enter({}, { cursor: cursorFor(6) });
    r.hub.lost('test');
    r.hub.attached('gap', null);
    take(r, 100);
    r.clock.advance(60);
    await r.settle();
    assert.equal(wire.messages[1]?.resume, 'resync');
    assert.equal(wire.messages[1]?.reason, 'evicted');
  });

  it('has what it says meanwhile wait, and answered in its order', async () => {
    const r = podAt(3);
    const client = await r.enter({}, { cursor: cursorFor(5), subscribe: ['a'] });
    client.send({ subscribe: ['b'], ref: 1 });
    client.send('no JSON');
    client.send({ access_token: token(r.clock), ref: 2 });
    client.send({ unsubscribe: ['a'], ref: 3 });
    await r.settle();
    assert.deepEqual(client.wire.story, ['hello']);
    take(r, 4);
    take(r, 5);
    take(r, 6, forTopic('a'));
    r.clock.advance(60);
    await r.settle();
    assert.deepEqual(client.wire.story.slice(0, 2), ['hello', 'connected']);
    assert.deepEqual(client.wire.story.filter(one => !one.startsWith('event')).slice(2), [
      'reply 1',
      'error malformed',
      'reply 2',
      'reply 3',
    ]);
  });

  it('counts as let in, not as one who may still present a token', async () => {
    const r = podAt(3, { limits: { maxUnauthenticated: 1, authTimeoutMs: 1000 } });
    const { wire } = await r.enter({}, { cursor: cursorFor(6) });
    assert.equal(r.hub.size.unauthenticated, 0);
    assert.equal(r.open().wire.ending, null);
    r.clock.advance(1500);
    await r.settle();
    assert.equal(wire.ending, null);
  });

  it('leaves nothing behind when it goes', async () => {
    const r = podAt(3);
    const client = await r.enter({}, { cursor: cursorFor(6) });
    assert.equal(r.hub.size.deadlines, 1);
    client.connection.closed();
    assert.deepEqual(
      Object.values(r.hub.size).filter(n => typeof n === 'number' && n > 0),
      [],
    );
    for (const offset of [4, 5, 6]) take(r, offset);
    r.clock.advance(3000);
    await r.settle();
    assert.deepEqual(client.wire.story, ['hello']);
  });

  it('is sent away by a drain like one that has not been let in', async () => {
    const r = podAt(3);
    const client = await r.enter({}, { cursor: cursorFor(6) });
    void r.hub.drain(0);
    await r.settle();
    assert.equal(client.wire.ending, ENDINGS.goingAway);
  });

  it('whose token expires meanwhile is told so and closed', async () => {
    const r = podAt(3);
    const { wire } = await r.enter({ expiresInMs: 100 }, { cursor: cursorFor(4) });
    r.clock.advance(200);
    take(r, 4);
    r.clock.advance(100);
    await r.settle();
    assert.equal(wire.ending, ENDINGS.tokenExpired);
    assert.ok(!wire.story.some(one => one.startsWith('event')));
  });

  it('shares the one wheel: thousands that wait are no timer each', async () => {
    const r = podAt(3, { limits: { maxUnauthenticated: 5000 } });
    const clients = [];
    for (let i = 0; i < 2000; i++) {
      const client = r.open();
      client.send({ access_token: token(r.clock), cursor: cursorFor(5) });
      clients.push(client);
    }
    await r.settle();
    const timers = r.clock.pending().length;
    assert.ok(timers <= 3, `${timers} timers`);
    take(r, 4);
    take(r, 5);
    r.clock.advance(60);
    await r.settle();
    for (const { wire } of clients) assert.equal(wire.messages[1]?.resume, 'resumed');
  });
});
