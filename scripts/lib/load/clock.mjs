import { hrtime } from 'node:process';

// Node loads `performance` at its first use, which takes a millisecond: not between the two clocks.
performance.now();
const [seconds, nanos] = hrtime();
const OFFSET = seconds * 1e6 + nanos / 1000 - performance.now() * 1000;

/** Microseconds since the machine began, the same in all of its processes; `Date.now()` jumps, and has milliseconds only. */
export const micros = () => Math.round(OFFSET + performance.now() * 1000);

/** @param {number} ms */
export const pause = ms => new Promise(resolve => setTimeout(resolve, ms));

/**
 * @param {() => boolean | Promise<boolean>} condition
 * @param {number} timeoutMs
 * @returns {Promise<boolean>} whether it came true in time
 */
export async function until(condition, timeoutMs) {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() >= deadline) return false;
    await pause(50);
  }
  return true;
}
