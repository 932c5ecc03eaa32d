import { trend } from '../../scripts/lib/load/trend.mjs';
import type { Verdict } from './checker/check.js';
import type { Idle } from './pods.js';

/** What is kept between two acts, with nobody connected. */
export interface Kept {
  /** ms */
  readonly at: number;
  readonly idle: ReadonlyMap<string, Idle>;
  /** Queues at the broker beyond those of the beginning. */
  readonly further: number;
  /** Messages that wait in the pods' queues. */
  readonly waiting: number;
}

/** Pages that the allocator keeps come and go. */
const RISE_MB = 10;
const SCATTERS = 2;
const HANDLES = 10;
const HOUR_MS = 3_600_000;

/** Whether memory, handles, timers and queues are where they were. The first act fills histories and caches. */
export function judgeKept(kept: readonly Kept[]): {
  readonly lines: readonly string[];
  readonly verdict: Verdict;
} {
  const settled = kept.slice(1);
  const [first] = settled;
  const last = settled.at(-1);
  if (first === undefined || last === undefined || settled.length < 3) {
    return { lines: ['resources: too few acts to tell'], verdict: 'unknown' };
  }
  const lines: string[] = [];
  let isRight = true;
  const judge = (text: string, value: number, bar: number, unit = '') => {
    const holds = value <= bar;
    isRight &&= holds;
    lines.push(
      `${holds ? 'ok    ' : 'WRONG '} ${text}: ${value.toFixed(1)}${unit} (at most ${bar.toFixed(1)}${unit})`,
    );
  };
  for (const pod of first.idle.keys()) {
    const own = settled.flatMap(({ at, idle }) => {
      const one = idle.get(pod);
      return one === undefined ? [] : [{ at, ...one }];
    });
    if (own.length < settled.length) continue;
    const points = own.map(({ at, rss }) => ({ x: at / HOUR_MS, y: rss / 1e6 }));
    const { slope, scatter, rise } = trend(points);
    judge(
      `${pod}: memory, rise over ${own.length} acts (${slope.toFixed(1)} MB/h)`,
      rise,
      Math.max(RISE_MB, SCATTERS * scatter),
      ' MB',
    );
    judge(
      `${pod}: handles more than after the second act`,
      (own.at(-1)?.handles ?? 0) - (own[0]?.handles ?? 0),
      HANDLES,
    );
    judge(
      `${pod}: connections, timers and routes left, at the most`,
      Math.max(...own.map(({ left }) => left)),
      0,
    );
  }
  judge('queues at the broker beyond those at the beginning', last.further, 0);
  judge('messages that wait in them', last.waiting, 100);
  return { lines, verdict: isRight ? 'valid' : 'invalid' };
}
