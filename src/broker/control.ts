import type { Clock } from '../clock.js';
import { decodeMark } from '../control/mark.js';
import { trackMarks } from '../control/marks.js';
import type { Delivery } from './delivery.js';

/** What this pod makes of the other pods' messages. */
export interface Control {
  told(delivery: Delivery): void;
  /**
   * The latest time that a position may name.
   *
   * @param reached everything that reached the own queue before (wall clock, ms) is here
   */
  coveredUntil(reached: number): number;
}

export interface ControlDeps {
  readonly clock: Clock;
  /** Whether the broker says that there is no such queue. False if it doesn't say. Never rejects. */
  readonly isGone: (queue: string) => Promise<boolean>;
}

/** Outlives attachments: which pods there are is known before the first mark that reaches a new queue. */
export function createControl({ clock, isGone }: ControlDeps): Control {
  const marks = trackMarks(clock);
  /** While the link to a source's node stands still the broker doesn't answer: one question at a time is enough. */
  const asking = new Set<string>();

  async function ask(source: string): Promise<void> {
    if (asking.has(source)) return;
    asking.add(source);
    if (await isGone(source)) marks.gone(source);
    asking.delete(source);
  }

  return {
    told({ content }) {
      const mark = decodeMark(content);
      if (mark !== null) marks.heard(mark);
    },
    coveredUntil(reached) {
      for (const source of marks.toAsk()) void ask(source);
      return marks.stalest(reached);
    },
  };
}
