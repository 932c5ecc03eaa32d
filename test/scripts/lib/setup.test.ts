import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ROOT } from '../../support/demo-process.js';

const folder = mkdtempSync(join(tmpdir(), 'warren-setup-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A clone with the set-up's own files only. */
function clone(name: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, 'scripts', 'lib'), { recursive: true });
  cpSync(join(ROOT, 'scripts', 'lib', 'setup.mjs'), join(path, 'scripts', 'lib', 'setup.mjs'));
  for (const file of ['package.json', 'tsconfig.json', 'tsconfig.build.json']) {
    cpSync(join(ROOT, file), join(path, file));
  }
  return path;
}

function run(path: string, what: 'ensureDependencies' | 'build', env: NodeJS.ProcessEnv = {}) {
  const script = `import { ${what} } from './scripts/lib/setup.mjs'; await ${what}();`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: path,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

interface Entry {
  readonly version: string;
  readonly optional?: boolean;
}

function writeLock(file: string, packages: Readonly<Record<string, Entry>>): void {
  writeFileSync(file, JSON.stringify({ packages: { '': { version: '0.1.0' }, ...packages } }));
}

test('npm ci runs where a package of the lock file is missing or another version, and only there', () => {
  const path = clone('dependencies');
  const log = join(path, 'npm.log');
  // In npm's place: notes that it was called, and does what npm would leave behind.
  const npm = join(path, 'npm-cli.js');
  writeFileSync(
    npm,
    `const { appendFileSync, copyFileSync, mkdirSync } = require('node:fs');
     appendFileSync('npm.log', process.argv.slice(2).join(' ') + '\\n');
     mkdirSync('node_modules', { recursive: true });
     if (process.env.FAILS) process.exit(7);
     copyFileSync('package-lock.json', 'node_modules/.package-lock.json');`,
  );
  writeFileSync(join(path, 'package.json'), '{"type":"commonjs"}');
  const calls = () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').length : 0);
  const ensure = (env = {}) => run(path, 'ensureDependencies', { npm_execpath: npm, ...env });
  const lock = join(path, 'package-lock.json');
  const elsewhere = { 'node_modules/for-mac': { version: '1.0.0', optional: true } };

  writeLock(lock, { 'node_modules/a': { version: '1.0.0' } });
  assert.deepEqual([ensure().status, calls()], [0, 1], 'a fresh clone');
  assert.match(readFileSync(log, 'utf8'), /^ci --include=dev /);
  assert.deepEqual([ensure().status, calls()], [0, 1], 'nothing to do');
  writeLock(lock, { 'node_modules/a': { version: '1.0.0' }, ...elsewhere });
  assert.deepEqual([ensure().status, calls()], [0, 1], 'a package for another platform is missing');
  writeLock(lock, { 'node_modules/a': { version: '1.0.1' } });
  assert.deepEqual([ensure().status, calls()], [0, 2], 'another version');
  writeLock(lock, { 'node_modules/a': { version: '1.0.1' }, 'node_modules/b': { version: '1.0.0' } });
  const failed = ensure({ FAILS: '1' });
  assert.notEqual(failed.status, 0);
  assert.match(failed.stderr, /npm ci failed with exit code 7/);
  assert.deepEqual([ensure().status, calls()], [0, 4], 'a new package');
});

test('the build runs where dist/ is not made of these sources, and replaces it whole', () => {
  const path = clone('build');
  cpSync(join(ROOT, 'package-lock.json'), join(path, 'package-lock.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(path, 'node_modules'));
  mkdirSync(join(path, 'src'));
  const source = join(path, 'src', 'a.ts');
  const built = join(path, 'dist', 'a.js');
  writeFileSync(source, 'export const a = 1;\n');
  writeFileSync(join(path, 'src', 'b.ts'), 'export const b = 1;\n');

  assert.match(run(path, 'build').stdout, /Building/);
  assert.match(readFileSync(built, 'utf8'), /a = 1/);
  assert.deepEqual(run(path, 'build'), { status: 0, stdout: '', stderr: '' });
  writeFileSync(source, 'export const a = 2;\n');
  rmSync(join(path, 'src', 'b.ts'));
  assert.equal(run(path, 'build').status, 0);
  assert.match(readFileSync(built, 'utf8'), /a = 2/);
  assert.ok(!existsSync(join(path, 'dist', 'b.js')), 'what has no source any more is gone');
  writeFileSync(source, 'export const a: string = 3;\n');
  const failed = run(path, 'build');
  assert.notEqual(failed.status, 0);
  assert.match(failed.stderr, /The build failed with exit code \d+/);
  assert.match(readFileSync(built, 'utf8'), /a = 2/, 'what was there stays');
});
