import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { pause } from './clock.mjs';

const PAGE = 4096;

/** What the kernel holds for TCP sockets of this machine, both ends, and sockets that no process owns any more. */
export function kernelSockets() {
  const line = /^TCP:.*$/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))?.[0] ?? '';
  return {
    bytes: Number(/ mem (\d+)/.exec(line)?.[1] ?? 0) * PAGE,
    orphans: Number(/ orphan (\d+)/.exec(line)?.[1] ?? 0),
  };
}

/**
 * What it holds for the server's ends alone.
 *
 * @param {number} port
 * @returns {number} bytes; NaN where there is no `ss`
 */
export function serverSockets(port) {
  try {
    const text = execFileSync('ss', ['-tmnH', 'state', 'connected', `sport = :${port}`], {
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    });
    let sum = 0;
    // r: received and not read; w: written and not acknowledged; f: reserved for either (ss(8), --memory).
    for (const [, received, forward, written] of text.matchAll(/skmem:\(r(\d+),.*?,f(\d+),w(\d+)/g)) {
      sum += Number(received) + Number(forward) + Number(written);
    }
    return sum;
  } catch {
    return Number.NaN;
  }
}

/**
 * How busy the machine is, all of its processors and all processes together.
 *
 * @param {number} ms for so long is looked
 * @returns {Promise<number>} 0 to 1
 */
export async function busyShare(ms) {
  const before = processorTicks();
  await pause(ms);
  const after = processorTicks();
  return 1 - (after.idle - before.idle) / (after.all - before.all);
}

function processorTicks() {
  // proc_stat(5): user nice system idle iowait …
  const ticks =
    readFileSync('/proc/stat', 'utf8').split('\n')[0]?.trim().split(/\s+/).slice(1).map(Number) ?? [];
  return { all: ticks.reduce((sum, one) => sum + one, 0), idle: (ticks[3] ?? 0) + (ticks[4] ?? 0) };
}
