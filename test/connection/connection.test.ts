import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AuthOutcome } from '../../src/connection/authenticate.js';
import { ENDINGS } from '../../src/protocol/endings.js';
import { forTopic, forUser, LIMITS, openToken, refused, rig, token } from './rig.js';

describe('a connection that has said nothing yet', () => {
  it('is greeted with the version of the protocol', async () => {
    const r = rig();
    const { wire } = r.open();
    await r.settle();
    assert.deepEqual(wire.story, ['hello']);
    assert.equal(wire.messages[0]?.protocol, 1);
  });

  it('is ended at the auth timeout, not before', async () => {
    const r = rig();
    const { wire } = r.open();
    r.clock.advance(LIMITS.authTimeoutMs - 1);
    await r.settle();
    assert.equal(wire.ending, null);
    r.clock.advance(21);
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'error auth_timeout']);
    assert.equal(wire.ending, ENDINGS.authTimeout);
  });

  it('is ended at the auth timeout though its token is still being checked, and the outcome is too late then', async () => {
    let answer: (outcome: AuthOutcome) => void = () => {};
    const r = rig({ authenticate: () => new Promise(resolve => (answer = resolve)) });
    const { wire, send } = r.open();
    send({ access_token: 'slow' });
    await r.settle();
    r.clock.advance(LIMITS.authTimeoutMs + 20);
    answer(await openToken(token(r.clock)));
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'error auth_timeout']);
    assert.equal(wire.ending, ENDINGS.authTimeout);
    assert.equal(r.hub.size.routes.connections, 0);
  });

  it('gets no events', async () => {
    const r = rig();
    const { wire } = r.open();
    r.publish('a', { kind: 'all' });
    await r.settle();
    assert.deepEqual(wire.story, ['hello']);
  });

  it('may try again after a first message without a token', async () => {
    const r = rig();
    const { wire, send } = r.open();
    send({ subscribe: ['a'], ref: 'x' });
    send({ access_token: '' });
    send({ access_token: null });
    send({ access_token: token(r.clock) });
    await r.settle();
    const errors = ['error token_missing', 'error token_missing', 'error token_missing'];
    assert.deepEqual(wire.story, ['hello', ...errors, 'connected']);
    assert.equal(wire.messages[1]?.error, 'access_token not present');
    assert.equal(wire.messages[1]?.ref, 'x');
  });

  it('is ended by its first malformed message', async () => {
    for (const message of ['', '{', '[]', 'null', '"x"', '{"subscribe":"a"}', '{"ref":{}}', '{"ping":1}']) {
      const r = rig();
      const { wire, send } = r.open();
      send(message);
      await r.settle();
      assert.deepEqual(wire.story, ['hello', 'error malformed'], message);
      assert.equal(wire.ending, ENDINGS.malformed);
    }
  });

  it('is ended for a protocol version that is not spoken here', async () => {
    const r = rig();
    const { wire, send } = r.open();
    send({ access_token: token(r.clock), protocol: 2 });
    await r.settle();
    assert.equal(wire.ending, ENDINGS.protocolVersion);
  });

  it('is ended for a token that is not one', async () => {
    for (const access_token of [7, {}, ['x'], true]) {
      const r = rig();
      const { wire, send } = r.open();
      send({ access_token });
      await r.settle();
      assert.deepEqual(wire.story, ['hello', 'error access_denied']);
      assert.equal(wire.ending, ENDINGS.accessDenied);
      assert.equal(r.count('tokens_refused_total', 'malformed'), 1);
    }
  });

  it('is told the same whatever is wrong with its token, except that it has no tenant', async () => {
    for (const fault of ['expired', 'signature', 'unknown_key', 'bad_tenant', 'no_tenant'] as const) {
      const r = rig();
      const { wire, send } = r.open();
      send({ access_token: refused(fault), ref: 1 });
      await r.settle();
      const [, error] = wire.messages;
      assert.equal(error?.code, fault === 'no_tenant' ? 'forbidden' : 'access_denied');
      assert.equal(error?.ref, 1);
      assert.equal(wire.ending, fault === 'no_tenant' ? ENDINGS.noTenant : ENDINGS.accessDenied);
      assert.equal(r.count('tokens_refused_total', fault), 1);
    }
  });

  it('is told to come back when the keys are out of reach, for that is not its fault', async () => {
    const r = rig();
    const { wire, send } = r.open();
    send({ access_token: refused('keys_unavailable') });
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'error internal']);
    assert.equal(wire.ending, ENDINGS.internal);
  });

  it('is ended alone by a bug in checking its token', async () => {
    const r = rig();
    const other = await r.enter();
    const { wire, send } = r.open();
    send({ access_token: 'throws' });
    await assert.rejects(r.settle(), /a bug in checking tokens/);
    r.errors.length = 0;
    r.publish('a');
    await r.settle();
    assert.equal(wire.ending, ENDINGS.internal);
    assert.deepEqual(other.wire.story, ['hello', 'connected', 'event a']);
  });
});

describe('a connection that is ended before it could be greeted', () => {
  it('is greeted all the same, and told what it is about to be told', async () => {
    const r = rig();
    const { wire, send } = r.open();
    send({ access_token: token(r.clock) });
    await Promise.resolve();
    await Promise.resolve();
    for (const message of ['{', '{', '{']) send(message);
    await r.settle();
    const errors = ['error malformed', 'error malformed', 'error malformed'];
    assert.deepEqual(wire.story, ['hello', 'connected', ...errors]);
  });
});

describe('messages that come while a token is checked', () => {
  it('are kept in order until it is', async () => {
    let answer: (outcome: AuthOutcome) => void = () => {};
    const r = rig({ authenticate: () => new Promise(resolve => (answer = resolve)) });
    const { wire, send } = r.open();
    send({ access_token: 'slow' });
    send({ subscribe: ['a'], ref: 1 });
    send({ unsubscribe: ['a'], ref: 2 });
    send({ subscribe: ['b'], ref: 3 });
    await r.settle();
    assert.deepEqual(wire.story, ['hello']);
    assert.ok(!wire.paused);
    const big = 'b'.repeat(40_000);
    send({ unsubscribe: [], ref: 4, ignored: big });
    send({ unsubscribe: [], ref: 5, ignored: big });
    assert.ok(wire.paused, 'more than 64 kB waiting: no more is read');
    answer(await openToken(token(r.clock)));
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'connected', ...[1, 2, 3, 4, 5].map(ref => `reply ${ref}`)]);
    assert.ok(!wire.paused);
    assert.equal(r.hub.size.routes.topics, 1);
  });

  it('wait again behind a second token among them', async () => {
    const answers: ((outcome: AuthOutcome) => void)[] = [];
    const r = rig({ authenticate: () => new Promise(resolve => void answers.push(resolve)) });
    const { wire, send } = r.open();
    send({ access_token: 'first' });
    send({ access_token: 'second', ref: 1 });
    send({ subscribe: ['a'], ref: 2 });
    answers[0]?.(await openToken(token(r.clock)));
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'connected']);
    answers[1]?.(await openToken(token(r.clock, { grants: [] })));
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'connected', 'reply 1', 'reply 2']);
    assert.deepEqual(wire.messages.at(-1)?.denied, [{ topic: 'a', code: 'not_granted' }]);
  });

  it('are forgotten when it is refused', async () => {
    const r = rig();
    const { wire, send } = r.open();
    send({ access_token: refused('expired') });
    send({ access_token: token(r.clock) });
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'error access_denied']);
  });

  it('and the connection that went meanwhile leave nothing behind', async () => {
    let answer: (outcome: AuthOutcome) => void = () => {};
    const r = rig({ authenticate: () => new Promise(resolve => (answer = resolve)) });
    const { connection, send } = r.open();
    send({ access_token: 'slow' });
    connection.closed();
    answer(await openToken(token(r.clock)));
    await r.settle();
    assert.equal(r.hub.size.connections, 0);
    assert.equal(r.hub.size.routes.connections, 0);
  });
});

describe('connected', () => {
  it('says everything about the session', async () => {
    const r = rig();
    const { wire } = await r.enter(
      { grants: ['deals.*'], expiresInMs: 100_000 },
      { subscribe: ['deals.1', 'deals.1', 'notes.1'], ref: 5 },
    );
    const { cursor, ...rest } = wire.messages[1] ?? {};
    assert.ok(cursor);
    assert.deepEqual(rest, {
      status: 'ok',
      type: 'system',
      event: 'connected',
      connected: true,
      message: 'Connected as user 7',
      user: '7',
      tenant: 'acme',
      session: 'session-1',
      resume: 'new',
      subscribed: ['deals.1'],
      denied: [{ topic: 'notes.1', code: 'not_granted' }],
      lastEventId: null,
      stale: false,
      expiresInMs: 100_000,
      pingIntervalMs: LIMITS.pingIntervalMs,
      ref: 5,
    });
  });

  it('comes before the events that follow, and what came before stays unsent', async () => {
    const r = rig();
    r.publish('before');
    const { wire, send } = r.open();
    send({ access_token: token(r.clock) });
    await r.settle();
    r.publish('after');
    await r.settle();
    assert.deepEqual(wire.story, ['hello', 'connected', 'event after']);
  });

  it('repeats the position presented, and what was missed follows in order', async () => {
    const r = rig();
    const first = await r.enter();
    r.publish('a');
    await r.settle();
    const cursor = first.wire.messages.at(-1)?.cursor ?? '';
    first.connection.closed();
    r.publish('b');
    r.publish('foreign', forUser('8'));
    r.publish('c');
    const { wire } = await r.enter({}, { cursor });
    assert.deepEqual(wire.story, ['hello', 'connected', 'event b', 'event c']);
    assert.equal(wire.messages[1]?.resume, 'resumed');
    assert.equal(wire.messages[1]?.cursor, cursor);
    assert.equal(wire.messages[1]?.reason, undefined);
  });

  it('repeats the position presented though nothing was missed and more is covered by now', async () => {
    const r = rig();
    const cursor = (await r.enter()).wire.messages.at(-1)?.cursor ?? '';
    r.clock.advance(1000);
    r.hub.covered(r.clock.wall(), r.clock.wall());
    const { wire } = await r.enter({}, { cursor });
    assert.deepEqual([wire.messages[1]?.resume, wire.messages[1]?.cursor], ['resumed', cursor]);
  });

  it('replays topics that the session may see now, and those only', async () => {
    const r = rig();
    const cursor = (await r.enter()).wire.messages.at(-1)?.cursor ?? '';
    r.publish('deal', forTopic('deals.1'));
    r.publish('note', forTopic('notes.1'));
    r.publish('foreign', forTopic('deals.1', 'other'));
    const { wire } = await r.enter({ grants: ['deals.#'] }, { cursor, subscribe: ['deals.*', 'notes.1'] });
    assert.deepEqual(wire.story, ['hello', 'connected', 'event deal']);
  });

  it('says resync for a cursor that is none', async () => {
    const r = rig();
    for (const cursor of ['', 'nonsense', 7, {}, 'x'.repeat(23)]) {
      const { wire } = await r.enter({}, { cursor });
      const connected = wire.messages[1];
      assert.deepEqual(
        [connected?.resume, connected?.reason, connected?.delayMs],
        ['resync', 'unknown_position', 0],
      );
    }
  });

  it('says resync for a position that was evicted', async () => {
    const r = rig({ log: { maxEvents: 5 } });
    const first = await r.enter();
    const cursor = first.wire.messages.at(-1)?.cursor ?? '';
    first.connection.closed();
    for (let i = 0; i < 20; i++) r.publish(`${i}`);
    const { wire } = await r.enter({}, { cursor });
    assert.deepEqual(wire.story, ['hello', 'connected']);
    assert.deepEqual([wire.messages[1]?.resume, wire.messages[1]?.reason], ['resync', 'evicted']);
    assert.equal(r.count('resyncs_total', 'evicted'), 1);
  });
});
