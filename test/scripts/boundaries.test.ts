import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findBreaches } from '../../scripts/check-boundaries.mjs';

const breaches = (files: Record<string, string>) => findBreaches(new Map(Object.entries(files)));

describe('the boundary check', () => {
  it('lets imports point to the middle', () => {
    const files = {
      'protocol/a.ts': '',
      'control/m.ts': '',
      'broker/n.ts': "import { m } from '../control/m.js';",
      'log/b.ts': "import { a } from '../protocol/a.js';",
      'connection/c.ts': "import { b } from '../log/b.js';\nimport type { Clock } from '../clock.js';",
      'clock.ts': 'Date.now()',
      'app.ts': "import { c } from './connection/c.js';",
    };
    assert.deepEqual(breaches(files), []);
  });

  const wrong: readonly [string, Record<string, string>, RegExp][] = [
    [
      'an arrow backwards',
      { 'log/a.ts': "import type { B } from '../router/b.js';", 'router/b.ts': '' },
      /no arrow from log\/ to router\//,
    ],
    [
      'control that knows the broker',
      { 'control/a.ts': "import type { B } from '../broker/b.js';", 'broker/b.ts': '' },
      /no arrow from control\/ to broker\//,
    ],
    [
      'an import of the shell',
      { 'admin/a.ts': "import { b } from '../app.js';", 'app.ts': '' },
      /nobody but the shell/,
    ],
    [
      'a common file that imports a folder',
      { 'clock.ts': "import { a } from './log/a.js';", 'log/a.ts': '' },
      /imports no folder/,
    ],
    [
      'a file beside the folders that is neither',
      { 'helpers.ts': "import { a } from './clock.js';", 'clock.ts': '' },
      /neither common/,
    ],
    [
      'a package in the wrong file',
      { 'connection/a.ts': "import { WebSocket } from 'ws';" },
      /only transport/,
    ],
    [
      'a part of a package in the wrong file',
      { 'app.ts': "import x from 'amqplib/callback_api';" },
      /only broker/,
    ],
    ['a clock', { 'connection/a.ts': 'const now = Date.now();' }, /reads a clock/],
    ['a timer', { 'auth/a.ts': 'setTimeout(() => {}, 1);' }, /sets a timer/],
    ['chance in pure logic', { 'router/a.ts': 'Math.random()' }, /is pure/],
    ['chance in what pods say', { 'control/a.ts': 'Math.random()' }, /is pure/],
    ['I/O in pure logic', { 'log/a.ts': "import { connect } from 'node:net';" }, /is pure/],
    [
      'a cycle, of types too',
      { 'log/a.ts': "import type { B } from './b.js';", 'log/b.ts': "import { a } from './a.js';" },
      /cycle: log\/a\.ts → log\/b\.ts → log\/a\.ts/,
    ],
    ['a file that is not there', { 'log/a.ts': "import { b } from './b.js';" }, /isn't there/],
  ];
  for (const [name, files, expected] of wrong) {
    it(`finds ${name}`, () => {
      const found = breaches(files);
      assert.equal(found.length, 1, found.join('\n'));
      assert.match(found[0] ?? '', expected);
    });
  }

  it('reads no comments', () => {
    const text = "/** Not `import x from 'ws'`. */\n// Date.now()\nconst a = 1; // setTimeout";
    assert.deepEqual(breaches({ 'router/a.ts': text }), []);
  });
});
