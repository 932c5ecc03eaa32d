import { type Clock, systemClock } from '../../src/clock.js';

export interface ManualClock extends Clock {
  /** Lets time pass: timers run in the order in which they are due, each at its own time. */
  advance(ms: number): void;
  /** Lets time pass while nothing can run, as when the event loop is held up; the timers then run late. */
  stall(ms: number): void;
  /** Delays until the pending timers, soonest first. */
  pending(): number[];
  /** Resolves once a timer that was set to exactly this delay is pending. */
  timer(delay: number): Promise<void>;
}

/** A clock that stands still until told to go on. */
export function manualClock(wallStart = 1_800_000_000_000): ManualClock {
  let elapsed = 0;
  const timers = new Set<{ readonly due: number; readonly delay: number; readonly task: () => void }>();
  const waiting = new Set<{ readonly delay: number; readonly resolve: () => void }>();
  const inOrder = () => [...timers].sort((a, b) => a.due - b.due);
  return {
    wall: () => wallStart + elapsed,
    monotonic: () => elapsed,
    after(ms, task) {
      const timer = { due: elapsed + Math.max(0, ms), delay: ms, task };
      timers.add(timer);
      for (const waiter of waiting) {
        if (waiter.delay !== ms) continue;
        waiting.delete(waiter);
        waiter.resolve();
      }
      return () => timers.delete(timer);
    },
    advance(ms) {
      const until = elapsed + ms;
      for (let next = inOrder()[0]; next !== undefined && next.due <= until; next = inOrder()[0]) {
        timers.delete(next);
        elapsed = Math.max(elapsed, next.due);
        next.task();
      }
      elapsed = until;
    },
    stall(ms) {
      elapsed += ms;
    },
    pending: () => inOrder().map(({ due }) => due - elapsed),
    timer(delay) {
      if ([...timers].some(timer => timer.delay === delay)) return Promise.resolve();
      return new Promise(resolve => waiting.add({ delay, resolve }));
    },
  };
}

/** Real time, whose timers keep the process alive: while a broker is down a test may wait for nothing else. */
export const waitingClock: Clock = {
  ...systemClock,
  after(ms, task) {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};
