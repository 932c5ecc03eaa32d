/**
 * Holds the architecture: which folder may import which, no cycles, packages that only one file may know, and time
 * that comes from one place. `node scripts/check-boundaries.mjs` prints each breach and exits with 1.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

/** Folder → folders that it may import. Imports point to the middle: protocol ← log ← router ← connection ← transport. */
const ARROWS = new Map([
  ['protocol', []],
  ['log', ['protocol']],
  ['router', ['log', 'protocol']],
  ['connection', ['router', 'log', 'protocol']],
  ['transport', ['connection', 'protocol']],
  ['control', []],
  ['broker', ['control', 'connection', 'router', 'log']],
  ['auth', ['connection', 'router']],
  ['admin', ['connection', 'broker']],
]);

/** Files beside the folders that anybody may import; they import no folder. */
const COMMON = new Set(['clock.ts', 'logger.ts', 'limited-log.ts', 'setting.ts', 'formats.ts']);

/** Files that put the parts together: only they know everybody, and nobody else imports them. */
const SHELL = new Set([
  'main.ts',
  'run.ts',
  'app.ts',
  'config.ts',
  'config-sources.ts',
  'settings.ts',
  'metrics.ts',
]);

/** Package → the one file that may import it. */
const ONLY_IN = new Map([
  ['ws', 'transport/websocket.ts'],
  ['amqplib', 'broker/amqplib.ts'],
  ['jsonwebtoken', 'auth/jwt.ts'],
  ['convict', 'config.ts'],
  ['pino', 'logger.ts'],
]);

const CLOCKS = /\b(?:Date\.now|new Date\b|performance\.now|setTimeout|setInterval)\b/;
const MAY_READ_CLOCKS = new Set(['clock.ts']);

/** Logic without I/O: no process, no console, no chance, and only such files as its imports. */
const PURE =
  /^(?:protocol|log|router|control)\/(?!settings)|^connection\/(?:session|liveness|token-bucket|batch)\.ts$|^broker\/(?:envelope|audience|json|topology|backoff|rejections|delivery)\.ts$|^auth\/(?:claims|decode|keys|options)\.ts$/;
const IMPURE = /\b(?:process\.|console\.|Math\.random|randomBytes|randomUUID|setImmediate)/;
const HAS_I_O = new Set([
  'node:net',
  'node:http',
  'node:https',
  'node:fs',
  'node:fs/promises',
  'node:child_process',
  'node:tls',
]);

/**
 * @param {ReadonlyMap<string, string>} files path below src/ → text
 * @returns {string[]} one line per breach
 */
export function findBreaches(files) {
  /** @type {string[]} */
  const breaches = [];
  /** @type {Map<string, string[]>} */
  const graph = new Map();
  for (const [path, text] of files) {
    const code = withoutComments(text);
    const imports = importsOf(code);
    const own = imports.filter(name => name.startsWith('.')).map(name => resolveImport(path, name));
    graph.set(path, own);
    for (const target of own) {
      if (!files.has(target)) breaches.push(`${path}: imports ${target}, which isn't there`);
      const why = forbidden(path, target);
      if (why !== null) breaches.push(`${path}: must not import ${target}: ${why}`);
      if (PURE.test(path) && !PURE.test(target) && !isTypeOnly(code, target)) {
        breaches.push(`${path}: is pure, but imports ${target}, which isn't`);
      }
    }
    for (const name of imports) {
      const only = ONLY_IN.get(name.split('/')[0] ?? '');
      if (only !== undefined && only !== path) breaches.push(`${path}: only ${only} may import ${name}`);
      if (PURE.test(path) && HAS_I_O.has(name)) breaches.push(`${path}: is pure, but imports ${name}`);
    }
    if (CLOCKS.test(code) && !MAY_READ_CLOCKS.has(path)) {
      breaches.push(`${path}: reads a clock or sets a timer; take a Clock instead`);
    }
    if (PURE.test(path) && IMPURE.test(code))
      breaches.push(`${path}: is pure, but touches the world outside`);
  }
  for (const cycle of findCycles(graph)) breaches.push(`cycle: ${cycle.join(' → ')}`);
  return breaches;
}

/**
 * @param {string} from
 * @param {string} to
 * @returns {string | null} why not
 */
function forbidden(from, to) {
  const fromFolder = folderOf(from);
  const toFolder = folderOf(to);
  if (fromFolder === '') {
    if (COMMON.has(from) && toFolder !== '') return 'what everybody may import imports no folder';
    return COMMON.has(from) || SHELL.has(from) ? null : 'is neither common nor part of the shell';
  }
  if (fromFolder === toFolder) return null;
  if (toFolder === '') return COMMON.has(to) ? null : 'nobody but the shell may import the shell';
  return ARROWS.get(fromFolder)?.includes(toFolder) ? null : `no arrow from ${fromFolder}/ to ${toFolder}/`;
}

/** @param {string} path */
function folderOf(path) {
  return path.includes('/') ? (path.split('/')[0] ?? '') : '';
}

/** @param {string} text */
function withoutComments(text) {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')
    .replace(/([^:'"`])\/\/.*$/gm, '$1');
}

/**
 * @param {string} code
 * @returns {string[]}
 */
function importsOf(code) {
  return [...code.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(match => match[1] ?? '');
}

/**
 * @param {string} code
 * @param {string} target
 */
function isTypeOnly(code, target) {
  const name = posix.basename(target, '.ts');
  const [, isType, names = ''] =
    new RegExp(`import (type )?([^;]*?) from '[^']*/${name}\\.js'`).exec(code) ?? [];
  if (isType !== undefined) return true;
  return /^\{(?:\s*type \w+,?)*\s*\}$/.test(names);
}

/**
 * @param {string} from
 * @param {string} name
 */
function resolveImport(from, name) {
  return posix.join(posix.dirname(from), name).replace(/\.js$/, '.ts');
}

/**
 * @param {ReadonlyMap<string, readonly string[]>} graph
 * @returns {string[][]}
 */
function findCycles(graph) {
  /** @type {string[][]} */
  const cycles = [];
  const done = new Set();
  /** @param {string} at @param {readonly string[]} path */
  const visit = (at, path) => {
    const start = path.indexOf(at);
    if (start >= 0) {
      cycles.push([...path.slice(start), at]);
      return;
    }
    if (done.has(at)) return;
    for (const next of graph.get(at) ?? []) visit(next, [...path, at]);
    done.add(at);
  };
  for (const file of graph.keys()) visit(file, []);
  return cycles;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const root = join(dirname(argv[1]), '..', 'src');
  const files = new Map(
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter(path => path.endsWith('.ts'))
      .map(path => [path.replaceAll('\\', '/'), readFileSync(join(root, path), 'utf8')]),
  );
  const breaches = findBreaches(files);
  for (const breach of breaches) console.error(breach);
  console.log(`boundaries: ${files.size} files, ${breaches.length} breaches`);
  process.exitCode = breaches.length === 0 ? 0 : 1;
}
