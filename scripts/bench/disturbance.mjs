import { readdirSync, readFileSync } from 'node:fs';
import { pid as ownPid } from 'node:process';

const TICKS_PER_SECOND = 100;

/**
 * Watches for work of others: all that the processors did, less what this process and its descendants used. A disturbed
 * server is given its events later and in larger lots, which makes each cheaper.
 *
 * @returns {() => number} since then, as a share of one processor
 */
export function watchOthers() {
  const before = { all: workOfAll(), own: workOfTree(ownPid), at: performance.now() };
  return () => {
    const others = workOfAll() - before.all - (workOfTree(ownPid) - before.own);
    return Math.max(0, others / ((performance.now() - before.at) / 1000));
  };
}

/** Seconds; interrupts apart, which belong to nobody. */
function workOfAll() {
  // proc_stat(5): user nice system idle …
  const ticks = /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]?.split(' ').map(Number) ?? [];
  return ((ticks[0] ?? 0) + (ticks[1] ?? 0) + (ticks[2] ?? 0)) / TICKS_PER_SECOND;
}

/** Seconds, with those of children that have ended. @param {number} root */
function workOfTree(root) {
  /** @type {Map<number, { parent: number, ticks: number }>} */
  const processes = new Map();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const found = readProcess(pid);
    if (found !== null) processes.set(pid, found);
  }
  const isOurs = (/** @type {number} */ pid) => {
    for (let at = pid; at > 1; at = processes.get(at)?.parent ?? 0) if (at === root) return true;
    return false;
  };
  let ticks = 0;
  for (const [pid, process] of processes) if (isOurs(pid)) ticks += process.ticks;
  return ticks / TICKS_PER_SECOND;
}

/** @param {number} pid @returns {{ parent: number, ticks: number } | null} null: it has just ended */
function readProcess(pid) {
  try {
    // Behind the name: state, parent, …; utime, stime, cutime and cstime are the 12th to 15th (proc_pid_stat(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
    return { parent: Number(fields[1]), ticks };
  } catch {
    return null;
  }
}
