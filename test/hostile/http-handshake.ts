import { handshake, type HttpRow, many, ORIGIN } from './http-row.js';

type Result = Pick<HttpRow, 'answers' | 'connection' | 'orElse'>;

const row = (name: string, send: string, result: Result): HttpRow => ({ name, to: 'open', send, ...result });
const stays = (...answers: readonly number[]): Result => ({ answers, connection: 'stays' });
const ends = (...answers: readonly number[]): Result => ({ answers, connection: 'ends' });
const UPGRADED: Result = { answers: [101], connection: 'upgraded' };
const fromOrigin = (name: string, result: Result, ...lines: readonly string[]): HttpRow => ({
  name,
  to: 'strict',
  send: handshake('/ws', ...lines),
  ...result,
});

const up = (name: string, result: Result, ...lines: readonly string[]): HttpRow =>
  row(`a handshake with ${name}`, handshake('/ws', ...lines), result);

const handshakes: readonly HttpRow[] = [
  row('a handshake', handshake('/ws'), UPGRADED),
  row('a handshake with a query', handshake('/ws?access_token=x'), UPGRADED),
  row('a handshake at another path', handshake('//ws'), ends(404)),
  row('a handshake for another host', handshake('http://evil.example/ws'), ends(404)),
  row('a handshake by POST', handshake('/ws').replace('GET', 'POST'), ends(405)),
  up('other words in Connection', UPGRADED, 'Connection: keep-alive, Upgrade'),
  up('no Connection', stays(426), 'Connection:'),
  up('no Upgrade', stays(426), 'Upgrade:'),
  up('WebSocket in capitals', UPGRADED, 'Upgrade: WEBSOCKET'),
  up('Upgrade twice', ends(426), 'Upgrade: websocket', 'Upgrade: websocket'),
  up('a list in Upgrade', ends(426), 'Upgrade: websocket, h2c'),
  up('h2c', ends(426), 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'),
  up('no key', ends(400), 'Sec-WebSocket-Key:'),
  ...[
    'x',
    'dGhlIHNhbXBsZSBub25jZQ',
    'dGhlIHNhbXBsZSBub25jZQ===',
    'dGhlIHNhbXBsZSBub25jZSE=',
    '!!!!!!!!!!!!!!!!!!!!!!==',
    'A'.repeat(10_000),
  ].map(key => up(`the key ${key.slice(0, 30)}`, ends(400), `Sec-WebSocket-Key: ${key}`)),
  up(
    'two keys',
    ends(400),
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ),
  up('no version', ends(400), 'Sec-WebSocket-Version:'),
  ...['0', '7', '12', '14', '99', '-13', '13x', '13, 8', 'x'].map(version =>
    up(`version ${version}`, ends(400), `Sec-WebSocket-Version: ${version}`),
  ),
  ...[
    'a',
    'a, b',
    'constructor',
    '__proto__',
    'access_token, eyJhbGciOiJIUzI1NiJ9',
    many(1000, i => `p${i}`).join(', '),
  ].map(offer => up(`the subprotocol ${offer.slice(0, 30)}`, UPGRADED, `Sec-WebSocket-Protocol: ${offer}`)),
  ...['a, a', ',', ', , ,', 'a,', 'a b', '"a"', ', '.repeat(2000), `a${' '.repeat(10_000)}b`, 'é'].map(
    offer => up(`a subprotocol like ${offer.slice(0, 20)}`, ends(400), `Sec-WebSocket-Protocol: ${offer}`),
  ),
  ...[
    'permessage-deflate',
    'permessage-deflate; client_max_window_bits',
    'constructor',
    '"',
    ';;;',
    'x'.repeat(10_000),
    `a${' '.repeat(10_000)}b`,
    many(500, () => 'permessage-deflate').join(','),
  ].map(offer => up(`the extension ${offer.slice(0, 45)}`, UPGRADED, `Sec-WebSocket-Extensions: ${offer}`)),
  up('2,100 headers', { ...UPGRADED, orElse: 431 }, ...many(2100, i => `a:${i % 10}`)),
  up('names that all objects have', UPGRADED, '__proto__: x', 'constructor: y'),
  up('a header that is too long', ends(431), `X: ${'y'.repeat(17_000)}`),
  up('a length', UPGRADED, 'Content-Length: 0'),
];

const origins: readonly HttpRow[] = [
  fromOrigin('no origin', UPGRADED),
  fromOrigin(`the origin ${ORIGIN}`, UPGRADED, `Origin: ${ORIGIN}`),
  ...[
    'null',
    'https://evil.example',
    `${ORIGIN}.evil.example`,
    'https://evil-app.example.com',
    'https://app.example.com@evil.example',
    'https://evil.example/https://app.example.com',
    'http://app.example.com',
    'wss://app.example.com',
    `${ORIGIN}:443`,
    `${ORIGIN}:8443`,
    `${ORIGIN}/`,
    `${ORIGIN}.`,
    ORIGIN.toUpperCase(),
    'https://APP.example.com',
    'app.example.com',
    '*',
    `${ORIGIN}, ${ORIGIN}`,
    `${ORIGIN} ${ORIGIN}`,
    'https://аpp.example.com',
    'https://app.example.com%00',
    'https://app.example.com\t.evil',
    'constructor',
    'about:blank',
    'file://',
    'x'.repeat(10_000),
  ].map(origin => fromOrigin(`the origin ${origin.slice(0, 60)}`, ends(403), `Origin: ${origin}`)),
  fromOrigin('two origins', ends(403), `Origin: ${ORIGIN}`, 'Origin: https://evil.example'),
  fromOrigin(
    'two origins, the other way round',
    ends(403),
    'Origin: https://evil.example',
    `Origin: ${ORIGIN}`,
  ),
  fromOrigin('an origin by an old name', ends(403), 'Origin: null', `Sec-WebSocket-Origin: ${ORIGIN}`),
  fromOrigin('a referer for an origin', ends(403), 'Origin: null', `Referer: ${ORIGIN}/`),
];

export const HANDSHAKES: readonly HttpRow[] = [...handshakes, ...origins];
