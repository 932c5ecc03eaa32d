import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assert as check, integer, property, subarray } from 'fast-check';
import { read, tableRows } from '../docs/documents.js';
import { FAULTS } from './faults/index.js';
import { lengthOf, plan } from './nemesis.js';
import { seeded } from './random.js';

const seeds = integer({ min: 0, max: 2 ** 31 });
const some = subarray([...FAULTS], { minLength: 1 });
const outline = (steps: ReturnType<typeof plan>) =>
  steps.flat().map(({ fault, calmMs, holdMs }) => [fault.name, calmMs, holdMs]);

test('a seed gives the same schedule every time', () => {
  check(
    property(seeds, some, (seed, faults) => {
      assert.deepEqual(
        outline(plan(faults, seeded(seed), 60_000)),
        outline(plan(faults, seeded(seed), 60_000)),
      );
    }),
  );
  assert.notDeepEqual(outline(plan(FAULTS, seeded(1), 60_000)), outline(plan(FAULTS, seeded(2), 60_000)));
});

test('a schedule has every fault, and parts of its own for those that must not overlap, with calm in between', () => {
  check(
    property(seeds, some, (seed, faults) => {
      const steps = plan(faults, seeded(seed), 30_000);
      assert.deepEqual(new Set(steps.flat().map(({ fault }) => fault)), new Set(faults));
      for (const own of steps) {
        assert.equal(new Set(own.map(({ fault }) => fault.part)).size, 1);
        assert.ok(own.slice(1).every(({ calmMs }) => calmMs >= 3000));
      }
    }),
  );
});

test('a drawn schedule takes no longer than it may, and over many seeds has every fault', () => {
  const forMs = 120_000;
  const seen = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    for (const own of plan(FAULTS, seeded(seed), forMs, 'drawn')) {
      for (const { fault } of own) seen.add(fault.name);
      assert.ok(own.length === 1 || lengthOf([own]) <= forMs);
    }
  }
  assert.equal(seen.size, FAULTS.length);
});

test('docs/reliability.md lists the faults', () => {
  const rows = FAULTS.map(({ name, what, feeds, resyncs }) => [
    `\`${name}\``,
    what,
    feeds.join(', '),
    resyncs.join(', ') || 'none',
  ]);
  assert.deepEqual(tableRows(read('docs/reliability.md'), 'faults'), rows);
});
