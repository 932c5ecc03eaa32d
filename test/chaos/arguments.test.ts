import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokerFor, pairsOf, partOf } from './arguments.js';
import { FAULTS, faultsOf } from './faults/index.js';

const named = (...names: string[]) => FAULTS.filter(({ name }) => names.includes(name));

test('only faults that can happen at the same time are paired, each two of them once', () => {
  const pairs = pairsOf(faultsOf('stream'));
  assert.ok(pairs.length > 100);
  assert.ok(pairs.every(([first, second]) => first?.part !== second?.part));
  const names = pairs.map(pair =>
    pair
      .map(({ name }) => name)
      .sort()
      .join(' + '),
  );
  assert.equal(new Set(names).size, names.length);
});

test('a fault is done to the broker that it needs, with whatever it is paired', () => {
  assert.equal(brokerFor(named('pod-kill', 'client-bounce')), 'one node');
  assert.equal(brokerFor(named('broker-kill', 'client-bounce')), 'one node');
  assert.equal(brokerFor(named('link-stall', 'client-bounce')), 'two nodes');
  assert.equal(brokerFor(named('node-kill', 'pod-kill')), 'three nodes');
});

test('shares rows out without losing or repeating one', () => {
  const rows = Array.from({ length: 17 }, (_, index) => index);
  for (const n of [1, 2, 5, 17, 30]) {
    const parts = Array.from({ length: n }, (_, index) => partOf(rows, `${index + 1}/${n}`));
    assert.deepEqual(parts.flat(), rows);
    const lengths = parts.map(part => part.length);
    assert.ok(Math.max(...lengths) - Math.min(...lengths) <= 1, `of ${n}: ${lengths.join(' ')}`);
  }
  for (const wrong of ['', '1', '0/2', '3/2', '1/0', 'a/b', '1/2/3'])
    assert.throws(() => partOf(rows, wrong), /--part is/);
});
