import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Audience } from '../../src/log/event.js';
import { Router } from '../../src/router/router.js';
import { toAll, toTenant, toTopics, toUsers } from '../support/events.js';
import { meansTopic } from '../support/topics.js';

interface Client {
  readonly tenant: string;
  readonly user: string;
}

function reached(router: Router<Client>, audience: Audience): Set<Client> {
  const clients = new Set<Client>();
  router.reach(audience, some => {
    for (const client of some) clients.add(client);
  });
  return clients;
}

const NOTHING = { tenants: 0, connections: 0, users: 0, topics: 0 };
const NAMES = ['__proto__', 'constructor', '7', '07', '\u00e9', 'e\u0301', 'x'.repeat(255)];
const PATTERNS = ['a', 'a.b', '__proto__', 'constructor.a', '#', '*', 'a.*', 'a.#', '*.b', '*.*.#'];
const TOPICS = ['a', 'a.b', 'b.b', 'a.b.c', '__proto__', 'constructor.a', 'toString'];

test('an event reaches exactly whom it concerns, and nobody is left behind at the end', () => {
  const name = fc.constantFrom(...NAMES);
  const client = fc.record({
    tenant: name,
    user: name,
    patterns: fc.array(fc.constantFrom(...PATTERNS)),
    left: fc.array(fc.constantFrom(...PATTERNS)),
    gone: fc.boolean(),
  });
  const audience: fc.Arbitrary<Audience> = fc.oneof(
    fc.constant(toAll),
    name.map(toTenant),
    fc.record({
      kind: fc.constant('some' as const),
      tenant: name,
      users: fc.uniqueArray(name),
      topics: fc.uniqueArray(fc.constantFrom(...TOPICS)),
    }),
  );
  fc.assert(
    fc.property(fc.array(client, { maxLength: 12 }), fc.array(audience), (specs, audiences) => {
      const router = new Router<Client>();
      const here = new Map<Client, Set<string>>();
      for (const { tenant, user, patterns, left, gone } of specs) {
        const one = { tenant, user };
        const subscriptions = new Set(patterns);
        router.add(one);
        for (const pattern of patterns) router.subscribe(one, pattern);
        for (const pattern of left) {
          router.unsubscribe(one, pattern);
          subscriptions.delete(pattern);
        }
        if (gone) router.remove(one, subscriptions);
        else here.set(one, subscriptions);
      }
      for (const audience of audiences) {
        const expected = [...here].filter(([{ tenant, user }, patterns]) => {
          if (audience.kind === 'all') return true;
          if (audience.tenant !== tenant) return false;
          if (audience.kind === 'tenant' || audience.users.includes(user)) return true;
          return audience.topics.some(topic => [...patterns].some(pattern => meansTopic(pattern, topic)));
        });
        assert.deepEqual(reached(router, audience), new Set(expected.map(([one]) => one)));
      }
      assert.equal(router.size.connections, here.size);
      assert.equal(router.size.tenants, new Set([...here.keys()].map(({ tenant }) => tenant)).size);
      for (const [one, patterns] of here) router.remove(one, patterns);
      assert.deepEqual(router.size, NOTHING);
    }),
    { numRuns: 500 },
  );
});

test('maps empty out one by one while others of the tenant stay', () => {
  const router = new Router<Client>();
  const stays = { tenant: 'acme', user: '1' };
  const goes = { tenant: 'acme', user: '2' };
  router.add(stays);
  router.add(goes);
  router.subscribe(goes, 'deals.42');
  router.subscribe(goes, 'deals.*');
  assert.deepEqual(router.size, { tenants: 1, connections: 2, users: 2, topics: 1 });
  router.remove(goes, ['deals.42', 'deals.*']);
  assert.deepEqual(router.size, { tenants: 1, connections: 1, users: 1, topics: 0 });
  assert.deepEqual(reached(router, toTopics('acme', 'deals.42')), new Set());
  assert.deepEqual(reached(router, toUsers('acme', '2')), new Set());
  assert.deepEqual(reached(router, toTenant('acme')), new Set([stays]));
});

test('several connections of one user are all reached, and go one at a time', () => {
  const router = new Router<Client>();
  const first = { tenant: 'acme', user: '1' };
  const second = { tenant: 'acme', user: '1' };
  for (const client of [first, second]) {
    router.add(client);
    router.subscribe(client, 'deals');
  }
  assert.equal(reached(router, toUsers('acme', '1')).size, 2);
  router.remove(first, ['deals']);
  assert.deepEqual(reached(router, toUsers('acme', '1')), new Set([second]));
  assert.deepEqual(reached(router, toTopics('acme', 'deals')), new Set([second]));
  router.remove(first, ['deals']);
  assert.deepEqual(reached(router, toTopics('acme', 'deals')), new Set([second]));
});

test('a subscription of somebody who was never added, or is gone, reaches nobody and holds nothing', () => {
  const router = new Router<Client>();
  const nobody = { tenant: 'acme', user: '1' };
  router.subscribe(nobody, 'deals');
  router.subscribe(nobody, '#');
  router.unsubscribe(nobody, 'deals');
  router.remove(nobody, ['deals', '#']);
  assert.deepEqual(reached(router, toTopics('acme', 'deals')), new Set());
  assert.deepEqual(router.size, NOTHING);
});

test('those whom an event reaches stay in one set, which follows who comes and goes', () => {
  const router = new Router<Client>();
  const one = (user: string) => ({ tenant: 'acme', user });
  const sets = (audience: Audience) => {
    const found: ReadonlySet<Client>[] = [];
    router.reach(audience, some => void found.push(some));
    return found;
  };
  const audiences = [toTenant('acme'), toTopics('acme', 'a'), toTopics('acme', 'b.c')];
  const stay = (client: Client) => {
    router.add(client);
    router.subscribe(client, 'a');
    router.subscribe(client, 'b.*');
  };
  const [first, second] = [one('7'), one('8')];
  stay(first);
  const before = audiences.flatMap(sets);
  stay(second);
  router.remove(first, ['a', 'b.*']);
  assert.equal(before.length, 3);
  for (const [index, set] of audiences.flatMap(sets).entries()) {
    assert.equal(set, before[index]);
    assert.deepEqual([...set], [second]);
  }
});
