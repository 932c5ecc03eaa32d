import { ADMIN_TOKEN, type HttpRow, request } from './http-row.js';

type Result = Pick<HttpRow, 'answers' | 'connection'>;

const stays = (...answers: readonly number[]): Result => ({ answers, connection: 'stays' });
const ends = (...answers: readonly number[]): Result => ({ answers, connection: 'ends' });
const LOCAL = 'Host: localhost';
const JSON_TYPE = 'Content-Type: application/json';

const ask = (name: string, line: string, headers: readonly string[], result: Result): HttpRow => ({
  name,
  to: 'admin',
  send: request(`${line} HTTP/1.1`, headers),
  ...result,
});
/** A publication; nobody listens to that tenant. */
const EVENT = '{"tenant":"hostile","user":"7","data":1}';
const post = (name: string, result: Result, headers: readonly string[], body = EVENT): HttpRow => ({
  name,
  to: 'admin',
  send: request('POST /events HTTP/1.1', [LOCAL, ...headers], body),
  ...result,
});
const sized = (body: string): string => `Content-Length: ${body.length}`;

const hosts: readonly HttpRow[] = [
  ...[
    'evil.example',
    'localhost.evil.example',
    'evil.example:9090',
    '127.0.0.1.evil.example',
    'localhost@evil.example',
    'localhost, evil.example',
    '0.0.0.0',
    '[::ffff:127.0.0.1]',
    '0x7f.1',
    '2130706433',
    '127.1',
    'localhost.',
    'localhost:',
    'localhost:x',
    'ⓛocalhost',
    '',
  ].map(host => ask(`Host: ${host}`, 'GET /stats', [`Host: ${host}`], stays(403))),
  ask('two Hosts, the first foreign', 'GET /stats', ['Host: evil.example', LOCAL], stays(403)),
  ask('no Host', 'GET /stats', [], ends(400)),
  ask(
    'a forwarded host',
    'GET /stats',
    [
      'Host: evil.example',
      'X-Forwarded-Host: localhost',
      'X-Forwarded-For: 127.0.0.1',
      'Forwarded: for=127.0.0.1;host=localhost',
    ],
    stays(403),
  ),
  ask(
    'a good Host and an address in the path',
    'GET http://localhost/stats',
    ['Host: evil.example'],
    stays(404),
  ),
  ask(
    'publishing by another host',
    'POST /events',
    ['Host: evil.example', JSON_TYPE, 'Content-Length: 0'],
    stays(403),
  ),
];

const paths: readonly HttpRow[] = [
  ...[
    '//',
    '//stats',
    '/stats/',
    '/./stats',
    '/../stats',
    '/livez/../stats',
    '/%73tats',
    '/stats%00',
    '/STATS',
    '/stats;x',
    '/stats%3f',
    '/',
    '*',
    'http://localhost/stats',
    'http://[',
    '/%',
    '/\\stats',
    '/constructor',
    '/__proto__',
    '/ws',
    '/healthz',
  ].map(path => ask(`GET ${path}`, `GET ${path}`, [LOCAL], stays(404))),
  ask('GET /stats with a query', 'GET /stats?//', [LOCAL], stays(200)),
  ask('GET /livez under any name', 'GET /livez', ['Host: evil.example'], stays(200)),
  ...['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'].map(method =>
    ask(`${method} /stats`, `${method} /stats`, [LOCAL, 'Content-Length: 0'], stays(405)),
  ),
  ...['GET', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'].map(method =>
    ask(`${method} /events`, `${method} /events`, [LOCAL, JSON_TYPE, 'Content-Length: 0'], stays(405)),
  ),
  ask(
    'GET /events that says it is a POST',
    'GET /events',
    [LOCAL, 'X-HTTP-Method-Override: POST'],
    stays(405),
  ),
  ask('CONNECT', 'CONNECT localhost:5672', [LOCAL], ends()),
  ask(
    'a WebSocket handshake',
    'GET /livez',
    [
      LOCAL,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ],
    stays(200),
  ),
  ask('headers without end', 'GET /livez', [LOCAL, `X: ${'y'.repeat(17_000)}`], ends(431)),
  ask('names that all objects have', 'GET /livez', [LOCAL, '__proto__: x', 'constructor: y'], stays(200)),
];

const chunks = (body: string): string => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

const bodies: readonly HttpRow[] = [
  post('a publication', stays(202), [JSON_TYPE, sized(EVENT)]),
  post('a publication in chunks', stays(202), [JSON_TYPE, 'Transfer-Encoding: chunked'], chunks(EVENT)),
  post(
    'a publication in chunks of one byte',
    stays(202),
    [JSON_TYPE, 'Transfer-Encoding: chunked'],
    `${EVENT.split('')
      .map(letter => `1\r\n${letter}\r\n`)
      .join('')}0\r\n\r\n`,
  ),
  post(
    'a publication and a request behind it',
    stays(202, 200),
    [JSON_TYPE, sized(EVENT)],
    `${EVENT}${request('GET /livez HTTP/1.1', [LOCAL])}`,
  ),
  post('no body', stays(400), [JSON_TYPE, 'Content-Length: 0'], ''),
  post('nonsense', stays(400), [JSON_TYPE, 'Content-Length: 5'], 'hello'),
  post('two publications', stays(400), [JSON_TYPE, sized(EVENT + EVENT)], EVENT + EVENT),
  post('bytes that are no UTF-8', stays(400), [JSON_TYPE, 'Content-Length: 4'], '"\xff\xfe"'),
  post('a byte order mark', stays(400), [JSON_TYPE, sized(`\xef\xbb\xbf${EVENT}`)], `\xef\xbb\xbf${EVENT}`),
  post('60,000 opening brackets', stays(400), [JSON_TYPE, 'Content-Length: 60000'], '['.repeat(60_000)),
  post('a body of 300 kB', ends(400), [JSON_TYPE, 'Content-Length: 300000'], 'x'.repeat(300_000)),
  post(
    'a body of 300 kB in one chunk',
    ends(400),
    [JSON_TYPE, 'Transfer-Encoding: chunked'],
    chunks('x'.repeat(300_000)),
  ),
  post(
    'a body said to be of a terabyte',
    ends(400),
    [JSON_TYPE, 'Content-Length: 1000000000000'],
    'x'.repeat(300_000),
  ),
  post(
    'a length and chunks',
    ends(400),
    [JSON_TYPE, 'Content-Length: 4', 'Transfer-Encoding: chunked'],
    chunks(EVENT),
  ),
  post('a length below zero', ends(400), [JSON_TYPE, 'Content-Length: -1']),
  ...[
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/json5',
    'application/problem+json',
    'text/json',
    'application/json, text/plain',
    'text/plain; application/json',
    'json',
    '*/*',
  ].map(type => post(`the type ${type}`, stays(415), [`Content-Type: ${type}`, sized(EVENT)])),
  post('no type', stays(415), [sized(EVENT)]),
  ...['APPLICATION/JSON', 'application/json;charset=utf-8', 'application/json ; x'].map(type =>
    post(`the type ${type}`, stays(202), [`Content-Type: ${type}`, sized(EVENT)]),
  ),
];

const locked = (name: string, result: Result, path: string, ...headers: readonly string[]): HttpRow => ({
  name,
  to: 'locked',
  send: request(`GET ${path} HTTP/1.1`, [LOCAL, ...headers]),
  ...result,
});

const tokens: readonly HttpRow[] = [
  locked('the admin token', stays(200), '/stats', `Authorization: Bearer ${ADMIN_TOKEN}`),
  locked(
    'the admin token with blanks around',
    stays(200),
    '/stats',
    `Authorization:   Bearer ${ADMIN_TOKEN}  `,
  ),
  locked('no token', stays(401), '/stats'),
  ...[
    '',
    'Bearer',
    'Bearer ',
    ADMIN_TOKEN,
    `Bearer ${ADMIN_TOKEN}x`,
    `Bearer ${ADMIN_TOKEN.slice(1)}`,
    `Bearer  ${ADMIN_TOKEN}`,
    `Bearer\t${ADMIN_TOKEN}`,
    `Bearer "${ADMIN_TOKEN}"`,
    `Bearer ${ADMIN_TOKEN.toUpperCase()}`,
    `Bearer ${ADMIN_TOKEN}, Bearer x`,
    `Basic ${Buffer.from(`admin:${ADMIN_TOKEN}`).toString('base64')}`,
    'Bearer \xff\xfe',
    `Bearer ${'x'.repeat(10_000)}`,
    'Bearer null',
    'Bearer undefined',
  ].map(value =>
    locked(
      `the authorization ${value.replaceAll(ADMIN_TOKEN, '…').slice(0, 40)}`,
      stays(401),
      '/stats',
      `Authorization: ${value}`,
    ),
  ),
  locked(
    'a bad authorization before a good one',
    stays(401),
    '/stats',
    'Authorization: Bearer x',
    `Authorization: Bearer ${ADMIN_TOKEN}`,
  ),
  locked(
    'the admin token in the query',
    stays(401),
    `/stats?token=${ADMIN_TOKEN}&access_token=${ADMIN_TOKEN}`,
  ),
  locked('the admin token in a cookie', stays(401), '/stats', `Cookie: token=${ADMIN_TOKEN}`),
  locked('the admin token for a proxy', stays(401), '/stats', `Proxy-Authorization: Bearer ${ADMIN_TOKEN}`),
  locked('GET /events without the token', stays(401), '/events'),
  locked('the token with a NUL', ends(400), '/stats', `Authorization: Bearer ${ADMIN_TOKEN}\0`),
  locked('the probes without the token', stays(200), '/readyz'),
];

export const ADMIN: readonly HttpRow[] = [...hosts, ...paths, ...bodies, ...tokens];
