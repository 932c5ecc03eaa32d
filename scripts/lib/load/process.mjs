import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { pid as ownPid } from 'node:process';

const TICKS_PER_SECOND = 100;

/** Whether processes can be kept apart: the server on the first core, all others on the second. */
export const canPin = (() => {
  try {
    execFileSync('taskset', ['-c', '0', 'true'], { stdio: 'ignore' });
    execFileSync('taskset', ['-c', '1', 'true'], { stdio: 'ignore' });
    return cpus().length > 1;
  } catch {
    return false;
  }
})();

/** Leaves the first core to the server; what we start from now on stays away from it too. */
export function leaveFirstCore() {
  if (canPin)
    execFileSync('taskset', ['-apc', `1-${cpus().length - 1}`, String(ownPid)], { stdio: 'ignore' });
}

/**
 * A command line for the first core.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {[string, string[]]}
 */
export function onFirstCore(command, args) {
  return canPin ? ['taskset', ['-c', '0', command, ...args]] : [command, [...args]];
}

/** Moves a process that runs already, with all of its threads. @param {number} pid */
export function moveToFirstCore(pid) {
  if (canPin) execFileSync('taskset', ['-apc', '0', String(pid)], { stdio: 'ignore' });
}

/** @param {number} pid @returns {number} seconds of CPU that it has used */
export function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** @param {number} pid @returns {number} bytes */
export function rssOf(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}
