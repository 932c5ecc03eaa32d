/**
 * Time, injected: nothing else in `src/` reads a clock or sets a timer, so that tests drive time themselves.
 * The wall clock is for what other machines said (token expiry, publishers' timestamps, cursors); ages and
 * deadlines run on the monotonic one, which no NTP step can move.
 */
export interface Clock {
  /** ms since 1970. */
  wall(): number;
  /** ms since some fixed point; never goes back. */
  monotonic(): number;
  /** Runs `task` once after `ms`, unless the returned function is called first. The timer keeps no process alive. */
  after(ms: number, task: () => void): () => void;
}

/** Node's timers hold at most 2^31 − 1 ms; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, Math.min(Math.max(0, ms), LONGEST_TIMER_MS));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
