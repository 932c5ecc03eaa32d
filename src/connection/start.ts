import type { EventLog, Located } from '../log/log.js';
import type { ResyncReason, Resume } from '../protocol/messages.js';
import type { Start } from './track.js';

/** Where a new session begins in the log, and what it is told about that. */
export interface SessionStart extends Start {
  readonly resume: Resume;
  /** With `resync` only. */
  readonly reason: ResyncReason | null;
}

/** `ahead`: the stream hasn't come that far here, worth waiting for a moment. `older`: the log has left it behind. */
export type Elsewhere =
  | { readonly resume: 'ahead'; readonly offset: number; readonly mayCome: boolean }
  | { readonly resume: 'older'; readonly offset: number };

export function isElsewhere(start: SessionStart | Elsewhere): start is Elsewhere {
  return start.resume === 'ahead' || start.resume === 'older';
}

/** There is no third outcome once it begins: the cursor is honoured in full, or the client is told that it isn't. */
export function startAt(log: EventLog, cursor: string | null, tenant: string): SessionStart | Elsewhere {
  if (cursor === null) return present(log, 'new', null);
  const located = log.locate(cursor, tenant);
  switch (located.kind) {
    case 'at':
      return startFrom(log, located, cursor);
    case 'ahead':
      return { resume: 'ahead', offset: located.offset, mayCome: located.mayCome };
    case 'older':
      return { resume: 'older', offset: located.place.offset };
    case 'lost':
      return startAnew(log, located.reason);
  }
}

/** Where the cursor stands in that log. */
export function startFrom(
  log: EventLog,
  located: Extract<Located, { kind: 'at' }>,
  cursor: string,
): SessionStart {
  const { sequence: position, coveredUntil, overlapUntil } = located;
  const overlap = overlapUntil === null ? null : { cursor, until: overlapUntil };
  return { log, position, coveredUntil, overlap, resume: 'resumed', reason: null };
}

/** At the present, with the state to be fetched. */
export function startAnew(log: EventLog, reason: ResyncReason): SessionStart {
  return present(log, 'resync', reason);
}

/** In one literal: with a spread in it V8 gave each its own hidden class, and whoever read it paid for that, too. */
function present(log: EventLog, resume: 'new' | 'resync', reason: ResyncReason | null): SessionStart {
  const { head: position, coveredUntil } = log;
  return { log, position, coveredUntil, overlap: null, resume, reason };
}
