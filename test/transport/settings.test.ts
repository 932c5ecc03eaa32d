import assert from 'node:assert/strict';
import { test } from 'node:test';
import { config, faults } from '../support/config.js';

test('origins are taken exactly as browsers send them', () => {
  const origins = [
    'https://app.example.com',
    'http://localhost:3000',
    'https://[::1]:8443',
    'capacitor://localhost',
  ];
  assert.deepEqual(config({ ALLOWED_ORIGINS: origins.join(' , ') }).listener.allowedOrigins, origins);
});

test('an origin in another spelling would never match and is a fault that shows the right one', () => {
  const table: readonly (readonly [string, string])[] = [
    ['https://app.example.com/', 'https://app.example.com'],
    ['https://App.Example.com', 'https://app.example.com'],
    ['https://app.example.com:443', 'https://app.example.com'],
    ['https://app.example.com/path', 'https://app.example.com'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
  ];
  for (const [text, right] of table) {
    const line = faults({ ALLOWED_ORIGINS: `https://ok.example, ${text}` }).join('\n');
    assert.ok(line.endsWith(`: item 2 must be spelt as browsers send it: ${JSON.stringify(right)}`), line);
  }
});

test('a wildcard, null, a bare host or another scheme is no origin', () => {
  assert.match(
    faults({ ALLOWED_ORIGINS: '*' }).join('\n'),
    /item 1 is "\*"; leave the setting out to allow every origin$/,
  );
  for (const text of [
    'null',
    'app.example.com',
    'https://*.example.com',
    '//a.example',
    'https://',
    'data:x',
    'file:///',
  ]) {
    assert.match(
      faults({ ALLOWED_ORIGINS: text }).join('\n'),
      /^ALLOWED_ORIGINS: must be origins like /,
      text,
    );
  }
});
