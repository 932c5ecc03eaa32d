import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { loadConfig, SETTINGS } from '../src/config.js';
import type { Slice } from '../src/setting.js';
import { toPodName } from '../src/settings.js';
import { config, faults, file, outcome, SECRET, warnings } from './support/config.js';

test('a secret alone is a whole configuration, in the shape that the parts expect', () => {
  assert.deepEqual(config({}), {
    production: true,
    listener: {
      host: '0.0.0.0',
      port: 8080,
      allowedOrigins: [],
      maxPayloadBytes: 65536,
      maxInFlightBytes: 131_072,
      maxUnauthenticated: 1000,
    },
    admin: { host: '127.0.0.1', port: 9090, token: null },
    feed: {
      kind: 'queue',
      urls: ['amqp://guest:guest@localhost:5672'],
      tls: null,
      exchange: 'push.events',
      controlExchange: 'push.control',
      declare: true,
      queuePrefix: 'push.pod',
      queueMaxLength: 50000,
      queueMaxBytes: 256 * 2 ** 20,
      prefetch: 1000,
      reconnectDeadlineMs: 120000,
    },
    events: { maxEventBytes: 262144, maxRecipients: 1000 },
    auth: {
      key: { kind: 'secret', secret: SECRET },
      algorithms: [],
      issuer: null,
      audience: null,
      clockToleranceMs: 5000,
      userClaim: 'sub',
      tenantClaim: 'tenant',
      topicsClaim: 'topics',
      defaultTenant: null,
      defaultTopics: [],
    },
    cursorKeys: null,
    log: { maxBytes: 64 * 2 ** 20, maxEvents: 100000, maxAgeMs: 600000, resumeOverlapMs: 5000 },
    connections: {
      authTimeoutMs: 10000,
      pingIntervalMs: 25000,
      pongTimeoutMs: 10000,
      maxSubscriptions: 128,
      clientMessagesPerSecond: 10,
    },
    drainMs: 15000,
    logLevel: 'info',
    podName: toPodName(hostname()),
  });
});

test('every variable reaches the configuration', () => {
  const pem = file(SECRET);
  const values: Record<string, string> = {
    HOST: '::',
    PORT: '1',
    ALLOWED_ORIGINS: 'https://a.example',
    MAX_PAYLOAD_BYTES: '1000',
    MAX_IN_FLIGHT_BYTES: '2KiB',
    MAX_UNAUTHENTICATED: '2',
    ADMIN_HOST: '::1',
    ADMIN_PORT: '3',
    ADMIN_TOKEN: 'a-token-of-some-length',
    AMQP_URL: 'amqp://one, amqp://two',
    AMQP_EXCHANGE: 'x',
    AMQP_CONTROL_EXCHANGE: 'y',
    AMQP_DECLARE: 'false',
    AMQP_QUEUE_PREFIX: 'q',
    AMQP_QUEUE_MAX_LENGTH: '4',
    AMQP_QUEUE_MAX_BYTES: '5MiB',
    AMQP_PREFETCH: '6',
    FEED_RECONNECT_DEADLINE_MS: '-1',
    MAX_EVENT_BYTES: '7',
    MAX_RECIPIENTS: '8',
    JWT_SECRET_FILE: pem,
    JWT_ALGORITHMS: 'HS256, HS512',
    JWT_ISSUER: 'i',
    JWT_AUDIENCE: 'a',
    JWT_CLOCK_TOLERANCE_MS: '9',
    JWT_USER_CLAIM: 'u',
    JWT_TENANT_CLAIM: 't',
    JWT_TOPICS_CLAIM: 'p',
    DEFAULT_TENANT: 'acme',
    DEFAULT_TOPICS: 'news.*, deals.#',
    CURSOR_KEY: `${'n'.repeat(32)}, ${'o'.repeat(32)}`,
    HISTORY_MAX_BYTES: '10KiB',
    HISTORY_MAX_EVENTS: '11',
    HISTORY_MAX_AGE_MS: '12',
    RESUME_OVERLAP_MS: '0',
    AUTH_TIMEOUT_MS: '13',
    PING_INTERVAL_MS: '14',
    PONG_TIMEOUT_MS: '14',
    MAX_SUBSCRIPTIONS: '0',
    CLIENT_MESSAGES_PER_SECOND: '15',
    DRAIN_MS: '0',
    LOG_LEVEL: 'trace',
    POD_NAME: 'push-7d9f-x2',
  };
  assert.deepEqual(config(values), {
    production: true,
    listener: {
      host: '::',
      port: 1,
      allowedOrigins: ['https://a.example'],
      maxPayloadBytes: 1000,
      maxInFlightBytes: 2048,
      maxUnauthenticated: 2,
    },
    admin: { host: '::1', port: 3, token: 'a-token-of-some-length' },
    feed: {
      kind: 'queue',
      urls: ['amqp://one', 'amqp://two'],
      tls: null,
      exchange: 'x',
      controlExchange: 'y',
      declare: false,
      queuePrefix: 'q',
      queueMaxLength: 4,
      queueMaxBytes: 5 * 2 ** 20,
      prefetch: 6,
      reconnectDeadlineMs: -1,
    },
    events: { maxEventBytes: 7, maxRecipients: 8 },
    auth: {
      key: { kind: 'secret', secret: SECRET },
      algorithms: ['HS256', 'HS512'],
      issuer: 'i',
      audience: 'a',
      clockToleranceMs: 9,
      userClaim: 'u',
      tenantClaim: 't',
      topicsClaim: 'p',
      defaultTenant: 'acme',
      defaultTopics: ['news.*', 'deals.#'],
    },
    cursorKeys: ['n'.repeat(32), 'o'.repeat(32)],
    log: { maxBytes: 10240, maxEvents: 11, maxAgeMs: 12, resumeOverlapMs: 0 },
    connections: {
      authTimeoutMs: 13,
      pingIntervalMs: 14,
      pongTimeoutMs: 14,
      maxSubscriptions: 0,
      clientMessagesPerSecond: 15,
    },
    drainMs: 0,
    logLevel: 'trace',
    podName: 'push-7d9f-x2',
  });
});

test('the configuration is frozen all the way down', () => {
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' ||
    value === null ||
    (Object.isFrozen(value) && Object.values(value).every(frozen));
  assert.ok(frozen(config({ ALLOWED_ORIGINS: 'https://a.example', CURSOR_KEY: 'k'.repeat(32) })));
});

test('the environment outranks local.json, that the file of NODE_ENV, that default.json, that the default', () => {
  const files = {
    'default.json': {
      connections: { authTimeoutMs: 1, pingIntervalMs: 1, pongTimeoutMs: 1, maxSubscriptions: 1 },
    },
    'staging.json': { connections: { authTimeoutMs: 2, pingIntervalMs: 2, pongTimeoutMs: 2 } },
    'local.json': { connections: { authTimeoutMs: 3, pingIntervalMs: 3 } },
    'production.json': { connections: { authTimeoutMs: 9, clientMessagesPerSecond: 9 } },
  };
  assert.deepEqual(config({ NODE_ENV: 'staging', AUTH_TIMEOUT_MS: '4' }, files).connections, {
    authTimeoutMs: 4,
    pingIntervalMs: 3,
    pongTimeoutMs: 2,
    maxSubscriptions: 1,
    clientMessagesPerSecond: 10,
  });
});

test('anything but development and test is production, and without NODE_ENV production.json is read', () => {
  const files = { 'production.json': { process: { logLevel: 'warn' } } };
  for (const env of [{}, { NODE_ENV: '' }, { NODE_ENV: 'production' }]) {
    assert.equal(config(env, files).logLevel, 'warn');
    assert.equal(config(env, files).production, true);
  }
  for (const name of ['staging', 'Development', 'dev', 'testing']) {
    assert.equal(config({ NODE_ENV: name }).production, true, name);
  }
  for (const name of ['development', 'test'])
    assert.equal(config({ NODE_ENV: name }, files).production, false, name);
});

test('NODE_ENV cannot point outside the folder', () => {
  assert.deepEqual(faults({ NODE_ENV: '../secrets' }), [
    'NODE_ENV: must be letters, digits, _ and -, not "../secrets"',
  ]);
});

test('an empty variable counts as not set, also beside <NAME>_FILE', () => {
  const empty = Object.fromEntries(
    Object.values<Slice>(SETTINGS).flatMap(slice =>
      Object.values(slice).flatMap(({ env }) => [
        [env, ''],
        [`${env}_FILE`, ''],
      ]),
    ),
  );
  assert.deepEqual(config({ ...empty, JWT_SECRET: SECRET }), config({}));
  assert.deepEqual(config({ ...empty, JWT_SECRET_FILE: file(SECRET) }), config({}));
  assert.equal(config({ PORT: '' }, { 'local.json': { listener: { port: 7 } } }).listener.port, 7);
});

test('a variable that Warren does not know is nobody’s fault', () => {
  assert.deepEqual(
    config({ PATH: '/bin', PORTS: 'x', PORT_FILE: '/nowhere', LOG_LEVEL_FILE: '/nowhere' }),
    config({}),
  );
});

test('the command line is not read', () => {
  process.argv.push('--port', '1', '--listener.port', '1');
  try {
    assert.equal(config({}).listener.port, 8080);
  } finally {
    process.argv.splice(-4);
  }
});

test('all faults come at once, one line each, of files and of the environment', () => {
  const lines = faults(
    { PORT: '8080x', AMQP_DECLARE: '0', JWT_SECRET: 'short', LOG_LEVEL: 'loud' },
    { 'default.json': { listener: { hots: 'x' }, log: { maxEvents: 5.7 } }, 'local.json': '{' },
  );
  // Where the JSON breaks is said in the words of the Node version at hand.
  assert.deepEqual(
    lines.map(line => line.replace(/(parsed) at position .*/, '$1')),
    [
      'config/default.json: "listener.hots" is no known key; docs/configuration.md lists them',
      "config/local.json: must be JSON, but can't be parsed",
      'PORT: must be a port from 0 to 65535, not "8080x"',
      'AMQP_DECLARE: must be true or false, not "0"',
      'JWT_SECRET: must be at least 32 bytes: it has 5',
      'config/default.json: log.maxEvents: must be a whole number from 1 to 100000000, not 5.7',
      'LOG_LEVEL: must be one of fatal, error, warn, info, debug, trace, silent, not "loud"',
    ],
  );
});

test('a line stays a line, whatever a value holds', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), text => {
      for (const line of faults({ PORT: `x${text.replaceAll('\0', '')}` })) {
        assert.doesNotMatch(line, /[\p{Cc}\u2028\u2029]/u);
        assert.ok(line.length < 300, line);
      }
    }),
  );
});

test('two loads in one process do not know of each other', () => {
  assert.equal(config({ PORT: '1' }, { 'local.json': { admin: { port: 2 } } }).listener.port, 1);
  assert.deepEqual(config({}), config({}));
  assert.equal(config({}).admin.port, 9090);
});

test('the public and the internal listener need two ports, unless the system chooses them', () => {
  assert.deepEqual(faults({ PORT: '9090' }), ['ADMIN_PORT: must differ from PORT, but both are 9090']);
  assert.deepEqual(faults({ PORT: '0', ADMIN_PORT: '0' }), []);
});

test('FEED=memory needs nothing else of the feed, but its other settings must still be right', () => {
  assert.deepEqual(config({ FEED: 'memory' }).feed, { kind: 'memory' });
  assert.equal(faults({ FEED: 'memory', AMQP_PREFETCH: '0' }).length, 1);
});

test('production warns about open origins, a missing broker, the memory feed and a short admin token', () => {
  const result = outcome({ JWT_SECRET: SECRET, ADMIN_TOKEN: 'short' });
  assert.deepEqual(result.kind === 'ok' && result.warnings.map(warning => warning.split(' ')[0]), [
    'ALLOWED_ORIGINS',
    'ADMIN_TOKEN',
    'AMQP_URL',
  ]);
  const memory = outcome({ JWT_SECRET: SECRET, ALLOWED_ORIGINS: 'https://a.example', FEED: 'memory' });
  assert.match((memory.kind === 'ok' && memory.warnings.join()) || '', /^FEED=memory: /);
  assert.deepEqual(warnings({ ADMIN_TOKEN: 'short', FEED: 'memory' }), []);
  assert.deepEqual(
    loadConfig(
      { JWT_SECRET: SECRET, ALLOWED_ORIGINS: 'https://a.example', AMQP_URL: 'amqp://mq' },
      { folder: '/nowhere' },
    ).kind,
    'ok',
  );
});
