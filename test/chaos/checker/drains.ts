import type { HistoryRecord } from '../records.js';
import type { Finding } from './findings.js';
import type { Story } from './story.js';

/** How one pod sent its clients away. */
export interface Drain {
  readonly pod: string;
  readonly clients: number;
  /** At which it told them to go. */
  readonly perSecond: number;
  /** Most of them that came back, on other pods, within any second. */
  readonly peak: number;
  /** Line at which it began. */
  readonly line: number;
}

const SECOND_MS = 1000;
/** More than so many times the rate at which clients are told to go is a herd. */
const PEAK_TIMES = 1.5;
/** Of fewer clients, or in less time, a second holds too few to tell. */
const LEAST = { clients: 200, perSecondsOf: 5 };

export function collectDrains(history: readonly HistoryRecord[], stories: readonly Story[]): Drain[] {
  const drains: Drain[] = [];
  history.forEach((record, line) => {
    if (record.k !== 'pod' || record.ev !== 'drain') return;
    const told: number[] = [];
    const back: number[] = [];
    for (const { records } of stories) {
      let isGoing = false;
      let pod = '';
      for (const one of records) {
        if (one.ev === 'open') {
          if (isGoing) back.push(one.t);
          isGoing = false;
          pod = one.pod;
        }
        if (one.ev !== 'reconnect' || pod !== record.pod || one.line < line) continue;
        isGoing = true;
        told.push(one.t);
      }
    }
    told.sort((a, b) => a - b);
    const lastedMs = (told.at(-1) ?? 0) - (told[0] ?? 0);
    const perSecond = lastedMs === 0 ? 0 : (told.length * SECOND_MS) / lastedMs;
    drains.push({ pod: record.pod, clients: told.length, perSecond, peak: mostInASecond(back), line });
  });
  return drains;
}

function mostInASecond(times: number[]): number {
  times.sort((a, b) => a - b);
  let most = 0;
  let from = 0;
  times.forEach((time, index) => {
    while ((times[from] ?? time) <= time - SECOND_MS) from++;
    most = Math.max(most, index - from + 1);
  });
  return most;
}

/** Crowded: too many of those who were sent away came back at once. */
export function checkDrains(drains: readonly Drain[]): Finding[] {
  return drains
    .filter(
      ({ clients, perSecond, peak }) =>
        clients >= LEAST.clients &&
        clients >= perSecond * LEAST.perSecondsOf &&
        peak > perSecond * PEAK_TIMES,
    )
    .map(({ pod, perSecond, peak, line }) => ({
      kind: 'crowded',
      line: line + 1,
      text: `${pod} sent ${perSecond.toFixed(1)} clients away a second, and ${peak} came back within one`,
    }));
}
