import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { covers, isName, isPattern, isTopic, isWildcard, matches } from '../../src/router/topic.js';
import { fastest } from '../support/fastest.js';
import { combinations, meansTopic } from '../support/topics.js';

const ten = 'a.b.c.d.e.f.g.h.i.j';

test('the grammar of topics and patterns', () => {
  const table: readonly (readonly [text: string, topic: boolean, pattern: boolean])[] = [
    ['deals', true, true],
    ['deals.42', true, true],
    ['A-Z_a:z@0/9.x', true, true],
    ['__proto__', true, true],
    ['constructor.prototype', true, true],
    [ten, true, true],
    [`${ten}.k`, false, false],
    ['x'.repeat(255), true, true],
    ['x'.repeat(256), false, false],
    ['', false, false],
    ['.', false, false],
    ['a.', false, false],
    ['.a', false, false],
    ['a..b', false, false],
    ['a b', false, false],
    ['a\n', false, false],
    ['a.b\n', false, false],
    ['a\0', false, false],
    ['é', false, false],
    ['а', false, false],
    ['a,b', false, false],
    ['a+b', false, false],
    ['*', false, true],
    ['#', false, true],
    ['*.#', false, true],
    ['a.*', false, true],
    ['*.b', false, true],
    ['a.#', false, true],
    ['a.*.#', false, true],
    ['a.b.c.d.e.f.g.h.i.#', false, true],
    [`${ten}.#`, false, false],
    [`${'*.'.repeat(9)}*`, false, true],
    [`${'*.'.repeat(10)}*`, false, false],
    ['#.a', false, false],
    ['a.#.b', false, false],
    ['#.#', false, false],
    ['##', false, false],
    ['a#', false, false],
    ['a.b#', false, false],
    ['**', false, false],
    ['a*', false, false],
    ['*a.b', false, false],
    ['#\n', false, false],
    ['*\n', false, false],
    ['a.#\n', false, false],
  ];
  for (const [text, topic, pattern] of table) {
    assert.equal(isTopic(text), topic, `topic ${JSON.stringify(text)}`);
    assert.equal(isPattern(text), pattern, `pattern ${JSON.stringify(text)}`);
    if (pattern) assert.equal(isWildcard(text), !topic, `wildcard ${JSON.stringify(text)}`);
  }
});

test('a hostile text of any length is checked at once', () => {
  for (const text of ['a'.repeat(1e6), 'a.'.repeat(5e5), `${'*.'.repeat(5e5)}!`, '#'.repeat(1e6)]) {
    const ms = fastest(() => assert.equal(isTopic(text) || isPattern(text), false));
    assert.ok(ms < 20, `${ms} ms`);
  }
});

const topics = combinations(['a', 'b', 'c'], 4);
const plain = combinations(['a', 'b', '*'], 3);
const patterns = [...plain, ...plain.map(pattern => `${pattern}.#`), '#'];

test('a pattern matches what it means, over all short ones', () => {
  for (const pattern of patterns) {
    assert.ok(isPattern(pattern), pattern);
    for (const topic of topics) {
      assert.equal(matches(pattern, topic), meansTopic(pattern, topic), `${pattern} on ${topic}`);
    }
  }
});

test('a pattern matches what it means, over long ones', () => {
  const segment = fc.constantFrom('a', 'b', '*');
  const pattern = fc.tuple(fc.array(segment, { maxLength: 9 }), fc.boolean()).map(([segments, open]) => {
    const text = [...segments, ...(open || segments.length === 0 ? ['#'] : [])];
    return text.join('.');
  });
  const topic = fc
    .array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 10 })
    .map(parts => parts.join('.'));
  fc.assert(
    fc.property(pattern, topic, (pattern, topic) => {
      assert.equal(matches(pattern, topic), meansTopic(pattern, topic));
    }),
    { numRuns: 2000 },
  );
});

test('a grant never opens a topic that it does not match itself', () => {
  let needless = 0;
  for (const grant of patterns) {
    for (const pattern of patterns) {
      const contained = topics.every(topic => !meansTopic(pattern, topic) || meansTopic(grant, topic));
      const covered = covers(grant, pattern);
      assert.ok(contained || !covered, `${grant} must not cover ${pattern}`);
      if (contained && !covered) needless++;
    }
  }
  // "*.#" and the like against "#": refused though nothing would leak. More of them would be a loss of function.
  assert.ok(needless <= 20, `${needless} needless refusals`);
});

test('a grant covers itself, the topics that it matches and everything narrower', () => {
  for (const grant of patterns) {
    assert.ok(covers(grant, grant), grant);
    for (const topic of topics) assert.equal(covers(grant, topic), meansTopic(grant, topic));
    assert.ok(covers('#', grant), grant);
  }
  assert.ok(covers('deals.#', 'deals'));
  assert.ok(covers('deals.#', 'deals.*.#'));
  assert.ok(covers('deals.*', 'deals.42'));
});

test('wildcards of a subscription are not mistaken for segments that the wildcard of a grant matches', () => {
  const refused: readonly (readonly [string, string])[] = [
    ['orders.*', 'orders.#'],
    ['*', '#'],
    ['*.*', '*.#'],
    ['orders.*.x', 'orders.#'],
    ['orders', 'orders.#'],
    ['orders.42', 'orders.*'],
    ['*.42', '*.*'],
    ['orders.*.#', 'orders.#'],
    ['orders.#', '#'],
    ['orders.#', '*.#'],
    ['orders.#', '*'],
    ['orders', 'order'],
    ['orders', 'orders2'],
    ['__proto__', 'constructor'],
  ];
  for (const [grant, pattern] of refused) assert.equal(covers(grant, pattern), false, `${grant} ${pattern}`);
});

test('names of users and tenants', () => {
  const good = [
    '7',
    'é',
    'e\u0301',
    '__proto__',
    '*',
    '#',
    'a.b',
    '日本',
    '😀',
    'x'.repeat(255),
    'é'.repeat(127),
  ];
  for (const name of good) assert.equal(isName(name), true, JSON.stringify(name));
  const bad = [
    '',
    ' ',
    'a b',
    'a\t',
    '\n',
    'a\0',
    '\u007f',
    '\u0085',
    '\u00a0',
    '\u2028',
    '\u3000',
    '\ufeff',
    '\ud800',
    'a\udc00',
    'x'.repeat(256),
    'é'.repeat(128),
    '😀'.repeat(64),
  ];
  for (const name of bad) assert.equal(isName(name), false, JSON.stringify(name));
});
