import type { HistoryRecord } from '../records.js';

/** More than this late against their own schedule, and the publishers weren't what the run says they were. */
const LAG_MS = 200;
const ELAPSED_TIMES = 1.5;
const DELIVERED_AT_MOST = 1.005;

export interface Totals {
  readonly confirmed: number;
  readonly handled: number;
  /** Owed, and those at the edges of subscriptions that came. */
  readonly expected: number;
}

export interface Lag {
  readonly p99: number;
  readonly loopP99: number;
  readonly loopMax: number;
}

/** How far the rig was behind. */
export function lagOf(history: readonly HistoryRecord[]): Lag {
  for (const record of history) {
    if (record.k !== 'run' || record.ev !== 'lag') continue;
    const { p99, loopP99, loopMax } = record;
    return { p99, loopP99, loopMax };
  }
  return { p99: 0, loopP99: 0, loopMax: 0 };
}

/** Why the run proves nothing, if so: a rig that didn't do its part would let any service pass. */
export function rigFaults(history: readonly HistoryRecord[], totals: Totals): string[] {
  const reasons: string[] = [];
  const started = new Set(
    history.flatMap(record => (record.k === 'nem' && record.ev === 'start' ? [record.fault] : [])),
  );
  let plannedMs = Infinity;
  let isQuiet = false;
  let isOver = false;
  for (const record of history) {
    if (record.k !== 'run') continue;
    switch (record.ev) {
      case 'begin':
        ({ plannedMs } = record);
        for (const fault of record.faults)
          if (!started.has(fault)) reasons.push(`the fault ${fault} was never started`);
        break;
      case 'quiesce':
        isQuiet = true;
        break;
      case 'lag':
        if (record.p99 > LAG_MS)
          reasons.push(
            `publishers were ${Math.round(record.p99)} ms behind their schedule (99th percentile)`,
          );
        break;
      case 'crash':
        reasons.push(`the rig failed: ${record.what}`);
        break;
      case 'end':
        isOver = true;
        if (record.t > plannedMs * ELAPSED_TIMES)
          reasons.push(`it took ${Math.round(record.t)} ms instead of ${plannedMs}`);
    }
  }
  if (totals.confirmed === 0) reasons.push('nothing was published');
  if (totals.handled === 0) reasons.push('no client got anything');
  if (totals.handled > totals.expected * DELIVERED_AT_MOST) reasons.push('more was handled than there was');
  if (!isQuiet || !isOver) reasons.push('it did not come to its end');
  return reasons;
}
