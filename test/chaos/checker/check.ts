import type { HistoryRecord } from '../records.js';
import { type Debt, debtsOf } from './debts.js';
import { collectDisturbances } from './disturbances.js';
import { checkDrains, collectDrains, type Drain } from './drains.js';
import type { Finding, FaultKind } from './findings.js';
import { checkHandlingOrder, checkPositions, checkWireOrder } from './order.js';
import { collectPublications } from './publications.js';
import { checkRemains } from './remains.js';
import { checkRepeats } from './repeats.js';
import { checkHonesty, checkResyncs, rulesOf } from './resumes.js';
import { type Lag, lagOf, rigFaults } from './rig.js';
import { checkSafety } from './safety.js';
import { collectStories } from './story.js';
import { checkLateness, healTimes, percentile, replayTimes } from './timing.js';

export type Verdict = 'valid' | 'invalid' | 'unknown';

/** What a history says. */
export interface Judgement {
  readonly verdict: Verdict;
  /** Why the rig isn't to be trusted. */
  readonly rig: readonly string[];
  readonly findings: readonly Finding[];
  readonly figures: Figures;
}

export interface Figures {
  /** Tried, confirmed, and, though never confirmed, come all the same. */
  readonly attempts: number;
  readonly confirmed: number;
  readonly recovered: number;
  /** Events handled, over all clients. */
  readonly observations: number;
  readonly owed: number;
  /** Owed, missing, and told so by a resync. */
  readonly covered: number;
  readonly lost: number;
  readonly repeatedOnWire: number;
  readonly resyncs: number;
  readonly connects: number;
  readonly connected: number;
  readonly healMs: { readonly p50: number; readonly max: number };
  readonly replayMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly drains: readonly Drain[];
  /** Of the publishers behind their schedule, and of the event loop that they share with the clients, ms. */
  readonly lag: Lag;
}

/** What counts even if the rig was overloaded: no slowness of ours can cause it. */
const HARD = (kind: FaultKind): boolean => kind !== 'late' && kind !== 'leftover' && kind !== 'crowded';

/** Judges a history by what stands in it, and nothing else. */
export function check(history: readonly HistoryRecord[]): Judgement {
  const publications = collectPublications(history);
  const stories = collectStories(history);
  const disturbances = collectDisturbances(history);
  const rules = rulesOf(history, disturbances);
  const isWhole = history.some(record => record.k === 'run' && record.ev === 'lag');
  const drains = collectDrains(history, stories);
  const findings: Finding[] = [...checkRemains(history), ...checkDrains(drains)];
  const replays: number[] = [];
  const sums = { owed: 0, covered: 0, lost: 0, paid: 0, observations: 0, repeatedOnWire: 0, resyncs: 0 };
  const come = new Set<string>();
  for (const story of stories) {
    const debts = debtsOf(story, publications).filter(debt => isWhole || !mightStillCome(debt));
    const repeats = checkRepeats(story, rules.feed);
    findings.push(
      ...checkSafety(story, publications),
      ...repeats.findings,
      ...checkWireOrder(story, publications),
      ...checkHandlingOrder(story, debts),
      ...checkPositions(story),
      ...checkHonesty(story, debts),
      ...checkResyncs(story, rules),
      ...checkLateness(story, debts, disturbances),
    );
    for (const { publication, outcome } of debts) {
      sums[outcome.kind]++;
      if (outcome.kind !== 'lost') continue;
      const line = publication.invoked + 1;
      findings.push({ kind: 'lost', line, text: `${story.c}: ${publication.id} never came` });
    }
    sums.owed += debts.length;
    sums.observations += story.records.filter(record => record.ev === 'event' && !record.seen).length;
    sums.repeatedOnWire += repeats.onWire;
    sums.resyncs += story.resyncs.length;
    for (const time of replayTimes(story, debts)) replays.push(time);
    for (const id of story.handled.keys()) come.add(id);
  }
  const all = [...publications.values()];
  const confirmed = all.filter(one => one.confirmed !== Infinity).length;
  const heals = healTimes(stories, publications, disturbances);
  const distinct = stories.reduce((sum, story) => sum + story.handled.size, 0);
  const rig = rigFaults(history, { confirmed, handled: sums.observations, expected: distinct });
  replays.sort((a, b) => a - b);
  return {
    verdict: verdictFor(findings, rig),
    rig,
    findings: findings.sort((a, b) => a.line - b.line),
    figures: {
      attempts: all.length,
      confirmed,
      recovered: all.filter(one => one.confirmed === Infinity && come.has(one.id)).length,
      observations: sums.observations,
      owed: sums.owed,
      covered: sums.covered,
      lost: sums.lost,
      repeatedOnWire: sums.repeatedOnWire,
      resyncs: sums.resyncs,
      connects: count(stories, 'open'),
      connected: count(stories, 'connected'),
      healMs: { p50: percentile(heals, 0.5), max: heals.at(-1) ?? 0 },
      replayMs: {
        p50: percentile(replays, 0.5),
        p95: percentile(replays, 0.95),
        p99: percentile(replays, 0.99),
      },
      drains,
      lag: lagOf(history),
    },
  };
}

function count(stories: readonly { records: readonly { ev: string }[] }[], ev: string): number {
  return stories.reduce((sum, { records }) => sum + records.filter(record => record.ev === ev).length, 0);
}

/** In a run that was broken off before it was quiet: nothing that stands behind it has come either. */
function mightStillCome({ outcome }: Debt): boolean {
  return outcome.kind === 'lost' && outcome.by === Infinity;
}

/** Of what was found by a rig that is to blame for this. */
export function verdictFor(findings: readonly Finding[], rig: readonly string[]): Verdict {
  if (findings.some(({ kind }) => HARD(kind))) return 'invalid';
  if (rig.length > 0) return 'unknown';
  return findings.length > 0 ? 'invalid' : 'valid';
}
