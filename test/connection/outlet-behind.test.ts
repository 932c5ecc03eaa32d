import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CursorCodec } from '../../src/log/cursor.js';
import { ENDINGS } from '../../src/protocol/endings.js';
import { Entitlement } from '../../src/router/entitlement.js';
import { cursorOf } from '../support/messages.js';
import { setup } from './outlet-rig.js';

describe('an outlet that falls behind', () => {
  it('writes copies from then on, which keep no slab in memory', () => {
    const { wire, append, pump, log, now } = setup();
    wire.takes = false;
    append('a');
    pump();
    append('b');
    wire.release();
    pump();
    const all = { from: 0, to: log.head };
    const [entry] = log.read(
      new Entitlement('acme', '7', 0),
      all,
      { bytes: 1, looks: 1 },
      now().monotonic,
    ).entries;
    assert.ok(entry !== undefined && wire.inFlight !== null);
    assert.notEqual(wire.inFlight.buffer, entry.slab.bytes.buffer);
  });

  it('keeps its place while it is within the log', () => {
    const { wire, append, pump, told } = setup({ maxEvents: 10 });
    wire.takes = false;
    append('a');
    pump();
    for (let i = 0; i < 10; i++) append(`${i}`);
    wire.takes = true;
    wire.release();
    pump();
    assert.equal(wire.texts.length, 11);
    assert.deepEqual(told.resyncs, []);
  });

  it('gets one resync for all that is gone, and what comes after it', () => {
    const { wire, append, pump, told } = setup({ maxEvents: 10 });
    wire.takes = false;
    append('a');
    pump();
    for (let i = 0; i < 50; i++) append(`${i}`);
    wire.takes = true;
    wire.release();
    pump();
    append('after');
    pump();
    assert.deepEqual(wire.story, ['event a', 'resync evicted', 'event after']);
    assert.deepEqual(told.resyncs, ['evicted']);
    const resync = wire.messages[1];
    assert.equal(resync?.delayMs, 800);
    assert.equal(resync?.lastEventId, null);
  });

  it('keeps the places of replies and pings that were skipped over', () => {
    const { wire, outlet, append, ping, pump } = setup({ maxEvents: 10 });
    wire.takes = false;
    append('a');
    pump();
    append('b');
    outlet.say(ping);
    for (let i = 0; i < 50; i++) append(`${i}`);
    wire.takes = true;
    wire.release();
    pump();
    assert.deepEqual(wire.story, ['event a', 'resync evicted', 'ping']);
    assert.equal(wire.messages[2]?.lastEventId, null);
  });

  it('is ended when it falls off twice within 30 s', () => {
    const { wire, outlet, append, pump, clock, told } = setup({ maxEvents: 10 });
    const fallOff = (round: number) => {
      wire.takes = false;
      append(`stuck-${round}`);
      pump();
      for (let i = 0; i < 50; i++) append(`${round}-${i}`);
      wire.takes = true;
      wire.release();
      pump();
    };
    fallOff(1);
    clock.advance(30_000);
    fallOff(2);
    assert.deepEqual(told.resyncs, ['evicted', 'evicted']);
    clock.advance(29_999);
    fallOff(3);
    assert.equal(told.fellOffTwice, 1);
    assert.equal(wire.ending, ENDINGS.fellOff);
    assert.equal(outlet.flush(), false);
    const story = ['event stuck-1', 'resync evicted', 'event stuck-2', 'resync evicted', 'event stuck-3'];
    assert.deepEqual(wire.story, story);
  });
});

describe('the outlet at an epoch boundary', () => {
  it('sends what came before, then one resync, then what comes after', () => {
    const { wire, log, append, pump, now, told } = setup();
    append('a');
    log.beginEpoch(now());
    append('b');
    pump();
    assert.deepEqual(wire.story, ['event a', 'resync feed_gap', 'event b']);
    assert.deepEqual(told.resyncs, ['feed_gap']);
    const place = log.locate(cursorOf(wire.messages[1]), 'acme');
    assert.ok(place.kind === 'at' && place.sequence === log.boundary);
  });

  it('sends exactly one resync for several epochs, and nothing of a later one before it', () => {
    const { wire, log, append, pump, now, told } = setup();
    wire.takes = false;
    append('a');
    pump();
    append('b');
    log.beginEpoch(now());
    append('lost');
    log.beginEpoch(now());
    log.beginEpoch(now());
    append('c');
    wire.takes = true;
    wire.release();
    pump();
    assert.deepEqual(wire.story, ['event a', 'event b', 'resync feed_gap', 'event c']);
    assert.deepEqual(told.resyncs, ['feed_gap']);
  });

  it('sends the resync though nothing came before or after', () => {
    const { wire, log, pump, now } = setup();
    log.beginEpoch(now());
    pump();
    pump();
    assert.deepEqual(wire.story, ['resync feed_gap']);
  });
});

describe('an outlet that resumes from the cursor of another pod', () => {
  it('repeats that cursor until the overlap is over, then says its own', () => {
    const other = setup();
    const presented = other.log.cursorAt(other.log.head, other.log.coveredUntil);
    const { wire, outlet, log, append, ping, pump, clock, told } = setup({}, log => ({
      log,
      position: log.head,
      coveredUntil: log.coveredUntil,
      overlap: { cursor: presented, until: log.head + 2 },
    }));
    append('a');
    outlet.say(ping);
    append('b');
    clock.advance(10);
    outlet.say(ping);
    append('c');
    pump();
    assert.deepEqual(wire.story, ['event a', 'ping', 'event b', 'ping', 'event c']);
    const own = wire.messages.map(message => message.cursor !== presented);
    assert.deepEqual(own, [false, false, false, true, true]);
    for (const message of wire.messages.slice(3))
      assert.equal(log.locate(cursorOf(message), 'acme').kind, 'at');
    assert.equal(told.events, 3);
  });

  it('forgets it at a resync', () => {
    const { wire, log, append, pump, now } = setup({}, log => ({
      log,
      position: log.head,
      coveredUntil: log.coveredUntil,
      overlap: { cursor: 'x'.repeat(23), until: log.head + 100 },
    }));
    append('a');
    log.beginEpoch(now());
    append('b');
    pump();
    assert.deepEqual(
      wire.messages.map(({ cursor }) => cursor === 'x'.repeat(23)),
      [true, false, false],
    );
  });

  it('claims in the resync of a gap no later time than it has sent: other pods go by it', () => {
    const { wire, append, pump, log, clock, now } = setup();
    const codec = new CursorCodec(['a key for tests and nothing else']);
    wire.takes = false;
    append('held');
    pump();
    clock.advance(1000);
    log.beginEpoch(now());
    const gapEndedAt = clock.wall();
    clock.advance(1000);
    // Of the new epoch, received and covered, though not sent yet when the resync is composed.
    append('new');
    log.cover(clock.wall(), clock.wall());
    wire.takes = true;
    wire.release();
    pump();
    assert.deepEqual(wire.story, ['event held', 'resync feed_gap', 'event new']);
    const position = codec.open(cursorOf(wire.messages[1]));
    assert.ok(position !== null && position.coveredUntil <= gapEndedAt);
  });

  it('is not behind for what was not for it: idle, it stands at the head whatever is evicted', () => {
    const { wire, outlet, append, ping, pump, told } = setup({ maxEvents: 10 });
    append('mine');
    pump();
    for (let i = 0; i < 30; i++) append(`other-${i}`, '1', '8');
    outlet.notice(Infinity);
    outlet.say(ping);
    pump();
    for (let i = 30; i < 60; i++) append(`other-${i}`, '1', '8');
    append('mine too');
    outlet.notice(Infinity);
    pump();
    assert.deepEqual(wire.story, ['event mine', 'ping', 'event mine too']);
    assert.deepEqual(told.resyncs, []);
  });

  it('stands before the oldest entry that it was woken for, though that is told late', () => {
    const { wire, outlet, append, pump, log } = setup();
    append('first');
    pump();
    append('other', '1', '8');
    append('for many');
    const place = log.head;
    assert.ok(outlet.isBefore(place));
    append('for it');
    outlet.notice(place);
    pump();
    assert.deepEqual(wire.story, ['event first', 'event for many', 'event for it']);
    assert.ok(!outlet.isBefore(place));
  });

  it('has fallen off all the same if it was owed something that is gone', () => {
    const { wire, outlet, append, pump } = setup({ maxEvents: 10 });
    append('first');
    pump();
    // Woken for the first of them, as the router does; its turn comes late.
    append('owed');
    outlet.notice(Infinity);
    for (let i = 0; i < 30; i++) {
      append(`other-${i}`, '1', '8');
      outlet.notice(Infinity);
    }
    pump();
    assert.deepEqual(wire.story, ['event first', 'resync evicted']);
  });

  it('tells by its cursors nothing of what others get between two proofs of coverage', () => {
    const { wire, outlet, append, ping, pump, log, clock } = setup();
    append('mine');
    pump();
    outlet.say(ping);
    pump();
    append('other', '1', '8');
    outlet.say(ping);
    pump();
    const [, one, two] = wire.messages.map(({ cursor }) => cursor);
    assert.equal(one, two);
    clock.advance(1000);
    log.cover(clock.wall(), clock.wall());
    outlet.say(ping);
    pump();
    assert.notEqual(wire.messages.at(-1)?.cursor, one);
  });
});
