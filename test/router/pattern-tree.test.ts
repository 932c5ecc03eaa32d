import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { PatternTree } from '../../src/router/pattern-tree.js';
import { fastest } from '../support/fastest.js';
import { combinations, meansTopic } from '../support/topics.js';

const plain = combinations(['a', '__proto__', '*'], 3);
const patterns = ['#', ...plain, ...plain.map(pattern => `${pattern}.#`)];
const topics = combinations(['a', '__proto__', 'constructor'], 4);

const found = (tree: PatternTree<string>, topic: string): string[] => {
  const members = new Set<string>();
  tree.match(topic, some => {
    for (const member of some) members.add(member);
  });
  return [...members].sort();
};

test('a tree finds the members whose pattern means the topic, whatever came and went before', () => {
  const change = fc.record({
    pattern: fc.constantFrom(...patterns),
    member: fc.constantFrom('one', 'two', 'three'),
    add: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), changes => {
      const tree = new PatternTree<string>();
      const model = new Map<string, Set<string>>();
      for (const { pattern, member, add } of changes) {
        const members = model.get(pattern) ?? new Set();
        model.set(pattern, members);
        if (add) {
          tree.add(pattern, member);
          members.add(member);
        } else {
          tree.remove(pattern, member);
          members.delete(member);
        }
      }
      for (const topic of topics) {
        const expected = new Set<string>();
        for (const [pattern, members] of model) {
          if (meansTopic(pattern, topic)) for (const member of members) expected.add(member);
        }
        assert.deepEqual(found(tree, topic), [...expected].sort(), topic);
      }
      for (const [pattern, members] of model) for (const member of members) tree.remove(pattern, member);
      assert.equal(tree.isEmpty, true);
    }),
    { numRuns: 300 },
  );
});

test('what was never added can be removed', () => {
  const tree = new PatternTree<string>();
  tree.remove('a.*', 'one');
  tree.add('a.*', 'one');
  tree.remove('a.*', 'two');
  tree.remove('a.*.#', 'one');
  tree.remove('a', 'one');
  assert.deepEqual(found(tree, 'a.b'), ['one']);
  tree.remove('a.*', 'one');
  assert.equal(tree.isEmpty, true);
});

test('a thousand topics against patterns that are alike take no time', () => {
  const tree = new PatternTree<number>();
  for (let i = 0; i < 128; i++) tree.add(`a.b.c.d.e.f.g.h.${i}.*`, i);
  const ms = fastest(() => {
    let visits = 0;
    for (let i = 0; i < 1000; i++) tree.match(`a.b.c.d.e.f.g.h.7.${i}`, some => (visits += some.size));
    assert.equal(visits, 1000);
  });
  // Trying each pattern takes 80 ms, the tree 1.
  assert.ok(ms < 30, `${ms} ms`);
});
