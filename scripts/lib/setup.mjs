/**
 * What a fresh clone needs before anything can run. Imports nothing from node_modules: it may not be there yet.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** In dist/: a digest of what it was built from. `npm run build` leaves none, so that what it made is built once more. */
const STAMP = '.sources';

/** @typedef {Record<string, { version?: string, optional?: boolean }>} Packages */

/**
 * Installs the dependencies (`npm ci`) unless exactly those of the lock file are there.
 *
 * @throws one sentence for the user
 */
export async function ensureDependencies() {
  if (areInstalled()) return;
  console.log('Installing the dependencies (npm ci) …');
  // The rest of npm's own words goes to standard error: tools read what we print.
  const code = await runNpm(['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
  if (code !== 0) {
    throw new Error(`npm ci failed with exit code ${code}: see above; it needs the package registry.`);
  }
}

/**
 * Compiles src/ to dist/ unless dist/ was made from these very sources. What is replaced is replaced in one go, so
 * that two starts at a time don't trip over one another.
 *
 * @throws one sentence for the user
 */
export async function build() {
  const sources = digestOfSources();
  if (isBuiltFrom(sources)) return;
  console.log('Building …');
  const folder = join(ROOT, '.warren', `dist-${process.pid}`);
  const replaced = `${folder}-replaced`;
  try {
    const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const code = await run(process.execPath, [compiler, '-p', 'tsconfig.build.json', '--outDir', folder]);
    if (code !== 0) throw new Error(`The build failed with exit code ${code}: see above.`);
    writeFileSync(join(folder, STAMP), sources);
    const dist = join(ROOT, 'dist');
    if (existsSync(dist)) renameSync(dist, replaced);
    renameSync(folder, dist);
  } catch (error) {
    // Another start may have been quicker with the same.
    if (!isBuiltFrom(sources)) throw error;
  } finally {
    for (const leftover of [folder, replaced]) rmSync(leftover, { recursive: true, force: true });
  }
}

/** Compared by content: a checkout or a copy changes the times of files that are the same. */
function areInstalled() {
  const wanted = readPackages(join(ROOT, 'package-lock.json'));
  const there = readPackages(join(ROOT, 'node_modules', '.package-lock.json'));
  if (wanted === null || there === null) return false;
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '') return true;
    const found = there[path];
    // An optional one may be missing: it is for another platform.
    return found === undefined ? optional === true : found.version === version;
  });
}

/**
 * @param {string} file
 * @returns {Packages | null}
 */
function readPackages(file) {
  if (!existsSync(file)) return null;
  /** @type {{ packages?: Packages }} */
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  return lock.packages ?? null;
}

/** @param {string} sources */
function isBuiltFrom(sources) {
  const stamp = join(ROOT, 'dist', STAMP);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === sources;
}

function digestOfSources() {
  const hash = createHash('sha256');
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .map(path => join('src', path))
    .filter(path => statSync(join(ROOT, path)).isFile())
    .sort();
  for (const path of [...files, 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(ROOT, path)))
      .update('\0');
  }
  return hash.digest('hex');
}

/** @param {string[]} args */
function runNpm(args) {
  const { npm_execpath: npm = '' } = process.env;
  // The npm that runs us, if one does: there may be several, or none on the PATH.
  if (basename(npm) === 'npm-cli.js') return run(process.execPath, [npm, ...args]);
  return run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args);
}

/**
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<number>} exit code
 */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      stdio: ['ignore', 2, 2],
      shell: command.endsWith('.cmd'), // Node starts no .cmd file without one.
    });
    child.once('error', error => reject(new Error(`${command} could not be started: ${error.message}`)));
    child.once('exit', code => resolve(code ?? 1));
  });
}
