/**
 * `npm run chaos -- [--feed queue|stream] [--faults a,b] [--pairs] [--seed N] [--minutes N] [--mutants] …`: real pods, a
 * real broker, hundreds of clients, and everything going wrong; then a checker that reads only what was recorded.
 * `--list` names the faults. docs/reliability.md says what is checked, and how. The program is test/chaos/cli.ts.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { argv, execPath, exit } from 'node:process';
import { ensureDependencies, ROOT } from './lib/setup.mjs';

const FOLDER = join(ROOT, '.warren', 'build-chaos');

await ensureDependencies();
const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
const built = spawnSync(execPath, [compiler, '-p', join(ROOT, 'tsconfig.json'), '--outDir', FOLDER], {
  stdio: 'inherit',
});
if (built.status !== 0) exit(2);

const program = join(FOLDER, 'test', 'chaos', 'cli.js');
const { status } = spawnSync(execPath, ['--enable-source-maps', program, ...argv.slice(2)], {
  stdio: 'inherit',
});
exit(status ?? 2);
