import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PatternCache } from '../../src/log/pattern-cache.js';
import { Entitlement } from '../../src/router/entitlement.js';
import { aLog, anEvent, idsOf, moment, readAll, toTopics } from '../support/events.js';

describe('resolved patterns', () => {
  it('are remembered until a key appears or goes', () => {
    const cache = new PatternCache();
    let asked = 0;
    const find = () => cache.find('a.*', () => [`${++asked}`]);
    assert.deepEqual([find(), find()], [['1'], ['1']]);
    cache.forget();
    assert.deepEqual(find(), ['2']);
  });

  it('are bounded in number: the one looked up longest ago goes', () => {
    const cache = new PatternCache();
    let asked = 0;
    const find = (pattern: string) => cache.find(pattern, () => [`${++asked}`]);
    for (let i = 0; i < 64; i++) find(`p${i}`);
    find('p0');
    find('one more');
    const before = asked;
    find('p0');
    assert.equal(asked, before, 'p0 was looked up lately');
    find('p1');
    assert.equal(asked, before + 1, 'p1 had to go');
  });

  it('are bounded in keys', () => {
    const cache = new PatternCache();
    const many = Array.from({ length: 60_000 }, (_, i) => `${i}`);
    cache.find('one', () => many);
    cache.find('two', () => many);
    let asked = 0;
    cache.find('one', () => {
      asked++;
      return many;
    });
    assert.equal(asked, 1);
  });
});

describe('a reader with wildcards, far behind', () => {
  const now = moment(0);
  /** 3,000 events on 300 topics, ten of which match `hot.*`; and one event so wide that no key leads to it. */
  function busyLog() {
    const log = aLog();
    for (let i = 0; i < 3000; i++) {
      const topic = i % 30 === 0 ? `hot.${(i / 30) % 10}` : `cold.${i % 290}`;
      log.append(anEvent(`${i}`, toTopics('acme', topic)), now);
    }
    const crowd = Array.from({ length: 40 }, (_, i) => `hot.wide${i}`);
    log.append(anEvent('wide', toTopics('acme', ...crowd)), now);
    return log;
  }

  it('gets the same, in order, as one that looks at each entry', () => {
    const log = busyLog();
    const reader = new Entitlement('acme', '7', 0);
    reader.add('hot.*', 0);
    reader.add('*.7', 0);
    const expected = Array.from({ length: 3000 }, (_, i) => i)
      .filter(i => i % 30 === 0 || i % 290 === 7)
      .map(String);
    assert.deepEqual(idsOf(readAll(log, reader, 0, now)), [...expected, 'wide']);
  });

  it('looks only at what its patterns lead to', () => {
    const log = busyLog();
    const reader = new Entitlement('acme', '7', 0);
    reader.add('hot.*', 0);
    // 100 entries and the wide one with its 40 topics: with so few looks the scan of 3,000 would not come to the end.
    const run = log.read(reader, { from: 0, to: log.head }, { bytes: 2 ** 30, looks: 150 }, now.monotonic);
    assert.equal(run.upTo, log.head);
    assert.equal(run.entries.length, 101);
  });

  it('finds a topic that appears after its pattern was resolved', () => {
    const log = busyLog();
    const reader = new Entitlement('acme', '7', 0);
    reader.add('hot.*', 0);
    readAll(log, reader, 0, now);
    log.append(anEvent('new', toTopics('acme', 'hot.new')), now);
    assert.equal(idsOf(readAll(log, reader, 0, now)).at(-1), 'new');
  });

  it('costs no more than one turn should, however many patterns and topics there are', () => {
    const log = aLog();
    for (let i = 0; i < 20_000; i++) log.append(anEvent(`${i}`, toTopics('acme', `deals.${i}`)), now);
    const reader = new Entitlement('acme', '7', 0);
    for (let i = 0; i < 128; i++) reader.add(`none.${i}.*`, 0);
    let asked = 0;
    const counting = {
      tenant: 'acme',
      user: reader.user,
      topics: reader.topics,
      patterns: reader.patterns,
      entitled: () => false,
      matches: () => ++asked < 0,
    };
    log.read(counting, { from: 0, to: log.head }, { bytes: 2 ** 16, looks: 2048 }, now.monotonic);
    assert.ok(asked <= 20_000, `${asked} matches in one read`);
  });
});
