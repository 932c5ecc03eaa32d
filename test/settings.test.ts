import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toPodName } from '../src/settings.js';
import { faults, SECRET, warnings } from './support/config.js';

test('coercion traps: none of these is a value', () => {
  const table: readonly (readonly [string, string])[] = [
    ['AMQP_DECLARE', '0'],
    ['AMQP_DECLARE', 'no'],
    ['PORT', '8080x'],
    ['PORT', '1e3'],
    ['PORT', '80.5'],
    ['PORT', '-1'],
    ['PORT', '65536'],
    ['DRAIN_MS', 'NaN'],
    ['DRAIN_MS', '-1'],
    ['DRAIN_MS', '15s'],
    ['AUTH_TIMEOUT_MS', '0'],
    ['PING_INTERVAL_MS', 'Infinity'],
    ['FEED_RECONNECT_DEADLINE_MS', '-2'],
    ['HISTORY_MAX_BYTES', '64MB'],
    ['AMQP_PREFETCH', '0'],
    ['AMQP_PREFETCH', '65536'],
    ['AMQP_PREFETCH', '70000'],
    ['MAX_SUBSCRIPTIONS', '5.7'],
    ['LOG_LEVEL', 'INFO'],
    ['LOG_LEVEL', 'verbose'],
    ['FEED', 'streams'],
    ['FEED', 'Queue'],
    ['HOST', '0.0.0.0:80'],
    ['POD_NAME', 'a b'],
    ['POD_NAME', 'x'.repeat(129)],
    ['AMQP_EXCHANGE', 'a b'],
    ['AMQP_EXCHANGE', 'é'.repeat(128)],
    ['AMQP_QUEUE_PREFIX', 'amq.push'],
    ['AMQP_QUEUE_PREFIX', 'q'.repeat(65)],
    ['ALLOWED_ORIGINS', 'https://a.example,'],
    ['JWT_ISSUER', 'x '],
    ['JWT_USER_CLAIM', ' '],
    ['DEFAULT_TENANT', 'a b'],
    ['DEFAULT_TOPICS', 'a..b'],
    ['DEFAULT_TOPICS', 'a.#.b'],
    ['JWT_CLOCK_TOLERANCE_MS', '600001'],
  ];
  for (const [name, text] of table) {
    const [line = '', ...more] = faults({ [name]: text });
    assert.ok(line.startsWith(`${name}: must be `), `${name}=${text}: ${line}`);
    assert.ok(line.includes(JSON.stringify(text).slice(0, 100)), line);
    assert.deepEqual(more, []);
  }
});

test('what works but hardly as meant is a warning', () => {
  const first = (env: Record<string, string>) => warnings(env).map(warning => warning.split(' ')[0]);
  assert.deepEqual(first({ PING_INTERVAL_MS: '60000' }), ['PING_INTERVAL_MS']);
  assert.deepEqual(first({ PING_INTERVAL_MS: '500' }), ['PONG_TIMEOUT_MS']);
  assert.deepEqual(first({ HISTORY_MAX_AGE_MS: '5000' }), ['RESUME_OVERLAP_MS']);
  assert.deepEqual(first({ HISTORY_MAX_BYTES: '262143' }), ['HISTORY_MAX_BYTES']);
  assert.deepEqual(first({ AMQP_QUEUE_MAX_BYTES: '262143' }), ['AMQP_QUEUE_MAX_BYTES']);
  assert.deepEqual(first({ JWT_SECRET: `${SECRET}\n` }), ['JWT_SECRET']);
  assert.deepEqual(first({}), []);
});

test('a host name becomes a pod name that fits into the name of a queue', () => {
  assert.equal(toPodName('push-7d9f-x2'), 'push-7d9f-x2');
  assert.equal(toPodName('Zoë’s Mac.local'), 'Zo-s-Mac.local');
  assert.equal(toPodName(''), 'pod');
  assert.equal(toPodName('x'.repeat(300)).length, 128);
});
