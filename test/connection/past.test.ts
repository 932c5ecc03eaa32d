import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ENDINGS } from '../../src/protocol/endings.js';
import { forTopic, forUser } from './rig.js';
import { events, offsetOf, pastRig } from './past-rig.js';
import { at, cursorFor } from './stream-rig.js';

/** Longer than the two looks, of the run and of who waits, with their ticks. */
const SOON = 120;

describe('a client that the log has left behind, though the stream hasn’t', () => {
  it('gets what it missed from the stream, each once and in order, and then what comes live', async () => {
    const r = pastRig();
    r.many(30);
    const { wire } = await r.back(9);
    assert.deepEqual(wire.story, ['hello']);
    await r.pass(SOON);
    assert.equal(r.read().from, 9);
    r.read().give();
    await r.pass(SOON);
    assert.deepEqual(wire.story, ['hello', 'connected', ...events(10, 30)]);
    assert.equal(wire.messages[1]?.resume, 'resumed');
    assert.equal(wire.messages[1]?.cursor, cursorFor(9));
    r.many(4);
    await r.settle();
    assert.deepEqual(wire.story.slice(-4), events(30, 34));
    assert.equal(r.read().stopped, true);
    assert.deepEqual([r.hub.size.pastClients, r.hub.size.pastRuns], [0, 0]);
    assert.equal(r.count('connections_authenticated_total', 'resumed'), 1);
    assert.equal(r.count('past_runs_total', 'done'), 1);
  });

  it('gets what comes live meanwhile behind that, however much more than the log holds', async () => {
    const r = pastRig();
    r.many(30);
    const { wire } = await r.back(9);
    await r.pass(SOON);
    for (let i = 0; i < 20; i++) {
      r.read().give(2);
      r.many(2);
      await r.pass(20);
    }
    r.many(20);
    r.read().give();
    r.many(20);
    await r.pass(SOON);
    r.next();
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'connected', ...events(10, 111)]);
    assert.equal(r.hub.size.pastRuns, 0);
  });

  it('changes over as soon as the log has the rest, without waiting for the reader', async () => {
    const r = pastRig();
    r.many(30);
    const { wire } = await r.back(9);
    await r.pass(SOON);
    r.read().give(17);
    await r.pass(SOON);
    assert.deepEqual(wire.story, ['hello', 'connected', ...events(10, 30)]);
    assert.equal(r.read().stopped, true);
  });

  it('gets nothing that isn’t for it, and is not held up by that', async () => {
    const r = pastRig();
    for (let i = 0; i < 10; i++) {
      r.next(forUser('7'));
      r.next(forUser('8'));
      r.next(forUser('7', 'other'));
      r.next(null);
      r.next(forTopic('a'));
      r.next(forTopic('b'));
    }
    const { wire } = await r.back(0, {}, { subscribe: ['b'] });
    await r.pass(SOON);
    r.read().give();
    await r.pass(SOON);
    const own = Array.from({ length: 60 }, (_, i) => i).filter(i => i > 0 && (i % 6 === 0 || i % 6 === 5));
    assert.deepEqual(
      wire.story.slice(2),
      own.map(offset => `event e${offset}`),
    );
    assert.equal(r.hub.size.pastClients, 0);
  });

  it('is let in where its own tenant has lost something; where nothing is lost nobody reads the stream', async () => {
    const r = pastRig();
    r.many(30);
    r.many(30, forUser('7', 'busy'));
    const quiet = await r.back(29);
    assert.deepEqual(quiet.wire.story, ['hello', 'connected']);
    const busy = await r.back(50, { tenant: 'busy' });
    await r.pass(SOON);
    r.read().give();
    await r.pass(SOON);
    assert.deepEqual(busy.wire.story.slice(2), events(51, 60));
    assert.equal(r.reads.length, 1);
  });

  it('is told to resync at once by a feed that has no past', async () => {
    const r = pastRig({ past: undefined });
    r.many(30);
    const { wire } = await r.back(9);
    assert.equal(wire.messages[1]?.reason, 'evicted');
    assert.deepEqual(r.reads, []);
  });

  it('is told to resync if the stream has been trimmed', async () => {
    const r = pastRig();
    r.many(40);
    const [gone, there] = [await r.back(9), await r.back(12)];
    r.trim(11);
    await r.pass(SOON);
    r.read().give();
    await r.pass(SOON);
    assert.equal(gone.wire.messages[1]?.reason, 'evicted');
    assert.deepEqual(there.wire.story, ['hello', 'connected', ...events(13, 40)]);
    r.next();
    await r.settle();
    assert.equal(gone.wire.story.at(-1), 'event e40');
  });

  it('is told of a gap if the stream has another message at that place', async () => {
    const r = pastRig();
    r.many(40);
    const other = await r.enter({}, { cursor: cursorFor(9, 2) });
    const own = await r.back(9);
    await r.pass(SOON);
    r.read().give();
    await r.pass(SOON);
    assert.equal(other.wire.messages[1]?.reason, 'feed_gap');
    assert.deepEqual(own.wire.story, ['hello', 'connected', ...events(10, 40)]);
  });

  it('is told to resync after ten seconds without an answer', async () => {
    const r = pastRig();
    r.many(30);
    const { wire } = await r.back(9);
    await r.pass(9900);
    assert.deepEqual(wire.story, ['hello']);
    await r.pass(200);
    assert.deepEqual(wire.story, ['hello', 'connected']);
    assert.equal(wire.messages[1]?.reason, 'evicted');
    assert.equal(r.hub.size.pastClients, 0);
    assert.equal(r.read().stopped, true);
  });

  it('is told to resync if the reading fails, before it is let in or after', async () => {
    const r = pastRig();
    r.many(30);
    const [first, second] = [await r.back(9), await r.back(20)];
    await r.pass(SOON);
    r.read().give(5);
    await r.pass(SOON);
    assert.deepEqual(first.wire.story, ['hello', 'connected', ...events(10, 14)]);
    assert.deepEqual(second.wire.story, ['hello']);
    r.read().end();
    await r.pass(SOON);
    r.next();
    await r.settle();
    assert.deepEqual(first.wire.story.slice(-2), ['resync evicted', 'event e30']);
    assert.deepEqual(second.wire.story, ['hello', 'connected', 'event e30']);
    assert.equal(second.wire.messages[1]?.reason, 'evicted');
    assert.equal(r.count('past_runs_total', 'failed'), 1);
    assert.equal(r.hub.size.pastClients, 0);
    const again = await r.back(9);
    await r.pass(SOON);
    r.read().give();
    await r.pass(SOON);
    assert.deepEqual(again.wire.story, ['hello', 'connected', ...events(10, 31)]);
  });

  it('is told to resync if the reading fails before it came to where a young pod began', async () => {
    const r = pastRig({ log: { maxEvents: 1000 } });
    for (let i = 0; i < 50; i++) r.skip(forUser('7'));
    r.many(10);
    const [first, second] = [await r.back(9), await r.back(20)];
    await r.pass(SOON);
    r.read().give(30);
    await r.pass(SOON);
    r.read().end();
    await r.pass(SOON);
    r.next();
    await r.settle();
    assert.deepEqual(first.wire.story.slice(2), [...events(10, 39), 'resync evicted', 'event e60']);
    assert.deepEqual(second.wire.story.slice(2), [...events(21, 39), 'resync evicted', 'event e60']);
    const again = await r.back(9);
    await r.pass(SOON);
    r.read().give();
    await r.pass(SOON);
    assert.deepEqual(again.wire.story, ['hello', 'connected', ...events(10, 61)]);
  });

  it('is told to resync when the stream falls silent although there is more', async () => {
    const r = pastRig();
    r.many(30);
    const { wire } = await r.back(9);
    await r.pass(SOON);
    r.read().give(5);
    await r.pass(9800);
    assert.equal(r.hub.size.pastRuns, 1);
    await r.pass(400);
    assert.deepEqual(wire.story, ['hello', 'connected', ...events(10, 14), 'resync evicted']);
    assert.equal(offsetOf(wire.messages.at(-1)), 29);
  });

  it('falls off like anybody who is too slow, and goes on in the present', async () => {
    const r = pastRig({ log: { maxBytes: 128_000 } });
    r.many(200);
    const { wire } = await r.back(0);
    await r.pass(SOON);
    r.read().give(10);
    wire.takes = false;
    await r.pass(SOON);
    r.read().give();
    wire.takes = true;
    wire.release();
    await r.pass(SOON);
    r.next();
    await r.settle();
    const story = wire.story.slice(2);
    assert.deepEqual(story.slice(-2), ['resync evicted', 'event e200']);
    assert.deepEqual(story.slice(0, -2), events(1, story.length - 1));
    assert.ok(story.length > 2 && story.length < 100);
  });

  it('is closed when its token expires while it waits, and gets nothing', async () => {
    const r = pastRig();
    r.many(30);
    const { wire } = await r.back(9, { expiresInMs: 1000 });
    await r.pass(980);
    assert.equal(wire.ending, null);
    await r.pass(80);
    assert.equal(wire.ending, ENDINGS.tokenExpired);
    assert.deepEqual([r.hub.size.pastClients, r.hub.size.pastRuns], [0, 0]);
  });

  it('waits with the pod for the broker to come back', async () => {
    const r = pastRig();
    r.many(30);
    r.hub.lost('test');
    const { wire } = await r.back(9);
    await r.pass(1000);
    assert.deepEqual(r.reads, []);
    r.hub.attached('unbroken', null);
    await r.pass(SOON);
    r.read().give();
    await r.pass(SOON);
    assert.deepEqual(wire.story, ['hello', 'connected', ...events(10, 30)]);
  });

  it('is told to resync at once if this pod knows of a gap in between', async () => {
    const r = pastRig();
    r.many(30);
    r.hub.lost('test');
    r.hub.attached('gap', null);
    r.many(30);
    const { wire } = await r.back(20);
    assert.equal(wire.messages[1]?.reason, 'evicted');
    assert.deepEqual(r.reads, []);
    const behind = await r.back(35);
    await r.pass(SOON);
    r.read().give();
    await r.pass(SOON);
    assert.deepEqual(behind.wire.story, ['hello', 'connected', ...events(36, 60)]);
  });
});

describe('an epoch that begins while clients are in the past', () => {
  it('ends a reading that is under way', async () => {
    const r = pastRig();
    r.many(30);
    const [first, second] = [await r.back(9), await r.back(20)];
    await r.pass(SOON);
    r.read().give(5);
    await r.pass(SOON);
    r.hub.lost('test');
    r.hub.attached('gap', at(29));
    await r.pass(SOON);
    r.next();
    await r.pass(SOON);
    assert.equal(r.read().stopped, true);
    const story = first.wire.story;
    assert.equal(story.at(-1), 'event e30');
    assert.ok(story.indexOf('resync evicted') > 0);
    assert.deepEqual(second.wire.story.slice(0, 2), ['hello', 'connected']);
    assert.equal(second.wire.messages[1]?.resume, 'resync');
    assert.equal(r.hub.size.pastClients, 0);
  });

  it('is met by those who read on, at its place: all from before, then the resync', async () => {
    const r = pastRig();
    r.many(30);
    const { wire } = await r.back(9);
    await r.pass(SOON);
    r.read().give(1);
    wire.takes = false;
    await r.pass(SOON);
    r.read().give();
    r.many(10);
    assert.equal(r.read().stopped, true);
    r.hub.lost('test');
    r.hub.attached('gap', null);
    r.many(4);
    wire.takes = true;
    wire.release();
    await r.pass(SOON);
    assert.deepEqual(wire.story, [
      'hello',
      'connected',
      ...events(10, 40),
      'stale true',
      'stale false',
      'resync feed_gap',
      ...events(40, 44),
    ]);
    assert.equal(r.hub.size.pastRuns, 0);
  });
});

describe('what clients in the past are told besides events', () => {
  it('a ping names their own place, and so does a reply: what they subscribe to counts from there', async () => {
    const r = pastRig({ limits: { pingIntervalMs: 1000 } });
    for (let i = 0; i < 30; i++) r.next(i % 3 === 0 ? forUser('7') : forTopic('a'));
    const client = await r.back(0);
    const { wire } = client;
    await r.pass(SOON);
    r.read().give(11);
    await r.pass(SOON);
    assert.deepEqual(wire.story.slice(2), ['event e3', 'event e6', 'event e9']);
    client.send({ subscribe: ['a'], ping: true, ref: 1 });
    await r.settle();
    assert.deepEqual(wire.story.slice(5), ['reply 1', 'ping']);
    assert.deepEqual(wire.messages.slice(5).map(offsetOf), [10, 10]);
    assert.equal(wire.messages[6]?.lastEventId, 'e9');
    r.read().give(4);
    await r.pass(SOON);
    assert.deepEqual(wire.story.slice(7), events(11, 15));
    await r.pass(2000);
    assert.equal(wire.story.at(-1), 'ping');
    assert.equal(offsetOf(wire.messages.at(-1)), 14);
    r.read().give();
    await r.pass(SOON);
    const got = wire.story.filter(line => line.startsWith('event')).slice(3);
    assert.deepEqual(got, events(11, 30));
  });

  it('moves on with each second for who is owed nothing, and no sooner', async () => {
    const r = pastRig();
    r.many(1);
    r.many(40, forUser('8'));
    const client = await r.back(0);
    await r.pass(SOON);
    r.read().give(20);
    await r.pass(100);
    client.send({ ping: true });
    await r.settle();
    assert.equal(offsetOf(client.wire.messages.at(-1)), 0);
    await r.pass(1100);
    client.send({ ping: true });
    await r.settle();
    assert.equal(offsetOf(client.wire.messages.at(-1)), 19);
  });

  it('a live event wakes them for nothing: they stay where they are', async () => {
    const r = pastRig();
    r.many(30);
    const { wire } = await r.back(9);
    await r.pass(SOON);
    r.read().give(5);
    await r.pass(3000);
    r.many(10);
    await r.settle();
    assert.deepEqual(wire.story.slice(2), events(10, 14));
    r.read().give();
    await r.pass(SOON);
    assert.deepEqual(wire.story.slice(2), events(10, 40));
    assert.deepEqual(r.holds, [], 'who catches up holds up nobody');
  });

  it('a drain sends them away with the place that they have come to, and it is good on another pod', async () => {
    const r = pastRig();
    r.many(30);
    const { wire } = await r.back(9);
    await r.pass(SOON);
    r.read().give(5);
    await r.pass(SOON);
    void r.hub.drain(0);
    await r.settle();
    assert.equal(wire.ending, ENDINGS.drain);
    assert.equal(offsetOf(wire.messages.at(-1)), 13);
    assert.deepEqual([r.hub.size.pastClients, r.hub.size.pastRuns, r.read().stopped], [0, 0, true]);
  });
});
