/**
 * `npm run model -- --cases 1000000 [--seed 42] [--path 3:0:1]`: the model of the whole core (test/model) against the
 * real one, for as many random stories as one likes. A failure prints its seed and path, which run that story again.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { argv, env, execPath, exit } from 'node:process';
import { parseArgs } from 'node:util';
import { ensureDependencies, ROOT } from './lib/setup.mjs';

const FOLDER = join(ROOT, '.warren', 'build-model');

/** @param {string} what @returns {never} */
function refuse(what) {
  console.error(
    `${what}\nusage: npm run model -- [--cases <number>] [--seed <number>] [--path <path of a failure>]`,
  );
  exit(2);
}

function readArguments() {
  try {
    const { values } = parseArgs({
      args: argv.slice(2),
      options: {
        cases: { type: 'string', default: '10000' },
        seed: { type: 'string' },
        path: { type: 'string' },
      },
    });
    return values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

const { cases, seed, path } = readArguments();
if (!/^[1-9]\d{0,9}$/.test(cases)) refuse(`--cases is ${cases}: it must be a whole number above 0`);
if (seed !== undefined && !/^-?\d+$/.test(seed)) refuse(`--seed is ${seed}: it must be a whole number`);
if (path !== undefined && seed === undefined)
  refuse('--path means nothing without the --seed it was printed with');

await ensureDependencies();
const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
const built = spawnSync(execPath, [compiler, '-p', join(ROOT, 'tsconfig.json'), '--outDir', FOLDER], {
  stdio: 'inherit',
});
if (built.status !== 0) exit(built.status ?? 1);

const { status } = spawnSync(
  execPath,
  ['--enable-source-maps', '--test-reporter=spec', join(FOLDER, 'test', 'model', 'model.test.js')],
  {
    stdio: 'inherit',
    env: {
      ...env,
      WARREN_CASES: cases,
      WARREN_SEED: seed ?? String(Date.now() % 2 ** 31),
      ...(path === undefined ? {} : { WARREN_PATH: path }),
    },
  },
);
exit(status ?? 1);
