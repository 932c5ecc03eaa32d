import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { loadConfig } from '../src/config.js';
import { quote } from '../src/config-sources.js';
import { config, faults, file, outcome, SECRET } from './support/config.js';

const KEY = 'k'.repeat(32);

test('every secret also comes from a file, without the newline at its end', () => {
  const cases = ['', '\n', '\r\n'].map(end =>
    config({
      JWT_SECRET_FILE: file(SECRET + end),
      ADMIN_TOKEN_FILE: file(`a-token-of-some-length${end}`),
      CURSOR_KEY_FILE: file(KEY + end),
      AMQP_URL_FILE: file(`amqp://one,amqp://two${end}`),
    }),
  );
  const same = config({
    ADMIN_TOKEN: 'a-token-of-some-length',
    CURSOR_KEY: KEY,
    AMQP_URL: 'amqp://one,amqp://two',
  });
  for (const each of cases) assert.deepEqual(each, same);
});

test('only one newline is taken off a secret', () => {
  const { key } = config({ JWT_SECRET_FILE: file(` ${SECRET}\n\n`) }).auth;
  assert.deepEqual(key, { kind: 'secret', secret: ` ${SECRET}\n` });
});

test('a secret from a file outranks one from a configuration file', () => {
  const { key } = config(
    { JWT_SECRET_FILE: file(SECRET) },
    { 'local.json': { auth: { secret: 'x'.repeat(40) } } },
  ).auth;
  assert.deepEqual(key, { kind: 'secret', secret: SECRET });
});

test('a secret and its file together are a fault, and the only one', () => {
  for (const name of ['JWT_SECRET', 'ADMIN_TOKEN', 'CURSOR_KEY', 'AMQP_URL']) {
    assert.deepEqual(faults({ JWT_SECRET: SECRET, [name]: 'x', [`${name}_FILE`]: file('y') }), [
      `${name}, ${name}_FILE: only one of them may be set`,
    ]);
  }
});

test('a secret file that is missing, a folder, empty or no text is a fault that shows neither path nor content', () => {
  const fault = (path: string): readonly string[] => faults({ JWT_SECRET_FILE: path });
  const start = 'JWT_SECRET_FILE: must be the path of a file that holds the value:';
  assert.deepEqual(fault('/nowhere/secret'), [`${start} the file can't be read (ENOENT)`]);
  assert.deepEqual(fault('/'), [`${start} the file can't be read (EISDIR)`]);
  assert.deepEqual(fault(file('')), [`${start} the file is empty`]);
  assert.deepEqual(fault(file('\n')), [`${start} the file is empty`]);
  assert.deepEqual(fault(file(Buffer.from([0xff, 0xfe, 0x41]))), [`${start} the file is no UTF-8 text`]);
  assert.deepEqual(fault(file('short')), ['JWT_SECRET_FILE: must be at least 32 bytes: it has 5']);
});

test('files may hold JSON numbers, booleans and arrays as well as the spelling of the environment', () => {
  const native = { listener: { port: 1, allowedOrigins: ['https://a.example'] }, feed: { declare: false } };
  const spelt = { listener: { port: '1', allowedOrigins: 'https://a.example' }, feed: { declare: 'false' } };
  assert.deepEqual(config({}, { 'local.json': native }), config({}, { 'local.json': spelt }));
});

test('what is no known group or key in a file is a fault', () => {
  const known = 'docs/configuration.md lists them';
  const groups = 'there are listener, admin, feed, events, auth, log, connections, process';
  const table: readonly (readonly [unknown, string])[] = [
    [{ listener: { prot: 1 } }, `"listener.prot" is no known key; ${known}`],
    [{ listner: {} }, `"listner" is no known group; ${groups}`],
    [{ PORT: 1 }, `"PORT" is no known group; ${groups}`],
    [{ 'listener.port': 1 }, `"listener.port" is no known group; ${groups}`],
    ['{"__proto__": {"port": 1}}', `"__proto__" is no known group; ${groups}`],
    ['{"listener": {"__proto__": 1}}', `"listener.__proto__" is no known key; ${known}`],
    [{ constructor: { prototype: {} } }, `"constructor" is no known group; ${groups}`],
    [{ listener: { toString: 1 } }, `"listener.toString" is no known key; ${known}`],
    [{ listener: { 'port.x': 1 } }, `"listener.port.x" is no known key; ${known}`],
    [{ listener: 8080 }, 'listener: must be a JSON object of settings'],
    [{ listener: null }, 'listener: must be a JSON object of settings'],
    [{ listener: [] }, 'listener: must be a JSON object of settings'],
    [
      { listener: { port: { value: { deep: 1 } } } },
      'listener.port: must be a port from 0 to 65535, not a JSON object',
    ],
    [{ listener: { port: null } }, 'listener.port: must be a port from 0 to 65535, not null'],
    [[], 'must be a JSON object of groups, like {"listener": {"port": 8080}}'],
    ['null', 'must be a JSON object of groups, like {"listener": {"port": 8080}}'],
  ];
  for (const [content, line] of table) {
    assert.deepEqual(faults({}, { 'local.json': content }), [`config/local.json: ${line}`]);
  }
});

test('a fault in a file names the last file that gives the value', () => {
  const files = { 'default.json': { listener: { port: 'a' } }, 'local.json': { listener: { port: 'b' } } };
  assert.deepEqual(faults({}, files), [
    'config/local.json: listener.port: must be a port from 0 to 65535, not "b"',
  ]);
  assert.deepEqual(faults({ PORT: 'c' }, files), ['PORT: must be a port from 0 to 65535, not "c"']);
  assert.deepEqual(faults({ PORT: '1' }, files), []);
});

test('null in a file takes back what an earlier file gives, where there is no default', () => {
  const files = { 'default.json': { auth: { issuer: 'x' } }, 'local.json': { auth: { issuer: null } } };
  assert.equal(config({}, files).auth.issuer, null);
});

test('a file that cannot be read or parsed is a fault; a missing one is none', () => {
  assert.deepEqual(faults({}, {}), []);
  assert.match(
    faults({}, { 'default.json': '' })[0] ?? '',
    /^config\/default\.json: must be JSON, but can't be parsed/,
  );
  const broken = faults({}, { 'default.json': '{\n "listener": {]}' })[0] ?? '';
  assert.match(broken, /^config\/default\.json: must be JSON, but can't be parsed( at position \d+.*)?$/);
});

test('a folder in place of a file is a fault', () => {
  const folder = join(dirname(file('')), 'config');
  mkdirSync(join(folder, 'default.json'), { recursive: true });
  assert.deepEqual(loadConfig({ JWT_SECRET: SECRET }, { folder }), {
    kind: 'faults',
    faults: ["config/default.json: the file can't be read (EISDIR)"],
  });
});

test('no fault or warning holds a piece of a secret, wherever it was put and however it is broken', () => {
  const marker = 'Hunter2';
  // The marker with arbitrary text around it, of the kind that breaks parsers.
  const noise = fc.string({
    unit: fc.constantFrom(...Array.from('aZ09 /\\:@?#%&=,;.-_"\'{}[]\n\r\t\u2028é€😀')),
    maxLength: 40,
  });
  const secret = fc.tuple(noise, noise).map(([before, after]) => `${before}${marker}${after}`);
  const place = fc.constantFrom<(text: string) => Record<string, string>>(
    text => ({ JWT_SECRET: text }),
    text => ({ JWT_SECRET: text, JWT_SECRET_FILE: '/nowhere' }),
    text => ({ JWT_SECRET_FILE: file(text) }),
    text => ({ JWT_SECRET_FILE: text }),
    text => ({ ADMIN_TOKEN: text }),
    text => ({ ADMIN_TOKEN_FILE: file(text) }),
    text => ({ CURSOR_KEY: text }),
    text => ({ CURSOR_KEY: `${KEY},${text}` }),
    text => ({ CURSOR_KEY: `${text},${KEY},${KEY}` }),
    text => ({ AMQP_URL: text }),
    text => ({ AMQP_URL: `amqp://user:${text}@localhost:5672/vhost` }),
    text => ({ AMQP_URL: `amqps://${text}:password@localhost` }),
    text => ({ AMQP_URL: `amqp://one,amqp://user:${text}@` }),
    text => ({ AMQP_URL: `http://user:${text}@localhost` }),
    text => ({ AMQP_URL: `amqp://user:12/${text}@localhost` }),
    text => ({ AMQP_URL: `amqp://user:12?${text}@localhost` }),
    text => ({ AMQP_URL_FILE: file(`amqp://user:${text}@localhost:x`) }),
    text => ({ JWT_JWKS_URL: `http://user:${text}@keys.example/` }),
    text => ({ JWT_JWKS_URL: `https://user:${text}@keys.example/` }),
    text => ({ AMQP_KEY_FILE: `-----BEGIN PRIVATE KEY-----\n${text}\n` }),
    text => ({ AMQP_KEY_FILE: text }),
    text => ({ AMQP_CERT_FILE: text }),
    text => ({ AMQP_CA_FILE: text }),
    text => ({ JWT_SECRET: '', JWT_PUBLIC_KEY_FILE: text }),
  );
  fc.assert(
    fc.property(place, secret, (put, text) => {
      const result = outcome({ JWT_SECRET: SECRET, ...put(text.replaceAll('\0', '')) });
      const lines = result.kind === 'ok' ? result.warnings : result.faults;
      assert.doesNotMatch(lines.join('\n'), new RegExp(marker));
    }),
    { numRuns: 1000 },
  );
});

test('no fault holds a piece of a secret that a configuration file has, not even if the file is broken', () => {
  const marker = 'Hunter2';
  const broken = fc.constantFrom(
    (text: string) => `{"auth": {"secret": "${text}"`,
    (text: string) => `{"auth": {"secret": ${text}}}`,
    (text: string) => text,
    (text: string) => `{"auth": {"secret": {"value": "${text}"}}}`,
    (text: string) => `{"auth": {"secret": ["${text}"]}}`,
    (text: string) => `{"auth": {"secret": "${text}", "publicKeyFile": "/nowhere"}}`,
    (text: string) => `{"feed": {"urls": "amqp://a:${text}@"}, "log": {"cursorKey": "${text}"}}`,
  );
  fc.assert(
    fc.property(broken, fc.string({ unit: 'grapheme-ascii', maxLength: 10 }), (put, noise) => {
      const lines = faults({ JWT_SECRET: 'short' }, { 'local.json': put(`${noise}${marker}`) });
      assert.doesNotMatch(lines.join('\n'), new RegExp(marker));
    }),
  );
});

test('a value is quoted without control characters, keys and passwords, and not at any length', () => {
  assert.equal(quote('a\nb\u2028\u009b'), '"a\\nb\\u2028\\u009b"');
  assert.equal(quote('https://u:p@h/@x'), '"https://[not shown]@x"');
  assert.equal(quote('-----BEGIN PRIVATE KEY-----\nMII'), '"-----BEGIN …" [not shown]');
  assert.equal(quote('x'.repeat(1000)).length, 121);
  assert.equal(quote(5.7), '5.7');
});
