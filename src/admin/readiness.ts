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
}

/** A short loss is bridged by those who are connected; unready at once, all pods would drop out together. */
const FEED_GRACE_MS = 5000;

/** What speaks against new connections; nothing: ready. `now` in monotonic ms. */
export function unreadyReasons(
  facts: ReadinessFacts,
  firstCaughtUpAt: number | null,
  now: number,
): UnreadyReason[] {
  const reasons: UnreadyReason[] = [];
  if (firstCaughtUpAt === null || now - firstCaughtUpAt < facts.warmUpMs) reasons.push('starting');
  if (facts.feed.kind === 'lost' && now - facts.feed.since >= FEED_GRACE_MS) reasons.push('feed');
  if (facts.draining) reasons.push('draining');
  if (facts.full) reasons.push('capacity');
  return reasons;
}
