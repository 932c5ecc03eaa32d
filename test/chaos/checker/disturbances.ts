import type { HistoryRecord } from '../records.js';

/** One fault, from its start to its healing, in ms since the run began. */
export interface Disturbance {
  readonly fault: string;
  readonly mayResync: boolean;
  readonly start: number;
  /** Infinity: never healed. */
  heal: number;
}

/** In the order in which they began. */
export function collectDisturbances(history: readonly HistoryRecord[]): Disturbance[] {
  const all: Disturbance[] = [];
  for (const record of history) {
    if (record.k !== 'nem') continue;
    const { fault, mayResync, t } = record;
    if (record.ev === 'start') {
      all.push({ fault, mayResync, start: t, heal: Infinity });
    } else {
      const open = all.findLast(one => one.fault === fault && one.heal === Infinity);
      if (open !== undefined) open.heal = t;
    }
  }
  return all;
}
