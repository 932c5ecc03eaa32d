import type { FeedState } from '../connection/hub.js';

/** Why a pod shouldn't get new connections: the closed list. */
export const UNREADY_REASONS = ['starting', 'feed', 'draining', 'capacity'] as const;
export type UnreadyReason = (typeof UNREADY_REASONS)[number];

export interface ReadinessFacts {
  readonly feed: FeedState;
  readonly draining: boolean;
  /** More unauthenticated connections than allowed: the next one would be refused. */
  readonly full: boolean;
  /** How long the feed has to be there at first before cursors from other pods mean something here. */
  readonly warmUpMs: number;
  /** How much of that time has to be covered: what cursors name stands still while the broker answers nobody. */
  readonly leastCoveredMs: number;
  /** Wall clock, ms: everything that reached the broker by then is in the log, or the feed was attached anew then. */
  readonly coveredUntil: number;
}

/** By both clocks, ms. */
export interface Instant {
  readonly wall: number;
  readonly monotonic: number;
}

/** So long it is waited for to be covered, on top of the warm-up. Not for ever: a client is better told to resync than refused. */
const STANDSTILL_MS = 15_000;

/** A short loss is bridged by those who are connected; unready at once, all pods would drop out together. */
const FEED_GRACE_MS = 5000;

/** What speaks against new connections; nothing: ready. `firstCaughtUp`: null: not yet. `now` in monotonic ms. */
export function unreadyReasons(
  facts: ReadinessFacts,
  firstCaughtUp: Instant | null,
  now: number,
): UnreadyReason[] {
  const reasons: UnreadyReason[] = [];
  if (isStarting(facts, firstCaughtUp, now)) reasons.push('starting');
  if (facts.feed.kind === 'lost' && now - facts.feed.since >= FEED_GRACE_MS) reasons.push('feed');
  if (facts.draining) reasons.push('draining');
  if (facts.full) reasons.push('capacity');
  return reasons;
}

function isStarting(
  { warmUpMs, leastCoveredMs, coveredUntil }: ReadinessFacts,
  firstCaughtUp: Instant | null,
  now: number,
): boolean {
  if (firstCaughtUp === null) return true;
  const age = now - firstCaughtUp.monotonic;
  const isCovered = coveredUntil - firstCaughtUp.wall >= leastCoveredMs;
  return age < warmUpMs || (!isCovered && age < warmUpMs + STANDSTILL_MS);
}
