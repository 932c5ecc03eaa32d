import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { check } from './checker/check.js';
import { HistoryBuilder } from './checker/history-builder.js';
import { topicMatches } from './checker/topics.js';
import type { HistoryRecord } from './records.js';

const kinds = (history: readonly HistoryRecord[]) => [
  ...new Set(check(history).findings.map(({ kind }) => kind)),
];

/** One client on pod a. */
const one = (feed: 'queue' | 'stream' = 'queue') => new HistoryBuilder(feed).who('c').connects('c', 1, {});
const topic = (name: string) => ({ kind: 'some', tenant: 'acme', users: [], topics: [name] }) as const;

describe('the checker finds a history valid', () => {
  test('when everything published came, in order, and something also came whose confirm was lost', () => {
    const history = one().publishes('1').gets('c', 1, '1').invokes('2').gets('c', 1, '2').over();
    const { verdict, figures } = check(history);
    assert.equal(verdict, 'valid');
    assert.deepEqual([figures.confirmed, figures.recovered, figures.observations], [1, 1, 2]);
  });

  test('when events for others did not come', () => {
    const history = one()
      .publishes('1', { kind: 'tenant', tenant: 'globex' })
      .publishes('2', { kind: 'some', tenant: 'acme', users: ['u2'], topics: ['rooms.1'] })
      .publishes('3')
      .gets('c', 1, '3')
      .over();
    assert.equal(check(history).verdict, 'valid');
  });

  test('when an event at the edge of a subscription came, and when it did not', () => {
    for (const comes of [true, false]) {
      const builder = one().sees('c', { conn: 1, ev: 'ask', subscribe: ['rooms.*'], unsubscribe: [] });
      builder.publishes('1', topic('rooms.1'));
      if (comes) builder.gets('c', 1, '1');
      const reply = { last: null, cursor: 'r' } as const;
      builder.sees('c', { conn: 1, ev: 'reply', subscribed: ['rooms.*'], unsubscribed: [], ...reply });
      builder.publishes('2', topic('rooms.2')).gets('c', 1, '2');
      assert.equal(check(builder.over()).verdict, 'valid', `comes: ${comes}`);
    }
  });

  test('when a fault that may cost a resync did, and the resync covers what is missing', () => {
    const history = new HistoryBuilder('queue', ['broker-kill'])
      .who('c')
      .connects('c', 1, {})
      .fault('broker-kill', 'start', true)
      .publishes('1')
      .fault('broker-kill', 'heal', true)
      .sees('c', { conn: 1, ev: 'resync', reason: 'feed_gap', cursor: 'x' })
      .publishes('2')
      .gets('c', 1, '2')
      .over();
    const { verdict, figures } = check(history);
    assert.equal(verdict, 'valid');
    assert.deepEqual([figures.covered, figures.resyncs, figures.lost], [1, 1, 0]);
  });

  test('when another pod sends again what lies in the overlap, and the client ignores it', () => {
    const history = one()
      .publishes('1')
      .gets('c', 1, '1')
      .cut('c', 1)
      .connects('c', 2, { pod: 'b#1', cursor: 'cursor of 1' })
      .gets('c', 2, '1', { seen: true, cursor: 'cursor of 1' })
      .over();
    const { verdict, figures } = check(history);
    assert.equal(verdict, 'valid');
    assert.equal(figures.repeatedOnWire, 1);
  });

  test('when a pod is younger than the position that was presented to it', () => {
    const history = one()
      .publishes('1')
      .gets('c', 1, '1')
      .cut('c', 1)
      .add({ k: 'pod', ev: 'start', pod: 'b#2' })
      .connects('c', 2, { pod: 'b#2', cursor: 'cursor of 1', resume: 'resync' })
      .over();
    assert.equal(check(history).verdict, 'valid');
  });

  test('when a pod is younger than what a slow client had read, however late it read that', () => {
    const slow = (readsAfterMs: number) =>
      one()
        .publishes('1')
        .add({ k: 'pod', ev: 'start', pod: 'b#2' })
        .pass(readsAfterMs)
        .gets('c', 1, '1')
        .cut('c', 1)
        .connects('c', 2, { pod: 'b#2', cursor: 'cursor of 1', resume: 'resync' })
        .over();
    assert.equal(check(slow(4900)).verdict, 'valid');
    assert.equal(check(slow(0)).verdict, 'valid');
  });

  test('when a pod was started while a memory alarm let positions stand still', () => {
    assert.equal(check(movesAfterAlarm(2000)).verdict, 'valid');
    assert.equal(check(movesAfterAlarm(5000, { replaces: true })).verdict, 'valid', 'it is asked about');
  });
});

/** Under a memory alarm a pod is started; so long after the alarm's end a client has an event, and goes to that pod. */
function movesAfterAlarm(healedMs: number, { replaces = false } = {}): HistoryRecord[] {
  const history = new HistoryBuilder('queue', ['memory-alarm']).who('c').connects('c', 1, {});
  history.fault('memory-alarm', 'start').add({ k: 'pod', ev: 'start', pod: 'b#2' }).pass(10_000);
  if (replaces) history.add({ k: 'pod', ev: 'exit', pod: 'b#1', code: 0, asked: true });
  return history
    .fault('memory-alarm', 'heal')
    .pass(healedMs)
    .publishes('1')
    .gets('c', 1, '1')
    .cut('c', 1)
    .connects('c', 2, { pod: 'b#2', cursor: 'cursor of 1', resume: 'resync' })
    .over();
}

describe('the checker finds', () => {
  const leaks: readonly [string, Parameters<HistoryBuilder['publishes']>[1]][] = [
    ['another tenant', { kind: 'tenant', tenant: 'globex' }],
    ['another user', { kind: 'some', tenant: 'acme', users: ['u2'], topics: [] }],
    ['the same user of another tenant', { kind: 'some', tenant: 'globex', users: ['u1'], topics: [] }],
    ['a topic that was not asked for', topic('rooms.2')],
  ];
  for (const [whose, to] of leaks) {
    test(`leaked: an event of ${whose}`, () => {
      const history = new HistoryBuilder().who('c').connects('c', 1, { subscribe: ['rooms.1'] });
      assert.deepEqual(kinds(history.publishes('1', to).gets('c', 1, '1').over()), ['leaked']);
    });
  }

  test('leaked: an event of a topic behind the reply that ended its subscription', () => {
    const history = new HistoryBuilder()
      .who('c')
      .connects('c', 1, { subscribe: ['rooms.#'] })
      .sees('c', { conn: 1, ev: 'ask', subscribe: [], unsubscribe: ['rooms.#'] })
      .sees('c', { conn: 1, ev: 'reply', subscribed: [], unsubscribed: ['rooms.#'], last: null, cursor: 'r' })
      .publishes('1', topic('rooms.1'))
      .gets('c', 1, '1')
      .over();
    assert.deepEqual(kinds(history), ['leaked']);
  });

  test('lost: a confirmed event that did not come, though a later one did', () => {
    const history = one().publishes('1').publishes('2').gets('c', 1, '2').over();
    assert.deepEqual(kinds(history), ['lost']);
  });

  test('lost: the last event of all', () => {
    assert.deepEqual(kinds(one().publishes('1').gets('c', 1, '1').publishes('2').over()), ['lost']);
  });

  test('lost: an event of a subscribed topic, before the subscription was ended', () => {
    const history = new HistoryBuilder()
      .who('c')
      .connects('c', 1, { subscribe: ['rooms.1'] })
      .publishes('1', topic('rooms.1'))
      .publishes('2')
      .gets('c', 1, '2')
      .sees('c', { conn: 1, ev: 'ask', subscribe: [], unsubscribe: ['rooms.1'] })
      .sees('c', { conn: 1, ev: 'reply', subscribed: [], unsubscribed: ['rooms.1'], last: '2', cursor: 'r' })
      .over();
    assert.deepEqual(kinds(history), ['lost']);
  });

  test('lost: an event that was missing before the resync came', () => {
    const history = new HistoryBuilder('queue', ['broker-kill'])
      .who('c')
      .connects('c', 1, {})
      .publishes('1')
      .publishes('2')
      .gets('c', 1, '2')
      .fault('broker-kill', 'start', true)
      .fault('broker-kill', 'heal', true)
      .sees('c', { conn: 1, ev: 'resync', reason: 'feed_gap', cursor: 'x' })
      .over();
    assert.deepEqual(kinds(history), ['lost']);
  });

  test('lost and dishonest: an event missing behind a resume', () => {
    const history = one()
      .publishes('1')
      .gets('c', 1, '1')
      .cut('c', 1)
      .publishes('2')
      .connects('c', 2, { cursor: 'cursor of 1' })
      .publishes('3')
      .gets('c', 2, '3')
      .over();
    assert.deepEqual(kinds(history).sort(), ['dishonest', 'lost']);
  });

  test('lost: events while a client was away that presents no cursor', () => {
    const history = one()
      .cut('c', 1)
      .publishes('1')
      .connects('c', 2, {})
      .publishes('2')
      .gets('c', 2, '2')
      .over();
    assert.deepEqual(kinds(history), ['lost']);
  });

  test('dishonest: an answer to a cursor that was not presented, and none to one that was', () => {
    assert.deepEqual(
      kinds(
        new HistoryBuilder()
          .who('c')
          .connects('c', 1, { resume: 'resumed' })
          .publishes('1')
          .gets('c', 1, '1')
          .over(),
      ),
      ['dishonest'],
    );
    const ignored = one().publishes('1').gets('c', 1, '1').cut('c', 1);
    assert.deepEqual(kinds(ignored.connects('c', 2, { cursor: 'cursor of 1', resume: 'new' }).over()), [
      'dishonest',
    ]);
  });

  test('duplicated: an event handled twice', () => {
    const history = one()
      .publishes('1')
      .gets('c', 1, '1')
      .cut('c', 1)
      .connects('c', 2, { pod: 'b#1', cursor: 'a#1:1' });
    assert.deepEqual(kinds(history.gets('c', 2, '1').over()), ['duplicated']);
  });

  test('duplicated: an event sent twice on one connection, though the client ignored it', () => {
    const history = one().publishes('1').gets('c', 1, '1').gets('c', 1, '1', { seen: true }).over();
    assert.ok(kinds(history).includes('duplicated'));
  });

  test('duplicated: an event sent again by the same pod after a resume from behind it', () => {
    const history = one()
      .publishes('1')
      .gets('c', 1, '1')
      .cut('c', 1)
      .connects('c', 2, { cursor: 'cursor of 1' });
    assert.deepEqual(kinds(history.gets('c', 2, '1', { seen: true, cursor: 'cursor of 1' }).over()), [
      'duplicated',
    ]);
  });

  test('duplicated: with a stream, an event sent again by another pod after a resume from behind it', () => {
    const history = one('stream').publishes('1').gets('c', 1, '1').cut('c', 1);
    history.connects('c', 2, { pod: 'b#1', cursor: 'cursor of 1' });
    assert.deepEqual(kinds(history.gets('c', 2, '1', { seen: true, cursor: 'cursor of 1' }).over()), [
      'duplicated',
    ]);
  });

  test('with a stream, what a client had comes again behind a resync on a pod that had not come so far', () => {
    const history = one('stream').fault('stream-trimmed', 'start', true);
    history.publishes('1').gets('c', 1, '1').cut('c', 1);
    history.connects('c', 2, { pod: 'b#1', cursor: 'cursor of 1', resume: 'resync' }).cut('c', 2);
    history.connects('c', 3, { pod: 'a#1', cursor: 'b#1:2' });
    const again = history.gets('c', 3, '1', { seen: true, cursor: 'cursor of 1' });
    again.fault('stream-trimmed', 'heal', true);
    assert.deepEqual(kinds(again.over()), []);
  });

  test('with a stream, what a client had comes again behind the gap of a pod that reads a new one, and no other resync', () => {
    const comesAgain = (feed: 'queue' | 'stream', reason: 'feed_gap' | 'evicted') => {
      const history = one(feed).fault('stream-recreated', 'start', true);
      history.publishes('1').gets('c', 1, '1').cut('c', 1);
      history.connects('c', 2, { pod: 'a#1', cursor: 'cursor of 1' });
      history.sees('c', { conn: 2, ev: 'resync', reason, cursor: 'x' });
      history.gets('c', 2, '1', { seen: true, cursor: 'y' }).fault('stream-recreated', 'heal', true);
      return kinds(history.over()).includes('duplicated');
    };
    assert.equal(comesAgain('stream', 'feed_gap'), false);
    assert.equal(comesAgain('stream', 'evicted'), true);
    assert.equal(comesAgain('queue', 'feed_gap'), true);
  });

  test('misordered: two events of one channel that changed places', () => {
    const history = one()
      .invokes('1')
      .invokes('2')
      .confirms('1')
      .confirms('2')
      .gets('c', 1, '2')
      .gets('c', 1, '1');
    assert.deepEqual(kinds(history.over()), ['misordered']);
  });

  test('misordered: an event behind one that was published after its confirm by somebody else', () => {
    const history = one()
      .invokes('1', { kind: 'all' }, 'p')
      .confirms('1')
      .invokes('2', { kind: 'all' }, 'q')
      .confirms('2')
      .gets('c', 1, '2')
      .gets('c', 1, '1');
    assert.deepEqual(kinds(history.over()), ['misordered']);
  });

  test('misordered: events in another order than in the stream', () => {
    const history = one('stream')
      .invokes('1', { kind: 'all' }, 'p')
      .invokes('2', { kind: 'all' }, 'q')
      .confirms('1')
      .confirms('2')
      .gets('c', 1, '1')
      .gets('c', 1, '2')
      .add({ k: 'ord', id: '2', offset: 0 })
      .add({ k: 'ord', id: '1', offset: 1 });
    assert.deepEqual(kinds(history.over()), ['misordered']);
  });

  test('regressed: a cursor that goes back, and a ping that names an event which did not come', () => {
    const back = one()
      .publishes('1')
      .gets('c', 1, '1')
      .sees('c', { conn: 1, ev: 'ping', last: '1', cursor: 'a#1:1' });
    assert.deepEqual(kinds(back.over()), ['regressed']);
    const gap = one()
      .publishes('1')
      .gets('c', 1, '1')
      .sees('c', { conn: 1, ev: 'ping', last: '0', cursor: 'x' });
    assert.deepEqual(kinds(gap.over()), ['regressed']);
  });

  test('unexpected: an event that was never published, and one with other content', () => {
    assert.deepEqual(kinds(one().publishes('1').gets('c', 1, '1').gets('c', 1, 'x').over()), ['unexpected']);
    assert.deepEqual(kinds(one().publishes('1').gets('c', 1, '1', { hash: 'other' }).over()), ['unexpected']);
  });

  test('late: an event more than 5 s after its confirm, unless a fault lasted until then', () => {
    const late = one().publishes('1').pass(5100).gets('c', 1, '1').over();
    assert.deepEqual(kinds(late), ['late']);
    const slow = new HistoryBuilder('queue', ['slow']).who('c').connects('c', 1, {}).fault('slow', 'start');
    const excused = slow
      .publishes('1')
      .pass(20_000)
      .fault('slow', 'heal')
      .pass(4000)
      .gets('c', 1, '1')
      .over();
    assert.equal(check(excused).verdict, 'valid');
    const gap = { conn: 1, ev: 'resync', reason: 'feed_gap', cursor: 'x' } as const;
    const away = () => new HistoryBuilder('queue', ['broker-kill']).who('c').connects('c', 1, {});
    const told = away()
      .fault('broker-kill', 'start', true)
      .publishes('1')
      .fault('broker-kill', 'heal', true)
      .sees('c', gap);
    assert.deepEqual(kinds(told.pass(9000).gets('c', 1, '1').over()), [], 'a resync came before it');
    const toldBefore = away()
      .fault('broker-kill', 'start', true)
      .fault('broker-kill', 'heal', true)
      .sees('c', gap)
      .publishes('1');
    assert.deepEqual(kinds(toldBefore.pass(9000).gets('c', 1, '1').over()), ['late']);
  });

  test('undue: a resync for which there is no reason, and with a stream one for a young pod', () => {
    const history = one()
      .publishes('1')
      .gets('c', 1, '1')
      .sees('c', { conn: 1, ev: 'resync', reason: 'feed_gap', cursor: 'x' });
    assert.deepEqual(kinds(history.over()), ['undue']);
    const gap = { ev: 'resync', reason: 'feed_gap', cursor: 'x' } as const;
    const away = (stale: boolean) => {
      const story = new HistoryBuilder('stream', ['stream-recreated']).who('c').connects('c', 1, {});
      story.fault('stream-recreated', 'start', true);
      if (stale) story.sees('c', { conn: 1, ev: 'stale', stale: true });
      return story
        .fault('stream-recreated', 'heal', true)
        .pass(30_000)
        .sees('c', { conn: 1, ev: 'ping', last: null, cursor: 'w' });
    };
    const late = away(true)
      .sees('c', { conn: 1, ev: 'stale', stale: false })
      .sees('c', { conn: 1, ...gap });
    assert.deepEqual(
      kinds(late.publishes('1').gets('c', 1, '1').over()),
      [],
      'its pod was without a feed until then',
    );
    const again = late.cut('c', 1).connects('c', 2, { pod: 'b#1', cursor: 'cursor of 1', resume: 'resync' });
    assert.deepEqual(kinds(again.over()), ['undue'], 'it had a good cursor by then');
    assert.deepEqual(
      kinds(
        away(false)
          .sees('c', { conn: 1, ...gap })
          .over(),
      ),
      ['undue'],
    );
    const young = one('stream')
      .publishes('1')
      .gets('c', 1, '1')
      .cut('c', 1)
      .add({ k: 'pod', ev: 'start', pod: 'b#2' });
    young.connects('c', 2, { pod: 'b#2', cursor: 'cursor of 1', resume: 'resync' });
    assert.deepEqual(kinds(young.over()), ['undue']);
    assert.deepEqual(kinds(movesAfterAlarm(5000)), ['undue'], 'positions move again');
    assert.deepEqual(kinds(movesAfterAlarm(10_000, { replaces: true })), ['undue']);
  });

  test('crowded: more came back in a second than 1.5 times those that a pod sends away', () => {
    const clients = Array.from({ length: 300 }, (_, index) => `c${index}`);
    const start = () => {
      const history = new HistoryBuilder();
      for (const c of clients) history.who(c).connects(c, 1, {});
      history.publishes('1');
      for (const c of clients) history.gets(c, 1, '1');
      return history.add({ k: 'pod', ev: 'drain', pod: 'a#1' });
    };
    const leaves = (history: HistoryBuilder, c: string) =>
      history.sees(c, { conn: 1, ev: 'reconnect', delayMs: 0, cursor: 'z' }).cut(c, 1);
    const returns = (history: HistoryBuilder, c: string) =>
      history.connects(c, 2, { pod: 'b#1', cursor: 'cursor of 1' });

    const evenly = start();
    for (const c of clients) returns(leaves(evenly, c), c);
    const { findings, figures } = check(evenly.over());
    assert.deepEqual(findings, []);
    assert.deepEqual(
      figures.drains.map(({ pod, clients: gone }) => [pod, gone]),
      [['a#1', 300]],
    );
    assert.ok(Math.abs((figures.drains[0]?.perSecond ?? 0) - 25) < 0.5);

    const together = start();
    for (const c of clients) leaves(together, c).pass(20);
    for (const c of clients) returns(together, c);
    assert.deepEqual(kinds(together.over()), ['crowded']);
  });

  test('leftover and crashed: a queue at the broker, a connection in a pod, an exit that nobody asked for', () => {
    const history = one()
      .publishes('1')
      .gets('c', 1, '1')
      .add({ k: 'left', queues: ['push.pod.x'], exchanges: [] })
      .add({ k: 'pod', ev: 'idle', pod: 'a#1', rss: 1, left: 1, handles: 20 })
      .add({ k: 'pod', ev: 'exit', pod: 'a#1', code: 70, asked: false });
    assert.deepEqual(kinds(history.over()), ['leftover', 'crashed']);
    assert.equal(check(one().publishes('1').gets('c', 1, '1').over()).verdict, 'valid');
  });
});

describe('the checker says unknown', () => {
  const refused: readonly [string, () => HistoryRecord[]][] = [
    ['nothing was published', () => one().over()],
    ['no client got anything', () => new HistoryBuilder().publishes('1').over()],
    [
      'the publishers were slow',
      () =>
        one()
          .publishes('1')
          .gets('c', 1, '1')
          .add({ k: 'run', ev: 'lag', p99: 900, loopP99: 12, loopMax: 40 })
          .over(),
    ],
    ['it took too long', () => one().publishes('1').gets('c', 1, '1').pass(100_000).over()],
    [
      'something of the rig failed',
      () => one().publishes('1').gets('c', 1, '1').add({ k: 'run', ev: 'crash', what: 'no broker' }).over(),
    ],
    [
      'the fault never happened',
      () =>
        new HistoryBuilder('queue', ['pod-kill'])
          .who('c')
          .connects('c', 1, {})
          .publishes('1')
          .gets('c', 1, '1')
          .over(),
    ],
    ['it was broken off', () => one().publishes('1').gets('c', 1, '1').over().slice(0, -1)],
  ];
  for (const [why, history] of refused) {
    test(`when ${why}`, () => {
      const { verdict, rig } = check(history());
      assert.equal(verdict, 'unknown');
      assert.equal(rig.length > 0, true);
    });
  }

  test('when it was broken off before it was quiet, and the newest events had not come yet', () => {
    const history = () => one().publishes('1').gets('c', 1, '1').publishes('2');
    assert.equal(check(history().brokenOff()).verdict, 'unknown');
    assert.deepEqual(kinds(history().publishes('3').gets('c', 1, '3').brokenOff()), ['lost']);
  });

  test('but invalid when an event leaked in such a run', () => {
    const history = one().publishes('1', { kind: 'tenant', tenant: 'globex' }).gets('c', 1, '1');
    assert.equal(check(history.add({ k: 'run', ev: 'crash', what: 'no broker' }).over()).verdict, 'invalid');
  });
});

test('patterns match topics as docs/publishing.md says', () => {
  const rows: readonly [string, string, boolean][] = [
    ['a.b', 'a.b', true],
    ['a.b', 'a.c', false],
    ['a.*', 'a.b', true],
    ['a.*', 'a.b.c', false],
    ['a.#', 'a', true],
    ['a.#', 'a.b.c', true],
    ['#', 'a.b', true],
    ['*.b', 'a.b', true],
  ];
  for (const [pattern, name, matches] of rows)
    assert.equal(topicMatches(pattern, name), matches, `${pattern} ${name}`);
});
