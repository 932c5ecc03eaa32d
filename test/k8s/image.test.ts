import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { at, keys, readProjectFile, root } from './files.js';

const instructions = readProjectFile('Dockerfile')
  .split('\n')
  .filter(line => line !== '' && !line.startsWith('#'))
  .map(line => ({ name: line.slice(0, line.indexOf(' ')), rest: line.slice(line.indexOf(' ') + 1) }));

const all = (name: string) => instructions.filter(found => found.name === name).map(found => found.rest);

/** What COPY takes from the checkout, without what it takes from the build stage. */
const copied = all('COPY')
  .filter(rest => !rest.startsWith('--from='))
  .flatMap(rest => rest.split(' ').slice(0, -1));

/** .dockerignore with the forms that ours uses: `*`, a path, `!` a path; the last line that fits decides. */
function ignored(path: string): boolean {
  let result = false;
  for (const line of readProjectFile('.dockerignore').split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const pattern = line.replace(/^!/, '');
    assert.match(pattern, /^(\*|[\w./-]+)$/, `${pattern} is more than this test understands`);
    if (pattern === '*' || path === pattern || path.startsWith(`${pattern}/`)) result = !line.startsWith('!');
  }
  return result;
}

/** Whether the package at a path of the lock file finds another: in its own `node_modules` or in one further up. */
function isFound(paths: readonly string[], path: string, name: string): boolean {
  const up = path.lastIndexOf('node_modules/');
  if (paths.includes(path === '' ? `node_modules/${name}` : `${path}/node_modules/${name}`)) return true;
  return path !== '' && isFound(paths, path.slice(0, Math.max(0, up - 1)), name);
}

describe('the image', () => {
  it('is built in two stages of Node 24', () => {
    assert.deepEqual(all('FROM'), ['node:24-slim AS build', 'node:24-slim']);
  });

  it('installs exactly what the lock file says, runs no install scripts and leaves the build tools behind', () => {
    assert.deepEqual(all('RUN'), [
      'npm ci --ignore-scripts',
      'npm run build && npm prune --omit=dev --ignore-scripts',
    ]);
    assert.ok(copied.includes('package-lock.json'));
  });

  it('finds every package in the lock file, those for other platforms too: `npm ci` refuses to start without', () => {
    const lock: unknown = JSON.parse(readProjectFile('package-lock.json'));
    const paths = keys(lock, 'packages');
    const missing = paths.flatMap(path =>
      ['dependencies', 'devDependencies', 'optionalDependencies']
        .flatMap(kind => Object.keys(Object(at(lock, 'packages', path, kind))))
        .filter(name => !isFound(paths, path, name)),
    );
    assert.deepEqual(missing, []);
  });

  it('starts Node itself as PID 1, so that SIGTERM arrives', () => {
    assert.deepEqual(all('CMD'), ['["node", "--max-semi-space-size=4", "--v8-pool-size=1", "dist/main.js"]']);
    assert.deepEqual(all('ENTRYPOINT'), []);
  });

  it('runs as a user with a number other than 0, in production', () => {
    assert.match(all('USER').at(-1) ?? '', /^[1-9]\d*:[1-9]\d*$/);
    assert.deepEqual(all('ENV'), ['NODE_ENV=production']);
  });

  it('ships the protocol, and package.json for the module type', () => {
    const last = instructions.slice(instructions.findLastIndex(found => found.name === 'FROM'));
    const shipped = new Set(
      last.filter(found => found.name === 'COPY').flatMap(found => found.rest.split(' ')),
    );
    for (const name of ['PROTOCOL.md', 'package.json', 'config', '/app/node_modules', '/app/dist']) {
      assert.ok(shipped.has(name), name);
    }
  });

  it('copies only what is there', () => {
    const missing = copied.filter(path => !path.endsWith('*') && !existsSync(join(root, path)));
    assert.deepEqual(missing, []);
  });

  it('has everything in its build context that it copies', () => {
    assert.deepEqual(copied.map(path => path.replace(/\*$/, '')).filter(ignored), []);
  });

  it('has no secret, local setting or foreign build in its build context', () => {
    const unwanted = [
      '.env',
      '.env.local',
      '.git',
      'config/local.json',
      'node_modules',
      'dist',
      'build',
      'k8s',
      'test',
    ];
    assert.deepEqual(
      unwanted.filter(path => !ignored(path)),
      [],
    );
  });
});
