import type { Debt } from './debts.js';
import type { Disturbance } from './disturbances.js';
import type { Finding } from './findings.js';
import type { Publications } from './publications.js';
import type { Story } from './story.js';

/** So long after an event was confirmed, and every fault since is healed, it must have come. */
export const DUE_MS = 5000;

/** Late: paid, but too long after it was due. */
export function checkLateness(
  story: Story,
  debts: readonly Debt[],
  disturbances: readonly Disturbance[],
): Finding[] {
  const findings: Finding[] = [];
  for (const { publication, outcome } of debts) {
    // What was published while its pod was away, and told as a gap, may yet come with the overlap of another.
    if (outcome.kind !== 'paid' || outcome.isExtra) continue;
    const { t, line } = outcome.sighting;
    if (t - publication.confirmedAt <= DUE_MS) continue;
    const after = t - dueSince(publication.confirmedAt, t, disturbances);
    if (after <= DUE_MS) continue;
    findings.push({
      kind: 'late',
      line: line + 1,
      text: `${story.c}: ${publication.id} came ${Math.round(after)} ms after it was due to`,
    });
  }
  return findings;
}

/** The end of the last disturbance of the time in between. */
function dueSince(from: number, to: number, disturbances: readonly Disturbance[]): number {
  let since = from;
  for (const { start, heal } of disturbances) {
    if (start <= to && heal >= from) since = Math.max(since, Math.min(to, heal));
  }
  return since;
}

/**
 * How long after each healing each client had its first event that was published after it, in ms: it is connected, to a
 * pod that has its feed.
 */
export function healTimes(
  stories: readonly Story[],
  publications: Publications,
  disturbances: readonly Disturbance[],
): number[] {
  const times: number[] = [];
  for (const { handled } of stories) {
    const seen = [...handled]
      .map(([id, { t }]) => ({ invokedAt: publications.get(id)?.invokedAt ?? -Infinity, t }))
      .sort((a, b) => a.invokedAt - b.invokedAt);
    let least = Infinity;
    const earliest = seen
      .toReversed()
      .map(({ invokedAt, t }) => ({ invokedAt, t: (least = Math.min(least, t)) }));
    for (const { heal } of disturbances) {
      const first = earliest.findLast(({ invokedAt }) => invokedAt >= heal);
      if (first !== undefined) times.push(first.t - heal);
    }
  }
  return times.sort((a, b) => a - b);
}

/** From values in ascending order; 0 if there are none. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** How long after they were first published those events came that were published while a client was away, ascending. */
export function replayTimes(story: Story, debts: readonly Debt[]): number[] {
  const away: { from: number; to: number }[] = [];
  let goneAt: number | null = null;
  for (const record of story.records) {
    if (record.ev === 'close') goneAt = record.line;
    if (record.ev === 'connected' && goneAt !== null) {
      away.push({ from: goneAt, to: record.line });
      goneAt = null;
    }
  }
  const times: number[] = [];
  let at = 0;
  for (const { publication, outcome } of debts) {
    while ((away[at]?.to ?? Infinity) < publication.invoked) at++;
    if (outcome.kind === 'paid' && (away[at]?.from ?? Infinity) < publication.invoked)
      times.push(outcome.sighting.t - publication.invokedAt);
  }
  return times.sort((a, b) => a - b);
}
