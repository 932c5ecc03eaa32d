import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { loadConfig, SETTINGS } from '../src/config.js';
import type { Slice } from '../src/setting.js';
import { config, SECRET } from './support/config.js';
import { renderEnvExample, renderTables } from './support/settings-docs.js';

const root = findRoot();
const envExample = join(root, '.env.example');
const document = join(root, 'docs/configuration.md');
const UPDATE = 'UPDATE_DOCS=1 with this test writes it anew';

if (process.env['UPDATE_DOCS'] === '1') {
  writeFileSync(envExample, renderEnvExample(SETTINGS));
  writeFileSync(document, renderTables(SETTINGS, readFileSync(document, 'utf8')));
}

const all = Object.values<Slice>(SETTINGS).flatMap(slice => Object.values(slice));

test('.env.example holds every setting of the schema and nothing else, each with its default', () => {
  const text = readFileSync(envExample, 'utf8');
  assert.equal(text, renderEnvExample(SETTINGS), UPDATE);
  assert.deepEqual(
    variables(text),
    all.map(setting => [setting.env, setting.default ?? '']),
  );
});

test('the values in .env.example are the ones that hold without them', () => {
  const key = { JWT_SECRET: SECRET };
  const folder = join(root, 'no such folder');
  const example = Object.fromEntries(variables(readFileSync(envExample, 'utf8')));
  assert.deepEqual(
    loadConfig({ ...example, ...key }, { folder }),
    withoutUrlWarning(loadConfig(key, { folder })),
  );
});

test('docs/configuration.md lists every setting of the schema and nothing else, each with its default', () => {
  const text = readFileSync(document, 'utf8');
  assert.equal(text, renderTables(SETTINGS, text), UPDATE);
  const rows = [
    ...text.matchAll(/^\| `([A-Z_]+)`(?: or `\1_FILE`)? \| `[a-zA-Z.]+` \| (none|`[^`|]+`) \|/gm),
  ];
  assert.deepEqual(
    rows.map(([, name, fallback]) => [name, fallback]),
    all.map(setting => [setting.env, setting.default === null ? 'none' : `\`${setting.default}\``]),
  );
});

test('the prose of docs/configuration.md names exactly the secrets that may come from files', () => {
  const sentence =
    /## Secrets\n\n([^]*?) may instead be given/.exec(readFileSync(document, 'utf8'))?.[1] ?? '';
  assert.deepEqual(
    [...sentence.matchAll(/`([A-Z_]+)`/g)].map(match => match[1] ?? '').sort(),
    all
      .filter(setting => setting.fromFile)
      .map(setting => setting.env)
      .sort(),
  );
});

test('every setting explains itself, accepts its default and shares its variable with no other', () => {
  for (const setting of all) {
    assert.equal(setting.format.parse(setting.default).kind, 'value', setting.env);
    assert.match(setting.doc, /^.{20,}\.$/, setting.env);
    assert.equal(setting.sensitive, setting.fromFile, `${setting.env}: every secret also comes from a file`);
  }
  assert.equal(new Set(all.map(setting => setting.env)).size, all.length);
});

test('the configuration files of the repository change no documented default in production', () => {
  const shipped = { 'default.json': readFileSync(join(root, 'config/default.json'), 'utf8') };
  assert.deepEqual(config({}, shipped), config({}));
  assert.equal(existsSync(join(root, 'config/production.json')), false, 'this test must then load it too');
});

test('the folder config/ is found from wherever the code is built to', () => {
  const env = { JWT_SECRET: SECRET, NODE_ENV: 'development' };
  assert.deepEqual(loadConfig(env), loadConfig(env, { folder: join(root, 'config') }));
  assert.notDeepEqual(loadConfig(env), loadConfig(env, { folder: join(root, 'no such folder') }));
});

function variables(text: string): [string, string][] {
  return [...text.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name ?? '', value ?? '']);
}

/** The one difference that being set makes. */
function withoutUrlWarning(outcome: ReturnType<typeof loadConfig>): ReturnType<typeof loadConfig> {
  if (outcome.kind !== 'ok') return outcome;
  return { ...outcome, warnings: outcome.warnings.filter(warning => !warning.startsWith('AMQP_URL')) };
}

function findRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}
