import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Emptied } from '../../src/log/emptied.js';

test('what was evicted is never understated, and known exactly while there is room', () => {
  const step = fc.record({
    tenant: fc.constantFrom('a', 'b', 'c', 'd', 'e', '__proto__', 'constructor'),
    leaves: fc.nat(3),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(0, 250, 1e6), (steps, maxBytes) => {
      const emptied = new Emptied(maxBytes);
      const truth = new Map<string, number>();
      steps.forEach(({ tenant, leaves }, sequence) => {
        // As the log does it: a tenant with new events is taken out, and put back with at least what it had.
        const before = emptied.evictedUpTo(tenant);
        emptied.remove(tenant);
        const after = leaves === 0 ? before : Math.max(before, sequence);
        emptied.add(tenant, after);
        truth.set(tenant, Math.max(truth.get(tenant) ?? 0, leaves === 0 ? 0 : sequence));
        for (const [name, evicted] of truth) {
          const told = emptied.evictedUpTo(name);
          assert.ok(told >= evicted, `${name}: ${told}, though ${evicted} was evicted`);
          if (maxBytes === 1e6) assert.equal(told, evicted);
        }
        assert.ok(emptied.bytes <= maxBytes);
      });
      for (const name of truth.keys()) emptied.remove(name);
      assert.equal(emptied.bytes, 0);
    }),
    { numRuns: 500 },
  );
});

test('any number of tenants fits, those without loss cost nothing', () => {
  const emptied = new Emptied(10_000);
  for (let i = 1; i <= 100_000; i++) emptied.add(`tenant-${i}`, 0);
  assert.equal(emptied.bytes, 0);
  for (let i = 1; i <= 100_000; i++) emptied.add(`tenant-${i}`, i);
  assert.ok(emptied.bytes <= 10_000 && emptied.bytes > 9000);
  assert.equal(emptied.evictedUpTo('tenant-100000'), 100_000);
  assert.ok(emptied.evictedUpTo('tenant-1') > 99_000);
  assert.equal(emptied.evictedUpTo('never seen'), emptied.evictedUpTo('tenant-1'));
});
