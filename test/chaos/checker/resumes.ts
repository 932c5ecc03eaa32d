import type { HistoryRecord } from '../records.js';
import type { Debt } from './debts.js';
import type { Disturbance } from './disturbances.js';
import type { Finding } from './findings.js';
import { isResync, type Story } from './story.js';

/** Pods try again after up to 3 s, and clients after up to 2 s: so long after a fault a resync can still be due to it. */
const AFTERMATH_MS = 10_000;
/** A cursor names the time up to which its pod knew that it had everything: asked for once a second. */
const COVERAGE_AGE_MS = 3000;
/** After a pod's crash positions stand still, until the broker has been asked about it. */
const CRASH_MS = 7000;
/** Faults during which pods hear no marks of one another. */
const WITHOUT_MARKS: ReadonlySet<string> = new Set(['link-stall', 'memory-alarm']);

/** Dishonest: answers to cursors that aren't what was asked, and `resumed` although something is missing. */
export function checkHonesty(story: Story, debts: readonly Debt[]): Finding[] {
  const findings: Finding[] = [];
  const find = (line: number, text: string) =>
    findings.push({ kind: 'dishonest', line: line + 1, text: `${story.c}: ${text}` });
  const answers: { line: number; opened: number; resume: string }[] = [];
  let presented: string | null = null;
  let opened = 0;
  for (const record of story.records) {
    if (record.ev === 'open') {
      presented = record.cursor;
      opened = record.line;
    }
    if (record.ev !== 'connected') continue;
    const { line, resume, reason, cursor } = record;
    answers.push({ line, opened, resume });
    if ((presented === null) !== (resume === 'new')) find(line, `"${resume}" to ${presented ?? 'no cursor'}`);
    if (resume === 'resumed' && cursor !== presented)
      find(line, `resumed from ${cursor}, not from what was presented`);
    if (resume === 'resync' && reason === null) find(line, 'a resync without a reason');
  }
  const accused = new Set<number>();
  for (const { publication, outcome } of debts) {
    if (outcome.kind !== 'lost') continue;
    const answer = answers.findLast(({ line }) => line < outcome.by);
    if (answer === undefined || answer.resume !== 'resumed' || answer.opened < publication.invoked) continue;
    if (accused.has(answer.line)) continue;
    accused.add(answer.line);
    find(answer.line, `resumed, but ${publication.id} is missing`);
  }
  return findings;
}

export interface ResyncRules {
  readonly feed: 'queue' | 'stream';
  readonly overlapMs: number;
  readonly mayEvict: boolean;
  readonly disturbances: readonly Disturbance[];
  /** When each pod's process was started, ms since the run began. */
  readonly born: ReadonlyMap<string, number>;
  /** When positions stood still: docs/guarantees.md. */
  readonly still: readonly Stretch[];
  /** When each event was first published, by its id. */
  readonly published: ReadonlyMap<string, number>;
  /** When each pod was without its feed, as it told its clients. What happened at its beginning may cost a resync at its end. */
  readonly stale: ReadonlyMap<string, readonly Stretch[]>;
}

interface Stretch {
  readonly from: number;
  /** Infinity: it never ended. */
  readonly to: number;
}

export function rulesOf(
  history: readonly HistoryRecord[],
  disturbances: readonly Disturbance[],
): ResyncRules {
  const begin = history.find(record => record.k === 'run' && record.ev === 'begin');
  if (begin === undefined || begin.k !== 'run' || begin.ev !== 'begin') {
    throw new Error('The history has no beginning.');
  }
  const born = new Map<string, number>();
  const published = new Map<string, number>();
  const exits: number[] = [];
  const still: Stretch[] = [];
  for (const record of history) {
    if (record.k === 'pub' && record.phase === 'invoke' && !published.has(record.id))
      published.set(record.id, record.t);
    if (record.k !== 'pod') continue;
    if (record.ev === 'start') born.set(record.pod, record.t);
    if (record.ev === 'exit') exits.push(record.t);
    if (record.ev === 'exit' && record.code === null) still.push({ from: record.t, to: record.t + CRASH_MS });
  }
  for (const { fault, start, heal } of disturbances) {
    if (!WITHOUT_MARKS.has(fault)) continue;
    // Under an alarm a pod that ends can't say so, either: it is asked about, like one that has crashed.
    const isAskedFor = fault === 'memory-alarm' && exits.some(t => start <= t && t <= heal);
    still.push({ from: start, to: heal + (isAskedFor ? CRASH_MS : COVERAGE_AGE_MS) });
  }
  const { feed, overlapMs, mayEvict } = begin;
  return { feed, overlapMs, mayEvict, disturbances, born, still, published, stale: staleStretches(history) };
}

function staleStretches(history: readonly HistoryRecord[]): Map<string, Stretch[]> {
  const podOf = new Map<string, string>();
  const stretches = new Map<string, Stretch[]>();
  for (const record of history) {
    if (record.k !== 'cli') continue;
    if (record.ev === 'open') podOf.set(record.c, record.pod);
    if (record.ev !== 'stale') continue;
    const pod = podOf.get(record.c) ?? '';
    const known = stretches.get(pod) ?? [];
    const last = known.at(-1);
    const isOpen = last?.to === Infinity;
    if (record.stale && !isOpen) known.push({ from: record.t, to: Infinity });
    else if (!record.stale && isOpen) known[known.length - 1] = { from: last.from, to: record.t };
    stretches.set(pod, known);
  }
  return stretches;
}

/**
 * Undue: a resync that neither a fault which may cost one explains, nor, without a stream, a pod that is younger than
 * the position which was presented to it.
 */
export function checkResyncs(story: Story, rules: ResyncRules): Finding[] {
  const findings: Finding[] = [];
  let last: Cursor = { at: -Infinity, position: -Infinity };
  let beforeThis = last;
  /** The last cursor came with a resync that was due: it may be of no use on another pod. */
  let isBegun = false;
  let pod = '';
  for (const record of story.records) {
    if (record.ev === 'open') {
      pod = record.pod;
      beforeThis = last;
      continue;
    }
    if (isResync(record)) {
      const reason = 'reason' in record ? (record.reason ?? '') : '';
      const since = record.ev === 'connected' ? beforeThis : last;
      isBegun ||= isExcused(reason, pod, since, record.t, rules);
      if (!isBegun) {
        findings.push({
          kind: 'undue',
          line: record.line + 1,
          text: `${story.c}: resync (${reason}) on ${pod}`,
        });
      }
    }
    if ('cursor' in record) last = cursorOf(record, rules);
    if ('cursor' in record && !isResync(record)) isBegun = false;
  }
  return findings;
}

/** Since when positions hadn't moved at a given time. One stretch may begin before the one ahead of it is over. */
function standingFrom(t: number, still: readonly Stretch[]): number {
  const before = Math.min(t, ...still.filter(({ from, to }) => from <= t && t <= to).map(({ from }) => from));
  return before === t ? t : standingFrom(before, still);
}

/** When a client had a cursor, and what time it stands for. */
interface Cursor {
  readonly at: number;
  readonly position: number;
}

/** The cursor of an event is as old as the event, however late a slow client reads it. */
function cursorOf(record: Story['records'][number], { published }: ResyncRules): Cursor {
  const since = record.ev === 'event' ? (published.get(record.id) ?? Infinity) : Infinity;
  return { at: record.t, position: Math.min(record.t, since) };
}

function isExcused(reason: string, pod: string, since: Cursor, t: number, rules: ResyncRules): boolean {
  // With a stream it is also the word for a position from before what was trimmed or created anew.
  if (reason === 'evicted' && rules.feed === 'queue') return rules.mayEvict;
  const position = standingFrom(since.position, rules.still) - COVERAGE_AGE_MS;
  const isYoung = (rules.born.get(pod) ?? 0) > position - rules.overlapMs;
  if (rules.feed === 'queue' && reason === 'unknown_position' && isYoung) return true;
  const staleFrom = (rules.stale.get(pod) ?? [])
    .filter(({ from, to }) => from <= t && t <= to + AFTERMATH_MS)
    .map(({ from }) => from);
  const earliest = Math.min(since.at, ...staleFrom);
  return rules.disturbances.some(
    ({ mayResync, start, heal }) => mayResync && start <= t && heal + AFTERMATH_MS >= earliest,
  );
}
