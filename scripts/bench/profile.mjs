import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { ROOT } from '../lib/setup.mjs';

const TOP = 25;
let number = 0;

/**
 * Records where the measured process spends its time while it is measured, with Linux's `perf`, and prints the functions
 * with most of it. Figures taken meanwhile are no figures.
 *
 * @param {import('./stage.mjs').Running} running
 */
export function startProfile({ name, pid }) {
  const file = join(ROOT, '.warren', 'bench', `perf-${name}-${number++}.data`);
  const child = spawn('perf', ['record', '-q', '-F', '997', '-g', '-o', file, '-p', String(pid)], {
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  return {
    async stop() {
      child.kill('SIGINT');
      await ended;
      console.log(`${name}: ${file}\n${report(file, 'dso', 5)}\n${report(file, 'dso,symbol', TOP)}`);
    },
  };
}

/** Shares of the time, without those that were called. @param {string} file @param {string} sort @param {number} top */
function report(file, sort, top) {
  const args = [
    'report',
    '-i',
    file,
    '--no-children',
    '-g',
    'none',
    '--sort',
    sort,
    '--percent-limit',
    '0.3',
    '--stdio',
  ];
  const text = execFileSync('perf', args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 2 ** 26,
  });
  const lines = text.split('\n').filter(line => /^\s+\d+\.\d+%/.test(line));
  return lines.slice(0, top).join('\n');
}
