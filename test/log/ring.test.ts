import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { EntryAudience } from '../../src/log/entry.js';
import type { Audience } from '../../src/log/event.js';
import { hashOf } from '../../src/log/ids.js';
import { Ring } from '../../src/log/ring.js';
import { toAll, toTenant, toTopics, toUsers } from '../support/events.js';

const TENANT = 'acme';
const coverage = { until: 0 };

function push(ring: Ring, n: number, audience: EntryAudience): void {
  const { slab, start } = ring.slabs.reserve(10);
  ring.push({
    sequence: n,
    id: `e${n}`,
    idHash: hashOf(`e${n}`, 7),
    audience,
    expiresAt: null,
    receivedAt: 0,
    coverage,
    slab,
    start,
    end: start + 10,
  });
}

/** What it names, to be compared: names keep theirs private. */
const named = (audience: EntryAudience) =>
  audience.kind === 'some'
    ? { ...audience, users: [...audience.users], topics: [...audience.topics] }
    : audience;

test('an audience that is lent names whom the event names, whatever came before it and went', () => {
  const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 });
  const audience: fc.Arbitrary<Audience> = fc.oneof(
    fc.constant(toTenant(TENANT)),
    fc
      .tuple(names, names)
      .filter(([users, topics]) => users.length + topics.length > 0)
      .map(([users, topics]): Audience => ({ kind: 'some', tenant: TENANT, users, topics })),
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(audience, audience, fc.constant(null)), { maxLength: 40 }), steps => {
      const ring = new Ring(TENANT, 0);
      for (const [n, step] of steps.entries()) {
        if (step === null) {
          ring.evict(true);
          continue;
        }
        const kept = ring.audienceOf(step);
        assert.deepEqual(named(kept), step);
        push(ring, n, kept);
      }
    }),
  );
});

test('entries for the same one topic, the same one user or the whole tenant share one audience', () => {
  const ring = new Ring(TENANT, 0);
  const same = [toTopics(TENANT, 'a'), toUsers(TENANT, 'a'), toTenant(TENANT)];
  const first = same.map(audience => ring.audienceOf(audience));
  assert.equal(new Set(first).size, 3);
  for (const [n, audience] of first.entries()) push(ring, n, audience);
  for (const [n, audience] of same.entries()) assert.equal(ring.audienceOf(audience), first[n]);
  const everybody = new Ring(null, 0);
  assert.deepEqual(everybody.audienceOf(toAll), toAll);
});
