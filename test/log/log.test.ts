import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Audience } from '../../src/log/event.js';
import { Entitlement } from '../../src/router/entitlement.js';
import {
  START,
  aLog,
  anEvent,
  frameOf,
  idsOf,
  moment,
  readAll,
  textOf,
  toAll,
  toTenant,
  toTopics,
  toUsers,
} from '../support/events.js';

const reader = (tenant: string, user = '7', since = 0) => new Entitlement(tenant, user, since);

test('a reader gets what is addressed to it, in order and each event once', () => {
  const log = aLog();
  const session = reader('acme');
  session.add('deals.42', 0);
  session.add('deals.*', 0);
  const audiences: [string, Audience][] = [
    ['all', toAll],
    ['tenant', toTenant('acme')],
    ['other tenant', toTenant('other')],
    ['user', toUsers('acme', '7')],
    ['other user', toUsers('acme', '8')],
    ['same user elsewhere', toUsers('other', '7')],
    ['topic, twice mine', toTopics('acme', 'deals.42')],
    ['wildcard', toTopics('acme', 'deals.43', 'deals.44')],
    ['other topic', toTopics('acme', 'deals')],
    [
      'everything',
      { kind: 'some', tenant: 'acme', users: ['8', '7'], topics: ['x', 'deals.42', 'deals.43'] },
    ],
  ];
  for (const [id, audience] of audiences) log.append(anEvent(id, audience), moment(1));
  const entries = readAll(log, session, 1, moment(2));
  assert.deepEqual(idsOf(entries), ['all', 'tenant', 'user', 'topic, twice mine', 'wildcard', 'everything']);
  assert.deepEqual(
    entries.map(entry => entry.sequence),
    [2, 3, 5, 8, 9, 11],
  );
  assert.deepEqual(idsOf(readAll(log, session, 3, moment(2)))[0], 'user');
});

test('a run ends where its limits are met, and always gets on', () => {
  const log = aLog();
  for (let i = 0; i < 10; i++) log.append(anEvent(`e${i}`, toTenant('acme')), moment(1));
  const length = log
    .read(reader('acme'), { from: 1, to: 2 }, { bytes: 1, looks: 1 }, moment(1).monotonic)
    .entries.map(entry => entry.end - entry.start)[0];
  assert.ok(length !== undefined);
  const read = (from: number, to: number, bytes: number, looks: number) => {
    const run = log.read(reader('acme'), { from, to }, { bytes, looks }, moment(1).monotonic);
    return [idsOf(run.entries), run.upTo];
  };
  assert.deepEqual(read(1, 11, 1, 100), [['e0'], 2]);
  assert.deepEqual(read(1, 11, 3 * length, 100), [['e0', 'e1', 'e2'], 4]);
  assert.deepEqual(read(1, 11, 3 * length - 1, 100), [['e0', 'e1'], 3]);
  assert.deepEqual(read(1, 11, 1e6, 2), [['e0', 'e1'], 3]);
  assert.deepEqual(read(1, 4, 1e6, 100), [['e0', 'e1', 'e2'], 4]);
  assert.deepEqual(read(9, 11, 1e6, 100), [['e8', 'e9'], 11]);
  assert.deepEqual(read(11, 11, 1e6, 100), [[], 11]);
});

test('looks are counted in topics: one turn of a reader is bounded whatever publishers list', () => {
  const log = aLog();
  const session = reader('acme');
  session.add('wanted.*', 0);
  const topics = Array.from({ length: 100 }, (_, i) => `other.${i}`);
  for (let i = 0; i < 10; i++) log.append(anEvent(`e${i}`, toTopics('acme', ...topics)), moment(1));
  const run = log.read(session, { from: 1, to: log.head }, { bytes: 1e6, looks: 250 }, moment(1).monotonic);
  assert.deepEqual([run.entries.length, run.upTo], [0, 4]);
});

test('an id that is still in the tenant’s log is dropped: as a duplicate, or as a conflict if it says something else', () => {
  const log = aLog();
  const first = anEvent('e1', toTopics('acme', 'a'), { data: '{"n":1}', type: 't' });
  assert.equal(log.append(first, moment(1)), 'appended');
  const { head, size } = log;
  assert.equal(log.append(first, moment(2)), 'duplicate');
  assert.equal(log.append({ ...first, data: Buffer.from('{"n":2}') }, moment(2)), 'conflict');
  assert.equal(log.append({ ...first, type: 'u' }, moment(2)), 'conflict');
  assert.equal(log.append({ ...first, audience: toTopics('acme', 'b') }, moment(2)), 'conflict');
  assert.equal(log.append({ ...first, audience: toTenant('acme') }, moment(2)), 'conflict');
  assert.deepEqual([log.head, log.size], [head, size]);
});

test('the same id in two tenants, and for everybody, is three events', () => {
  const log = aLog();
  for (const audience of [toTenant('acme'), toTenant('other'), toAll]) {
    assert.equal(log.append(anEvent('e1', audience), moment(1)), 'appended');
    assert.equal(log.append(anEvent('e1', audience), moment(1)), 'duplicate');
  }
  assert.equal(readAll(log, reader('acme'), 1, moment(2)).length, 2);
});

test('names that differ only in their normal form, or that objects have, are different tenants', () => {
  const log = aLog();
  const names = ['\u00e9', 'e\u0301', '__proto__', 'constructor', 'toString', '7', '07', '*', 'u7'];
  for (const name of names) assert.equal(log.append(anEvent('e1', toTenant(name)), moment(1)), 'appended');
  for (const name of names) assert.equal(log.append(anEvent('e1', toTenant(name)), moment(1)), 'duplicate');
  for (const name of names) {
    const entries = readAll(log, reader(name), 1, moment(2));
    assert.deepEqual(
      entries.map(({ audience }) => audience),
      [{ kind: 'tenant', tenant: name }],
    );
  }
});

test('after its eviction an id is new again', () => {
  const log = aLog({ maxEvents: 2 });
  for (const id of ['e1', 'e2', 'e3']) log.append(anEvent(id, toTenant('acme')), moment(1));
  assert.equal(log.append(anEvent('e3', toTenant('acme')), moment(1)), 'duplicate');
  assert.equal(log.append(anEvent('e1', toTenant('acme')), moment(1)), 'appended');
});

test('a log keeps its own copy of data', () => {
  const log = aLog();
  const data = Buffer.from('"before"');
  log.append({ ...anEvent('e1', toTenant('acme')), data }, moment(1));
  data.write('"after!"');
  const [entry] = readAll(log, reader('acme'), 1, moment(1));
  assert.ok(entry !== undefined);
  assert.match(textOf(frameOf(entry)), /"data":"before"}$/);
});

test('an expired event is neither taken nor delivered nor counted as missed', () => {
  const log = aLog({ maxEvents: 3 });
  assert.equal(log.append(anEvent('late', toTenant('acme'), { expiresAt: START + 5 }), moment(5)), 'expired');
  assert.equal(log.head, 1);
  for (const id of ['e1', 'e2', 'e3'])
    log.append(anEvent(id, toTenant('acme'), { expiresAt: START + 100 }), moment(10));
  assert.deepEqual(idsOf(readAll(log, reader('acme'), 1, moment(99))), ['e1', 'e2', 'e3']);
  assert.deepEqual(idsOf(readAll(log, reader('acme'), 1, moment(100))), []);
  log.append(anEvent('e4', toTenant('acme')), moment(100));
  assert.equal(log.size.events, 3);
  assert.equal(log.evictedUpTo('acme'), 0);
  for (const id of ['e5', 'e6', 'e7']) log.append(anEvent(id, toTenant('acme')), moment(101));
  assert.equal(log.evictedUpTo('acme'), 5);
});

test('expiry runs on the monotonic clock once an event is in', () => {
  const log = aLog();
  log.append(anEvent('e1', toTenant('acme'), { expiresAt: START + 1000 }), moment(0));
  const setForward = { wall: START + 3_600_000, monotonic: 999 };
  assert.equal(readAll(log, reader('acme'), 1, setForward).length, 1);
  const setBack = { wall: START - 3_600_000, monotonic: 1000 };
  assert.equal(readAll(log, reader('acme'), 1, setBack).length, 0);
});

test('events leave at their age, a few at a time, and with the last one everything is let go', () => {
  const log = aLog({ maxAgeMs: 1000 });
  for (let i = 0; i < 3000; i++) log.append(anEvent(`e${i}`, toTopics('acme', `t${i}`)), moment(10));
  log.tick(moment(1009));
  assert.equal(log.size.events, 3000);
  log.tick(moment(1010));
  assert.equal(log.size.events, 3000 - 1024);
  assert.equal(log.evictedUpTo('acme'), 1025);
  log.tick(moment(1010));
  log.tick(moment(1010));
  assert.equal(log.size.events, 0);
  assert.equal(log.size.tenants, 0);
  assert.ok(log.size.bytes < 200, 'but for what is known of the tenant');
  assert.equal(log.evictedUpTo('acme'), 3001);
  assert.equal(log.evictedUpTo('other'), 0);
});

test('a noisy tenant shortens only its own history', () => {
  const byEvents = aLog({ maxEvents: 1000 });
  const byBytes = aLog({ maxBytes: 1_000_000 });
  for (const log of [byEvents, byBytes]) {
    for (let i = 0; i < 100; i++) log.append(anEvent(`q${i}`, toTenant('quiet')), moment(1));
    log.append(anEvent('news', toAll), moment(1));
    for (let i = 0; i < 20_000; i++) log.append(anEvent(`n${i}`, toTenant('noisy')), moment(2));
    assert.equal(log.evictedUpTo('quiet'), 0);
    assert.equal(readAll(log, reader('quiet'), 1, moment(3)).length, 101);
    assert.ok(log.evictedUpTo('noisy') > 10_000);
    assert.equal(
      readAll(log, reader('noisy'), log.evictedUpTo('noisy'), moment(3)).length,
      log.size.events - 101,
    );
  }
});

test('what was evicted of the events for everybody is missing for everybody', () => {
  const log = aLog({ maxEvents: 2 });
  for (let i = 1; i <= 3; i++) log.append(anEvent(`e${i}`, toAll), moment(1));
  assert.equal(log.evictedUpTo('acme'), 2);
  assert.equal(log.evictedUpTo('never seen'), 2);
});

test('a tenant that has events again still knows what was evicted before', () => {
  const log = aLog({ maxAgeMs: 1000 });
  log.append(anEvent('e1', toTenant('acme')), moment(0));
  log.tick(moment(2000));
  assert.equal(log.evictedUpTo('acme'), 2);
  log.append(anEvent('e2', toTenant('acme')), moment(2000));
  assert.equal(log.evictedUpTo('acme'), 2);
});

test('a tenant that comes and goes leaves no more behind than one that did so once', () => {
  const log = aLog({ maxAgeMs: 10 });
  const left = new Set<number>();
  for (let i = 0; i < 100; i++) {
    log.append(anEvent(`e${i}`, toTenant('acme')), moment(i * 20));
    log.tick(moment(i * 20 + 10));
    left.add(log.size.bytes);
  }
  assert.equal(left.size, 1);
});

test('a reader stops at each epoch boundary', () => {
  const log = aLog();
  log.append(anEvent('e1', toAll), moment(1));
  log.beginEpoch(moment(2));
  log.append(anEvent('e2', toAll), moment(3));
  log.beginEpoch(moment(4));
  assert.deepEqual([log.head, log.boundary], [5, 5]);
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map(position => log.boundaryAfter(position)),
    [1, 3, 3, 5, 5, Infinity],
  );
});

test('however many epochs there were, nothing evicted is forgotten', () => {
  const log = aLog({ maxEvents: 1 });
  log.beginEpoch(moment(1));
  log.append(anEvent('e1', toAll), moment(1));
  log.append(anEvent('e2', toAll), moment(1));
  const evicted = log.evictedUpTo('acme');
  assert.equal(evicted, 3);
  for (let i = 0; i < 200; i++) {
    log.beginEpoch(moment(2 + i));
    assert.ok(log.evictedUpTo('acme') >= evicted, `after ${i + 1} more`);
  }
  // Boundaries that are no longer known are places where everybody falls off.
  for (let position = 0; position < log.head; position++) {
    const told = position < log.evictedUpTo('acme') || log.boundaryAfter(position) < Infinity;
    assert.ok(told, `a reader at ${position} would not be told`);
  }
});
