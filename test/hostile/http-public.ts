import { get, type HttpRow, many, request } from './http-row.js';

type Result = Pick<HttpRow, 'answers' | 'connection' | 'orElse'>;

const row = (name: string, send: string, result: Result): HttpRow => ({ name, to: 'open', send, ...result });
/** Node 20 drops headers beyond 2,000; from 24 on it refuses far fewer. */
const unlessTooMany = (result: Result): Result => ({ ...result, orElse: 431 });
const stays = (...answers: readonly number[]): Result => ({ answers, connection: 'stays' });
const ends = (...answers: readonly number[]): Result => ({ answers, connection: 'ends' });
const HOST = 'Host: warren.example';

const requestLines: readonly HttpRow[] = [
  row('HTTP/1.0', 'GET /healthz HTTP/1.0\r\n\r\n', ends(200)),
  row('HTTP/0.9', 'GET /healthz\r\n\r\n', ends(200)),
  row('HTTP/2 without asking', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', ends(400)),
  row('HTTP/2.0 in the line', request('GET /healthz HTTP/2.0', [HOST]), ends(200)),
  row('HTTP/9.9', request('GET /healthz HTTP/9.9', [HOST]), ends(400)),
  row('http/1.1', request('GET /healthz http/1.1', [HOST]), ends(400)),
  row('another protocol', request('GET /healthz ICE/1.0', [HOST]), ends(400)),
  row('no version', request('GET /healthz ', [HOST]), ends(400)),
  row('a method in lower case', request('get /healthz HTTP/1.1', [HOST]), ends(400)),
  row('a method that is none', request('SUBSCRIBED /healthz HTTP/1.1', [HOST]), ends(400)),
  row('a method of 10,000 letters', request(`${'A'.repeat(10_000)} / HTTP/1.1`, [HOST]), ends(400)),
  row('TRACE', request('TRACE /nowhere HTTP/1.1', [HOST, 'Cookie: secret']), stays(404)),
  row('OPTIONS *', request('OPTIONS * HTTP/1.1', [HOST]), stays(404)),
  row('CONNECT to somewhere else', request('CONNECT evil.example:443 HTTP/1.1', [HOST]), ends()),
  row('CONNECT to here', request('CONNECT /ws HTTP/1.1', [HOST]), ends()),
  row('two spaces', request('GET  /healthz HTTP/1.1', [HOST]), stays(200)),
  row('a space in the path', request('GET /heal thz HTTP/1.1', [HOST]), ends(400)),
  row('a NUL in the path', request('GET /healthz\0 HTTP/1.1', [HOST]), ends(400)),
  row('empty lines in front', `\r\n\r\n${get('/healthz')}`, stays(200)),
  row('no path', request('GET HTTP/1.1', [HOST]), ends(400)),
  row('a path without a slash', request('GET healthz HTTP/1.1', [HOST]), ends(400)),
  row('a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', ends(400)),
  row('an SSH client', 'SSH-2.0-OpenSSH_9.2\r\n', ends(400)),
  row('an AMQP client', 'AMQP\x00\x00\x09\x01', ends(400)),
  row('a mail client', 'EHLO x\r\n', ends(400)),
  row('WebSocket frames without a handshake', '\x81\x82\x00\x00\x00\x00{}', ends(400)),
  row('zeros', '\0'.repeat(1000), ends(400)),
];

const paths: readonly HttpRow[] = [
  ...[
    '//',
    '///',
    '//ws',
    '/ws/',
    '/WS',
    '/ws/../healthz',
    '/./healthz',
    '/%68ealthz',
    '/healthz%00',
    '/healthz;x',
    '/..',
    '/%2e%2e/',
    '/ws%20',
    '/${jndi:ldap://x}',
    '/?/healthz',
    '/constructor',
    '/__proto__',
    '/healthz/',
    '/metrics',
    '/readyz',
    '/livez',
    '/stats',
    '/events',
    '/.env',
    'http://warren.example/healthz',
    'http://evil.example/ws',
    'http://[',
  ].map(path => row(`GET ${path}`, get(path), stays(404))),
  ...['/healthz', '/healthz?', '/healthz?//', '/healthz?access_token=x'].map(path =>
    row(`GET ${path}`, get(path), stays(200)),
  ),
  row('GET with bytes that are no ASCII', get('/\xff\xfe'), ends(400)),
  row('GET /ws', get('/ws'), stays(426)),
  row('a path of 10,000 bytes', get(`/${'x'.repeat(10_000)}`), stays(404)),
  row('a path of 20,000 bytes', get(`/${'x'.repeat(20_000)}`), ends(431)),
];

const headers: readonly HttpRow[] = [
  row('no Host', request('GET /healthz HTTP/1.1'), ends(400)),
  row('two Hosts: the second is not looked at', get('/healthz', 'Host: evil.example'), stays(200)),
  row('no colon', get('/healthz', 'nonsense'), ends(400)),
  row('no name', get('/healthz', ': x'), ends(400)),
  row('a space before the colon', get('/healthz', 'X : y'), ends(400)),
  row('a name with a space', get('/healthz', 'X Y: z'), ends(400)),
  row('a line that begins with a space', get('/healthz', 'X: y', ' z'), ends(400)),
  row('NUL in a value', get('/healthz', 'X: a\0b'), ends(400)),
  row('CR in a value', get('/healthz', 'X: a\rSet-Cookie: b'), ends(400)),
  row('LF in a value', get('/healthz', 'X: a\nX-Injected: b'), ends(400)),
  row('lines that end with LF only', get('/healthz').replaceAll('\r', ''), ends(400)),
  row('bytes that are no ASCII in a value', get('/healthz', 'X: \xff\xfe\xe9'), stays(200)),
  row('bytes that are no ASCII in a name', get('/healthz', 'X\xe9: a'), ends(400)),
  row(
    'names that all objects have',
    get('/healthz', '__proto__: x', 'constructor: y', 'toString: z', 'hasOwnProperty: 1'),
    stays(200),
  ),
  row('2,100 headers', get('/healthz', ...many(2100, i => `a:${i % 10}`)), unlessTooMany(stays(200))),
  row(
    '1,000 headers of different names',
    get('/healthz', ...many(1000, i => `${i.toString(36)}:1`)),
    unlessTooMany(stays(200)),
  ),
  row('a header of 17 kB', get('/healthz', `X: ${'y'.repeat(17_000)}`), ends(431)),
  row('a name of 17 kB', get('/healthz', `${'x'.repeat(17_000)}: y`), ends(431)),
  row('17 kB of cookies', get('/healthz', ...many(200, i => `Cookie: c${i}=${'x'.repeat(80)}`)), ends(431)),
  row('Connection: close', get('/healthz', 'Connection: close'), ends(200)),
  row('Connection: Host', get('/healthz', 'Connection: Host, Upgrade'), stays(200)),
  row('Expect', get('/healthz', 'Expect: 100-continue'), stays(100, 200)),
  row('Expect something else', get('/healthz', 'Expect: nothing'), stays(417)),
];

const POST = 'POST /nowhere HTTP/1.1';
const smuggling: readonly HttpRow[] = [
  row('three requests at once', get('/healthz') + get('/nowhere') + get('/ws'), stays(200, 404, 426)),
  row(
    'a hundred requests at once',
    get('/healthz').repeat(100),
    stays(...Array.from({ length: 100 }, () => 200)),
  ),
  row('a request, then nonsense', `${get('/healthz')}nonsense\r\n\r\n`, ends(200)),
  row(
    'a request in a body',
    request(POST, [HOST, 'Content-Length: 48'], get('/healthz').padEnd(48)),
    stays(404),
  ),
  row(
    'a length and chunks',
    request(POST, [HOST, 'Content-Length: 4', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
    ends(400),
  ),
  row(
    'chunks and a length',
    request(POST, [HOST, 'Transfer-Encoding: chunked', 'Content-Length: 4'], '0\r\n\r\n'),
    ends(400),
  ),
  row(
    'two lengths',
    request(POST, [HOST, 'Content-Length: 0', 'Content-Length: 44'], get('/healthz')),
    ends(400),
  ),
  ...['-1', '+5', '5x', '0x5', '5,5', '1e1', '', '99999999999999999999999'].map(length =>
    row(
      `a length of ${length || 'nothing'}`,
      request(POST, [HOST, `Content-Length: ${length}`], 'hello'),
      ends(400),
    ),
  ),
  ...['chunked, identity', 'chunked, chunked', '\x0bchunked'].map(coding =>
    row(
      `the transfer coding ${JSON.stringify(coding)}`,
      request(POST, [HOST, `Transfer-Encoding: ${coding}`], '0\r\n\r\n'),
      ends(400),
    ),
  ),
  ...['identity', 'xchunked'].map(coding =>
    row(
      `the transfer coding ${coding}`,
      request(POST, [HOST, `Transfer-Encoding: ${coding}`], get('/healthz')),
      ends(404),
    ),
  ),
  row('chunks', request(POST, [HOST, 'Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'), stays(404)),
  row(
    'a chunk of 2^68 bytes',
    request(POST, [HOST, 'Transfer-Encoding: chunked'], 'fffffffffffffffff\r\n'),
    ends(404),
  ),
  row(
    'a chunk without a size',
    request(POST, [HOST, 'Transfer-Encoding: chunked'], 'x\r\nhello\r\n'),
    ends(404),
  ),
  row(
    'a space before the colon of the coding',
    request(POST, [HOST, 'Transfer-Encoding : chunked'], '0\r\n\r\n'),
    ends(400),
  ),
];

export const PUBLIC: readonly HttpRow[] = [...requestLines, ...paths, ...headers, ...smuggling];
