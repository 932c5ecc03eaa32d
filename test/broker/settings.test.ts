import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import type { QueueFeedConfig } from '../../src/broker/settings.js';
import { selfSigned } from '../support/certificate.js';
import { config, faults, file, warnings } from '../support/config.js';

function feed(env: Record<string, string>): QueueFeedConfig {
  const section = config(env).feed;
  assert.ok(section.kind === 'queue');
  return section;
}

test('broker addresses are kept as written, in their order', () => {
  const urls = [
    'amqp://localhost',
    'amqp://user:p%2Css%40@mq-1.example:5673/%2F?heartbeat=10',
    'amqps://[::1]:5671/vhost?frameMax=8192&channelMax=10&locale=en_US',
    'amqp://10.0.0.1/',
    'amqp://rabbit_mq:5672',
  ];
  assert.deepEqual(feed({ AMQP_URL: urls.join(' , ') }).urls, urls);
});

test('what is no broker address is a fault that says which and why, and never repeats it', () => {
  const table: readonly (readonly [string, RegExp])[] = [
    ['http://mq', /item 1 must be amqp:/],
    ['AMQP://mq', /item 1 must be amqp:/],
    ['mq:5672', /item 1 must be amqp:/],
    ['amqp:mq', /item 1 must be amqp:/],
    ['amqp://', /item 1 has no host/],
    ['amqp://one,,amqp://two', /item 2 is empty/],
    ['amqp://one,', /item 2 is empty/],
    ['amqp://one;amqp://two', /item 1 has no proper host/],
    ['amqp://one amqp://two', /item 1 has blanks/],
    ['amqp://one:99999', /item 1 can't be parsed/],
    ['amqp://u:hunter,2@mq', /item 1 can't be parsed/],
    ['amqp://u:12/hunter@mq', /item 1 can't be parsed/],
    ['amqp://u:12?hunter@mq', /item 1 can't be parsed/],
    ['amqp://u:12#hunter@mq', /item 1 can't be parsed/],
    ['amqp://u:100%hunter@mq', /item 1 has a %/],
    ['amqp://mq?verify=verify_peer', /item 1 has an unknown parameter/],
    ['amqp://mq?hunter', /item 1 has an unknown parameter/],
    ['amqp://mq?heartbeat=ten', /item 1 has a heartbeat that is no number/],
  ];
  for (const [text, problem] of table) {
    const [line = '', ...more] = faults({ AMQP_URL: text });
    assert.match(line, /^AMQP_URL: must be amqp:\/\/ or amqps:\/\/ addresses, comma separated: /, text);
    assert.match(line, problem, text);
    assert.doesNotMatch(line, /hunter|99999|verify_peer|\bmq\b/);
    assert.deepEqual(more, []);
  }
});

const TLS = { AMQP_URL: 'amqps://mq.example' };
const own = selfSigned('pod');
const other = selfSigned('broker');
const paths = { cert: file(own.cert), key: file(own.key), ca: file(other.cert) };

test('certificates and keys are read at the start', () => {
  assert.equal(feed(TLS).tls, null);
  assert.deepEqual(feed({ ...TLS, AMQP_CA_FILE: paths.ca }).tls, { ca: other.cert, cert: null, key: null });
  assert.deepEqual(
    feed({ ...TLS, AMQP_CA_FILE: paths.ca, AMQP_CERT_FILE: paths.cert, AMQP_KEY_FILE: paths.key }).tls,
    { ca: other.cert, cert: own.cert, key: own.key },
  );
});

test('a client certificate needs its key, and the key its certificate', () => {
  assert.deepEqual(faults({ ...TLS, AMQP_CERT_FILE: paths.cert }), [
    'AMQP_KEY_FILE: must be set with AMQP_CERT_FILE: its private key',
  ]);
  assert.deepEqual(faults({ ...TLS, AMQP_KEY_FILE: paths.key }), [
    'AMQP_CERT_FILE: must be set with AMQP_KEY_FILE: its certificate',
  ]);
});

test('a certificate and a key that do not belong together are a fault', () => {
  assert.deepEqual(faults({ ...TLS, AMQP_CERT_FILE: paths.ca, AMQP_KEY_FILE: paths.key }), [
    'AMQP_KEY_FILE: the private key belongs to another certificate than the one in AMQP_CERT_FILE',
  ]);
});

test('files that hold something else are faults, all at once', () => {
  const wrong = file('something else');
  const locked = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
  }).privateKey;
  assert.deepEqual(
    faults({ ...TLS, AMQP_CA_FILE: wrong, AMQP_CERT_FILE: wrong, AMQP_KEY_FILE: file(locked) }),
    [
      'AMQP_CA_FILE: the file holds no readable PEM certificate ("-----BEGIN CERTIFICATE-----")',
      'AMQP_CERT_FILE: the file holds no readable PEM certificate ("-----BEGIN CERTIFICATE-----")',
      'AMQP_KEY_FILE: the file holds no readable PEM private key without a passphrase',
    ],
  );
  assert.deepEqual(faults({ ...TLS, AMQP_CA_FILE: '/nowhere' }), [
    "AMQP_CA_FILE: must be the path of a file: the file can't be read (ENOENT)",
  ]);
});

test('certificates without an amqps address are a fault: the connection would not be encrypted', () => {
  const line = 'AMQP_URL: must have an amqps:// address when AMQP_CA_FILE or AMQP_CERT_FILE is set';
  assert.deepEqual(faults({ AMQP_CA_FILE: paths.ca, AMQP_URL: 'amqp://mq' }), [line]);
  assert.deepEqual(faults({ AMQP_CA_FILE: paths.ca, AMQP_URL: 'amqp://mq,amqps://mq' }), []);
});

test('a stream is set up beside the queue, and only where it is asked for', () => {
  const section = config({ FEED: 'stream' }).feed;
  assert.ok(section.kind === 'stream');
  assert.deepEqual(
    [section.stream, section.streamMaxBytes, section.streamMaxAgeMs, section.exchange, section.declare],
    ['push.history', 2 ** 30, 3_600_000, 'push.events', true],
  );
  assert.deepEqual(faults({ FEED: 'stream', AMQP_STREAM: 'amq.history' }).length, 1);
  assert.match(faults({ FEED: 'streams' })[0] ?? '', /one of queue, stream, memory/);
});

test('a stream whose segments a few events would fill is a fault', () => {
  assert.deepEqual(faults({ FEED: 'stream', AMQP_STREAM_MAX_BYTES: '16MiB' }), [
    'AMQP_STREAM_MAX_BYTES: must be at least 128 times MAX_EVENT_BYTES (262144), not 16777216: a sixteenth of it is trimmed at a time',
  ]);
  assert.deepEqual(
    faults({
      FEED: 'stream',
      AMQP_STREAM_MAX_BYTES: '16MiB',
      MAX_EVENT_BYTES: '65536',
      MAX_PAYLOAD_BYTES: '65536',
    }),
    [],
  );
  assert.deepEqual(faults({ AMQP_STREAM_MAX_BYTES: '16MiB' }), []);
});

test('a stream that keeps less than the history is warned about', () => {
  const lines = warnings({ FEED: 'stream', AMQP_STREAM_MAX_AGE_MS: '60000', HISTORY_MAX_BYTES: '2GiB' });
  assert.match(lines.join('\n'), /AMQP_STREAM_MAX_AGE_MS \(60000\) is below HISTORY_MAX_AGE_MS \(600000\)/);
  assert.match(lines.join('\n'), /AMQP_STREAM_MAX_BYTES \(1073741824\) is below HISTORY_MAX_BYTES/);
  assert.deepEqual(
    warnings({ AMQP_STREAM_MAX_AGE_MS: '60000' }).filter(line => line.includes('STREAM')),
    [],
  );
});

test('events and what pods say to one another take exchanges of their own', () => {
  assert.equal(feed({}).controlExchange, 'push.control');
  assert.deepEqual(faults({ AMQP_EXCHANGE: 'one', AMQP_CONTROL_EXCHANGE: 'one' }), [
    'AMQP_CONTROL_EXCHANGE: must be another exchange than AMQP_EXCHANGE',
  ]);
});
