import { connected, good, MALFORMED, type MessageRow, row, TOKENS, WELCOME } from './message-row.js';

const fields: readonly MessageRow[] = [
  ...['"b"', '1', 'true', '{}', '{"length":1}', '[1]', '["b",null]', '[["b"]]', '[{}]'].flatMap(value =>
    ['subscribe', 'unsubscribe'].map(name => row(`${name} ${value}`, good(`"${name}":${value}`), MALFORMED)),
  ),
  ...['null', '[]'].map(value => row(`subscribe ${value}`, good(`"subscribe":${value}`), WELCOME)),
  row('unsubscribe in a first message', good('"unsubscribe":["b"]'), WELCOME),
  ...['true', '[]', '{}', '1e400', `"${'x'.repeat(65)}"`].map(ref =>
    row(`ref ${ref}`, good(`"ref":${ref}`), MALFORMED),
  ),
  ...['0', '-1.5', '1e308', '""', '"<script>"', '"\\u0000"', '"\\ud800"', `"${'é'.repeat(64)}"`].map(ref =>
    row(`ref ${ref}`, good(`"ref":${ref}`), { says: [connected(`ref ${JSON.stringify(JSON.parse(ref))}`)] }),
  ),
  row('ref null', good('"ref":null'), WELCOME),
  ...['1', '"true"', '[]', '{}'].map(ping => row(`ping ${ping}`, good(`"ping":${ping}`), MALFORMED)),
  ...['true', 'false', 'null'].map(ping => row(`ping ${ping}`, good(`"ping":${ping}`), WELCOME)),
  ...['1', '1.0', '1e0', 'null'].map(version =>
    row(`protocol ${version}`, good(`"protocol":${version}`), WELCOME),
  ),
  ...['0', '2', '-1', '1.5', '1e400', '"1"', 'true', '[1]', '{}'].map(version =>
    row(`protocol ${version}`, good(`"protocol":${version}`), { says: [], closes: 4406 }),
  ),
  row('protocol 2 without a token', '{"protocol":2}', { says: [], closes: 4406 }),
];

const RESYNC = { says: ['connected 7@hostile resync unknown_position'] };
const withCursor = (
  name: string,
  change: (cursor: string) => string,
  says: readonly string[],
): MessageRow => ({
  name,
  send: [cursor => good(`"cursor":${JSON.stringify(change(cursor))}`)],
  says,
});

const cursors: readonly MessageRow[] = [
  row('cursor null', good('"cursor":null'), WELCOME),
  ...[
    '""',
    '0',
    '-1',
    '1e400',
    'true',
    'false',
    '[]',
    '{}',
    '["x"]',
    '"\\ud800"',
    '"\\u0000"',
    '"__proto__"',
  ].map(cursor => row(`cursor ${cursor}`, good(`"cursor":${cursor}`), RESYNC)),
  row('a cursor of 60,000 characters', good(`"cursor":"${'A'.repeat(60_000)}"`), RESYNC),
  row('a token for a cursor', good(`"cursor":"${TOKENS.good}"`), RESYNC),
  withCursor('a cursor as it should be', cursor => cursor, ['connected 7@hostile resumed']),
  withCursor('a cursor cut short', cursor => cursor.slice(0, -1), RESYNC.says),
  withCursor('a cursor cut to half', cursor => cursor.slice(0, cursor.length / 2), RESYNC.says),
  withCursor('a cursor and a bit more', cursor => `${cursor}A`, RESYNC.says),
  withCursor('a cursor twice', cursor => cursor + cursor, RESYNC.says),
  withCursor('a cursor with white space', cursor => ` ${cursor}`, RESYNC.says),
  withCursor('a cursor with padding', cursor => `${cursor}=`, RESYNC.says),
  ...[0, 5, 10, 15, 20].map(at =>
    withCursor(
      `a cursor with character ${at} changed`,
      cursor => cursor.slice(0, at) + (cursor[at] === 'A' ? 'B' : 'A') + cursor.slice(at + 1),
      RESYNC.says,
    ),
  ),
];

const many = (count: number): string =>
  JSON.stringify(Array.from({ length: count }, (_, i) => i.toString(36).padStart(3, '0')));
const wants = (name: string, list: string, outcome: string): MessageRow =>
  row(name, good(`"subscribe":${list}`), { says: [connected(outcome)] });
const invalid = (topic: string): MessageRow =>
  wants(`the topic ${JSON.stringify(topic).slice(0, 40)}`, JSON.stringify([topic]), 'denied 1 invalid');

const subscriptions: readonly MessageRow[] = [
  wants('topics twice', '["b","b","a.x"]', 'subscribed b a.x'),
  wants('a topic with an escape', '["\\u0062"]', 'subscribed b'),
  wants('a pattern that is granted', '["a.#","a.*"]', 'subscribed a.# a.*'),
  wants('patterns that are wider than the grant', '["#","*","*.#","b.#","b.*"]', 'denied 5 not_granted'),
  wants('topics that are not granted', '["c","B","ab","__proto__","constructor"]', 'denied 5 not_granted'),
  wants('10,000 topics', many(10_000), 'denied 128 not_granted 9872 limit'),
  wants(
    '200 topics that are granted',
    JSON.stringify(Array.from({ length: 200 }, (_, i) => `a.${i}`)),
    'subscribed 128, denied 72 limit',
  ),
  wants('a topic of 255 bytes', `["a.${'x'.repeat(253)}"]`, `subscribed a.${'x'.repeat(253)}`),
  invalid(`a.${'x'.repeat(254)}`),
  invalid('x'.repeat(60_000)),
  invalid(`${'a.'.repeat(20_000)}!`),
  invalid('a.1.2.3.4.5.6.7.8.9.10'),
  ...[
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    'a b',
    ' b',
    'b\n',
    'a.\0',
    'a.#.b',
    'a.b#',
    'a.**',
    'a.+',
    'é',
    '\ud800',
    '$SYS',
    '%00',
    '../b',
    "'",
    '<b>',
  ].map(invalid),
];

export const FIELDS: readonly MessageRow[] = [...fields, ...cursors, ...subscriptions];
