import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { findChromium } from '../../../scripts/lib/chromium.mjs';

const folder = mkdtempSync(join(tmpdir(), 'warren-chromium-'));
const before = process.env['CHROMIUM'];
after(() => {
  rmSync(folder, { recursive: true });
  if (before === undefined) delete process.env['CHROMIUM'];
  else process.env['CHROMIUM'] = before;
});

test('CHROMIUM outranks what is installed, and only a program that can be run counts', async () => {
  const program = join(folder, 'my-browser');
  writeFileSync(program, '#!/bin/sh\n');
  process.env['CHROMIUM'] = program;
  assert.equal(await findChromium(), null);
  chmodSync(program, 0o755);
  assert.equal(await findChromium(), program);
});
