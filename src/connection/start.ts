import type { EventLog } from '../log/log.js';
import type { ResyncReason, Resume } from '../protocol/messages.js';
import type { Start } from './outlet.js';

/** Where a new session begins in the log, and what it is told about that. */
export interface SessionStart extends Start {
  readonly resume: Resume;
  /** With `resync` only. */
  readonly reason: ResyncReason | null;
}

/** There is no third outcome: the cursor is honoured in full, or the client is told that it isn't. */
export function startAt(log: EventLog, cursor: string | null, tenant: string): SessionStart {
  const present = { position: log.head, coveredUntil: log.coveredUntil, overlap: null };
  if (cursor === null) return { ...present, resume: 'new', reason: null };
  const located = log.locate(cursor, tenant);
  if (located.kind === 'lost') return { ...present, resume: 'resync', reason: located.reason };
  const { sequence: position, coveredUntil, overlapUntil } = located;
  const overlap = overlapUntil === null ? null : { cursor, until: overlapUntil };
  return { position, coveredUntil, overlap, resume: 'resumed', reason: null };
}
