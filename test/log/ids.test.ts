import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Entry } from '../../src/log/entry.js';
import { hashOf, Ids } from '../../src/log/ids.js';

const slab = { bytes: Buffer.alloc(0), used: 0, entries: 1 };
const coverage = { until: 0 };

const anEntry = (id: string, seed: number): Entry => ({
  sequence: 1,
  id,
  idHash: hashOf(id, seed),
  audience: { kind: 'all' },
  expiresAt: null,
  receivedAt: 0,
  coverage,
  slab,
  start: 0,
  end: 0,
});

test('entries are found by their ids as in a map, whoever came and went before', () => {
  const step = fc.record({ id: fc.nat(60).map(String), add: fc.boolean() });
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 400 }), (seed, steps) => {
      const ids = new Ids();
      const expected = new Map<string, Entry>();
      for (const { id, add } of steps) {
        const known = expected.get(id);
        if (add && known === undefined) {
          const entry = anEntry(id, seed);
          ids.add(entry);
          expected.set(id, entry);
        } else if (!add && known !== undefined) {
          ids.delete(known);
          expected.delete(id);
        }
        for (let other = 0; other <= 60; other++)
          assert.equal(ids.find(String(other), hashOf(String(other), seed)), expected.get(String(other)));
      }
    }),
    { numRuns: 200 },
  );
});

test('first in, first out: 50,000 at a time, of 200,000', () => {
  const ids = new Ids();
  // So many that some have the same 31 bits of hash.
  const entries = Array.from({ length: 200_000 }, (_, n) =>
    anEntry(createHash('md5').update(`${n}`).digest('hex'), 7),
  );
  for (const [n, entry] of entries.entries()) {
    assert.equal(ids.find(entry.id, entry.idHash), undefined);
    ids.add(entry);
    const oldest = entries[n - 50_000];
    if (oldest !== undefined) ids.delete(oldest);
  }
  for (const [n, entry] of entries.entries())
    assert.equal(ids.find(entry.id, entry.idHash), n < 150_000 ? undefined : entry);
  for (const entry of entries.slice(150_000)) ids.delete(entry);
  for (const entry of entries.slice(-100)) assert.equal(ids.find(entry.id, entry.idHash), undefined);
});
