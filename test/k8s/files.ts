import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

/** The project's folder. Tests run from a build folder at any depth below it. */
export const root = findRoot(dirname(fileURLToPath(import.meta.url)));

function findRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  assert.notEqual(dirname(folder), folder, 'no package.json in any folder above the tests');
  return findRoot(dirname(folder));
}

/** A file of the project, as text. */
export function readProjectFile(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** The names of a folder's files that end in `.yaml`, sorted. */
export function yamlFilesIn(folder: string): string[] {
  return readdirSync(join(root, folder))
    .filter(name => name.endsWith('.yaml'))
    .sort();
}

/** All documents of a YAML text. Faults and warnings (doubled keys, tabs, unknown tags) fail the test. */
export function parseYaml(text: string, where: string, version: '1.1' | '1.2' = '1.2'): unknown[] {
  return parseAllDocuments(text, { version, prettyErrors: true }).map(document => {
    assert.deepEqual([...document.errors, ...document.warnings].map(String), [], where);
    const value: unknown = document.toJS();
    return value;
  });
}

/** The one document of a manifest, or the one of that kind where a file holds several. */
export function manifest(path: string, kind?: string): unknown {
  const documents = parseYaml(readProjectFile(path), path).filter(
    document => kind === undefined || at(document, 'kind') === kind,
  );
  assert.equal(
    documents.length,
    1,
    `${path} should hold exactly one document${kind ? ` of kind ${kind}` : ''}`,
  );
  return documents[0];
}

/** The value at a path; undefined as soon as a step of it isn't there. */
export function at(value: unknown, ...path: (string | number)[]): unknown {
  let here = value;
  for (const step of path) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = Reflect.get(here, step);
  }
  return here;
}

/** The list at a path; fails the test where there is none. */
export function list(value: unknown, ...path: (string | number)[]): unknown[] {
  const found = at(value, ...path);
  assert.ok(Array.isArray(found), `${path.join('.')} should be a list`);
  return found;
}

/** The text at a path; fails the test where there is none. */
export function text(value: unknown, ...path: (string | number)[]): string {
  const found = at(value, ...path);
  assert.ok(typeof found === 'string', `${path.join('.')} should be a text`);
  return found;
}

/** The number at a path; fails the test where there is none. */
export function number(value: unknown, ...path: (string | number)[]): number {
  const found = at(value, ...path);
  assert.ok(typeof found === 'number', `${path.join('.')} should be a number`);
  return found;
}

/** The keys of the mapping at a path; fails the test where there is none. */
export function keys(value: unknown, ...path: (string | number)[]): string[] {
  const found = at(value, ...path);
  assert.ok(typeof found === 'object' && found !== null, `${path.join('.')} should be a mapping`);
  return Object.keys(found);
}

/** Every setting that Warren knows, with its default as `.env.example` gives it. */
export function knownSettings(): Map<string, string> {
  const settings = new Map<string, string>();
  for (const line of readProjectFile('.env.example').split('\n')) {
    const match = /^#?\s?([A-Z][A-Z0-9_]*)=(.*)$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) settings.set(match[1], match[2].trim());
  }
  return settings;
}
