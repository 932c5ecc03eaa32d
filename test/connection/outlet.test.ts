import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Outlet } from '../../src/connection/outlet.js';
import { encodeError, encodeOk } from '../../src/protocol/codec.js';
import { ENDINGS } from '../../src/protocol/endings.js';
import { START } from '../support/events.js';
import { cursorOf } from '../support/messages.js';
import { setup } from './outlet-rig.js';

describe('the outlet', () => {
  it('sends events, replies and pings in the order in which they came about', () => {
    const { wire, outlet, append, ping, pump } = setup();
    append('a');
    outlet.say(ping);
    append('b');
    append('c');
    outlet.say(() => encodeOk({ type: 'system', event: 'stale', stale: true }));
    outlet.say(ping);
    append('d');
    pump();
    assert.deepEqual(wire.story, ['event a', 'ping', 'event b', 'event c', 'stale true', 'ping', 'event d']);
    assert.deepEqual(
      wire.messages.filter(({ event }) => event === 'ping').map(({ lastEventId }) => lastEventId),
      ['a', 'c'],
    );
  });

  it('sends an error ahead of events, though behind what waits already', () => {
    const { wire, outlet, append, ping, pump } = setup();
    append('a');
    outlet.sayNow(() => encodeError('malformed', null));
    outlet.say(ping);
    outlet.sayNow(() => encodeError('internal', null));
    pump();
    assert.deepEqual(wire.story, ['error malformed', 'event a', 'ping', 'error internal']);
  });

  it('says what a connection without a session has to be told', () => {
    const { wire, outlet, context, owner, pump } = setup();
    const bare = new Outlet(wire, context, owner);
    bare.say(() => encodeError('token_missing', null));
    bare.flush();
    pump();
    assert.deepEqual(wire.story, ['error token_missing']);
    assert.equal(outlet.pending, 0);
  });

  it('counts as busy from the first sign of something due until all is sent, and as a session until its goodbye', () => {
    const { wire, outlet, sessions, append, pump } = setup();
    const counted = () => [sessions.open, sessions.busy];
    assert.deepEqual(counted(), [1, 1], 'what it was owed when it came isn’t known yet');
    pump();
    assert.deepEqual(counted(), [1, 0]);
    append('a');
    outlet.notice(Infinity);
    assert.deepEqual(counted(), [1, 1]);
    wire.takes = false;
    pump();
    assert.deepEqual(counted(), [1, 1], 'the write is under way');
    wire.takes = true;
    wire.release();
    pump();
    assert.deepEqual(counted(), [1, 0]);
    for (const leave of [() => outlet.end(ENDINGS.drain), () => outlet.closed()]) {
      leave();
      pump();
      assert.deepEqual(counted(), [0, 0]);
    }
  });

  it('counts as no session once it has failed, or its wire is gone', () => {
    for (const over of ['fail', 'closed'] as const) {
      const { outlet, sessions } = setup();
      if (over === 'fail') outlet.fail(ENDINGS.fellOff, null);
      else outlet.closed();
      assert.deepEqual([sessions.open, sessions.busy], [0, 0]);
    }
  });

  it('counts as no session without a log to follow', () => {
    const { wire, context, sessions, owner, pump } = setup();
    new Outlet(wire, context, owner).flush();
    pump();
    assert.deepEqual([sessions.open, sessions.busy], [1, 0]);
  });

  it('has one write under way at a time, and goes on when that is through', () => {
    const { wire, outlet, append, pump } = setup();
    wire.takes = false;
    append('a');
    pump();
    append('b');
    append('c');
    pump();
    assert.equal(wire.writes.length, 1);
    wire.takes = true;
    wire.release();
    pump();
    assert.deepEqual(wire.story, ['event a', 'event b', 'event c']);
    assert.equal(wire.writes.length, 2);
    assert.equal(outlet.pending, 0);
  });

  it('sends what is due together in one write, and no more than about 64 kB a visit', () => {
    const { wire, outlet, append } = setup();
    for (let i = 0; i < 50; i++) append(`small-${i}`);
    assert.equal(outlet.flush(), false);
    assert.equal(wire.writes.length, 1);
    for (let i = 0; i < 20; i++) append(`large-${i}`, `"${'x'.repeat(10_000)}"`);
    let visits = 1;
    while (outlet.flush()) visits++;
    assert.ok(visits >= 3, `${visits} visits for 200 kB`);
    for (const bytes of wire.writes) assert.ok(bytes <= 65_536, `${bytes} bytes in one write`);
    assert.equal(wire.texts.length, 70);
  });

  it('counts messages and events together towards the 64 kB', () => {
    const { wire, outlet, append } = setup();
    const large = 'x'.repeat(30_000);
    for (let i = 0; i < 4; i++) {
      outlet.say(() => JSON.stringify({ said: large }));
      append(`${i}`, `"${large}"`);
    }
    while (outlet.flush());
    for (const bytes of wire.writes) assert.ok(bytes < 65_536 + 31_000, `${bytes} bytes in one write`);
    assert.equal(wire.texts.length, 8);
  });

  it('sends an event that is larger than a visit all the same', () => {
    const { wire, append, pump } = setup();
    append('large', `"${'x'.repeat(250_000)}"`);
    append('next');
    pump();
    assert.deepEqual(wire.story, ['event large', 'event next']);
  });

  it('looks at a bounded number of entries a visit and passes over what is not for its reader', () => {
    const { wire, append, outlet, pump } = setup({ maxEvents: 10_000 });
    for (let i = 0; i < 5000; i++) append(`other-${i}`, '1', '8');
    append('own');
    outlet.say(() => encodeOk({ type: 'system', event: 'stale', stale: true }));
    pump();
    assert.deepEqual(wire.story, ['event own', 'stale true']);
  });

  it('never says a cursor ahead of what was sent, nor behind it, however slow the wire', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom('append', 'append', 'ping', 'flush', 'slow', 'fast', 'release', 'foreign', 'cover'),
          { minLength: 5, maxLength: 60 },
        ),
        steps => {
          const { wire, outlet, log, append, ping, pump } = setup();
          const owed: { id: string; sequence: number }[] = [];
          steps.forEach((step, index) => {
            if (step === 'append') {
              append(`${index}`, `"${'x'.repeat(index * 200)}"`);
              owed.push({ id: `${index}`, sequence: log.head });
            } else if (step === 'foreign') append(`${index}`, '1', '8');
            else if (step === 'cover') log.cover(START + index, START + index);
            else if (step === 'ping') outlet.say(ping);
            else if (step === 'flush') outlet.flush();
            else if (step === 'release' && wire.isWriting) wire.release();
            else if (step === 'slow' || step === 'fast') wire.takes = step === 'fast';
          });
          wire.takes = true;
          if (wire.isWriting) wire.release();
          pump();
          const received: string[] = [];
          let coveredUntil = 0;
          for (const message of wire.messages) {
            if (message.type === 'event') received.push(message.id ?? '');
            const place = log.locate(cursorOf(message), 'acme');
            assert.ok(place.kind === 'at' && place.coveredUntil >= coveredUntil, 'nor an earlier time');
            coveredUntil = place.coveredUntil;
            const complete = owed.filter(({ sequence }) => sequence <= place.sequence).map(({ id }) => id);
            assert.deepEqual(complete, received);
          }
          assert.deepEqual(
            received,
            owed.map(({ id }) => id),
          );
        },
      ),
    );
  });
});

describe('the end of an outlet', () => {
  it('says goodbye after everything said so far, and nothing that is said later', () => {
    const { wire, outlet, append, ping, pump } = setup();
    append('a');
    outlet.say(ping);
    outlet.end(ENDINGS.drain);
    outlet.say(ping);
    append('b');
    pump();
    assert.deepEqual(wire.story, ['event a', 'ping']);
    assert.equal(wire.ending, ENDINGS.drain);
  });

  it('drops what waits when it fails, and says why', () => {
    const { wire, outlet, append, ping, pump } = setup();
    append('a');
    outlet.say(ping);
    outlet.fail(ENDINGS.tokenExpired, encodeError('access_denied', null));
    outlet.fail(ENDINGS.internal, encodeError('internal', null));
    pump();
    assert.deepEqual(wire.story, ['error access_denied']);
    assert.equal(wire.ending, ENDINGS.tokenExpired);
  });

  it('waits for the write under way', () => {
    const { wire, outlet, append, pump } = setup();
    wire.takes = false;
    append('a');
    pump();
    outlet.fail(ENDINGS.internal, encodeError('internal', null));
    pump();
    assert.equal(wire.ending, null);
    wire.takes = true;
    wire.release();
    pump();
    assert.deepEqual(wire.story, ['event a', 'error internal']);
    assert.equal(wire.ending, ENDINGS.internal);
  });
});
