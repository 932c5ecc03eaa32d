import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashOf } from '../../src/log/ids.js';
import type { Entry, EntryAudience } from '../../src/log/entry.js';
import { Names } from '../../src/log/names.js';
import { Entitlement, Grants } from '../../src/router/entitlement.js';
import { fastest } from '../support/fastest.js';
import { memoryInUse } from '../support/memory.js';

const slab = { bytes: Buffer.alloc(0), used: 0, entries: 1 };

function entry(sequence: number, audience: EntryAudience): Entry {
  return {
    sequence,
    id: `e${sequence}`,
    idHash: hashOf(`e${sequence}`, 7),
    audience,
    expiresAt: null,
    receivedAt: 0,
    coverage: { until: 0 },
    slab,
    start: 0,
    end: 0,
  };
}

const some = (tenant: string, users: string[], topics: string[]): EntryAudience => ({
  kind: 'some',
  tenant,
  users: Names.of(users),
  topics: Names.of(topics),
});

test('who is entitled to what', () => {
  const session = new Entitlement('acme', '7', 10);
  session.add('deals.42', 10);
  session.add('news.*', 10);
  const table: readonly (readonly [boolean, EntryAudience])[] = [
    [true, { kind: 'all' }],
    [true, { kind: 'tenant', tenant: 'acme' }],
    [false, { kind: 'tenant', tenant: 'other' }],
    [false, { kind: 'tenant', tenant: 'Acme' }],
    [true, some('acme', ['7'], [])],
    [true, some('acme', ['1', '7'], ['x'])],
    [false, some('acme', ['07', '77', ''], [])],
    [false, some('other', ['7'], ['deals.42', 'news.a'])],
    [true, some('acme', [], ['deals.42'])],
    [true, some('acme', ['1'], ['x', 'deals.42'])],
    [false, some('acme', [], ['deals', 'deals.4', 'deals.42.x'])],
    [true, some('acme', [], ['news.a'])],
    [false, some('acme', [], ['news', 'news.a.b'])],
    [false, some('acme', [], ['7', 'u7', 'tdeals.42', '*'])],
    [false, some('acme', ['deals.42', 'news.a'], [])],
  ];
  for (const [expected, audience] of table) {
    assert.equal(session.entitled(entry(11, audience)), expected, JSON.stringify(audience));
  }
});

test('nothing counts at or before the position where the session begins', () => {
  const session = new Entitlement('acme', '7', 10);
  session.add('deals', 3);
  for (const audience of [{ kind: 'all' } as const, some('acme', ['7'], ['deals'])]) {
    assert.equal(session.entitled(entry(10, audience)), false);
    assert.equal(session.entitled(entry(11, audience)), true);
  }
});

test('a subscription counts from its own position on, exact or with wildcards', () => {
  for (const pattern of ['deals.42', 'deals.*', 'deals.#', '#']) {
    const session = new Entitlement('acme', '7', 0);
    session.add(pattern, 20);
    session.add(pattern, 5);
    assert.equal(session.entitled(entry(20, some('acme', [], ['deals.42']))), false, pattern);
    assert.equal(session.entitled(entry(21, some('acme', [], ['deals.42']))), true, pattern);
    session.add('deals.42', 30);
    assert.equal(session.entitled(entry(21, some('acme', [], ['deals.42']))), true, pattern);
  }
});

test('an older subscription decides where two match', () => {
  const session = new Entitlement('acme', '7', 0);
  session.add('deals.*', 20);
  session.add('deals.#', 10);
  session.add('*.42', 30);
  assert.equal(session.entitled(entry(10, some('acme', [], ['deals.42']))), false);
  assert.equal(session.entitled(entry(11, some('acme', [], ['deals.42']))), true);
  session.remove('deals.#');
  assert.equal(session.entitled(entry(20, some('acme', [], ['deals.42']))), false);
  assert.equal(session.entitled(entry(21, some('acme', [], ['deals.42']))), true);
});

test('a subscription that ended entitles to nothing, and leaves nothing behind', () => {
  const session = new Entitlement('acme', '7', 0);
  assert.equal(session.remove('deals.42'), false);
  for (const pattern of ['deals.42', 'deals.*', 'constructor']) session.add(pattern, 0);
  assert.deepEqual([...session.subscriptions()], ['deals.42', 'constructor', 'deals.*']);
  assert.deepEqual([...session.topics], ['deals.42', 'constructor']);
  assert.equal(session.patterns.size > 0, true);
  assert.equal(session.count, 3);
  assert.equal(session.remove('deals.*'), true);
  assert.equal(session.entitled(entry(1, some('acme', [], ['deals.43']))), false);
  assert.equal(session.entitled(entry(1, some('acme', [], ['deals.42']))), true);
  assert.equal(session.remove('deals.42'), true);
  assert.equal(session.remove('deals.42'), false);
  assert.equal(session.entitled(entry(1, some('acme', [], ['deals.42']))), false);
  assert.equal(session.remove('constructor'), true);
  assert.deepEqual([...session.topics], []);
  assert.equal(session.patterns.size > 0, false);
  assert.equal(session.count, 0);
  session.add('deals.42', 5);
  assert.equal(session.entitled(entry(5, some('acme', [], ['deals.42']))), false);
});

test('an event with 1,000 topics costs a session with 128 wildcards no more than a moment', () => {
  const session = new Entitlement('acme', '7', 0);
  for (let i = 0; i < 128; i++) session.add(`a.b.c.d.e.f.g.h.${i}.*`, 0);
  const topics = Array.from({ length: 1000 }, (_, i) => `a.b.c.d.e.f.g.h.x.${i}`);
  const wanted = entry(1, some('acme', [], topics));
  const ms = fastest(() => assert.equal(session.entitled(wanted), false));
  // Trying each pattern on each topic takes 80 ms, the tree 1.
  assert.ok(ms < 30, `${ms} ms`);
});

test('a session that subscribes and unsubscribes all day holds no more than at first', () => {
  const session = new Entitlement('acme', '7', 0);
  const cycle = (count: number) => {
    for (let i = 0; i < count; i++) {
      for (const pattern of [`a.${i}.*`, `a.${i}`]) {
        session.add(pattern, i);
        session.remove(pattern);
      }
    }
  };
  cycle(1000);
  const before = memoryInUse();
  cycle(50_000);
  const grown = memoryInUse() - before;
  assert.ok(grown < 1_000_000, `${grown} bytes`);
  assert.equal(session.count, 0);
});

test('what is granted', () => {
  assert.equal(new Grants([]).allow('deals'), false);
  assert.equal(new Grants(['orders.*', 'deals.#']).allow('deals.42.*'), true);
  assert.equal(new Grants(['orders.*', 'deals.*']).allow('deals.#'), false);
  // The two together would do; a grant has to do alone.
  assert.equal(new Grants(['deals', 'deals.*.#']).allow('deals.#'), false);
});
