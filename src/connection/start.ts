import type { EventLog } from '../log/log.js';
import type { ResyncReason, Resume } from '../protocol/messages.js';
import type { Start } from './outlet.js';

/** Where a new session begins in the log, and what it is told about that. */
export interface SessionStart extends Start {
  readonly resume: Resume;
  /** With `resync` only. */
  readonly reason: ResyncReason | null;
}

/** The stream hasn't come that far here: worth waiting for a moment. */
export interface Ahead {
  readonly resume: 'ahead';
  readonly offset: number;
}

/** There is no third outcome once it begins: the cursor is honoured in full, or the client is told that it isn't. */
export function startAt(log: EventLog, cursor: string | null, tenant: string): SessionStart | Ahead {
  if (cursor === null) return { ...present(log), resume: 'new', reason: null };
  const located = log.locate(cursor, tenant);
  switch (located.kind) {
    case 'at': {
      const { sequence: position, coveredUntil, overlapUntil } = located;
      const overlap = overlapUntil === null ? null : { cursor, until: overlapUntil };
      return { position, coveredUntil, overlap, resume: 'resumed', reason: null };
    }
    case 'ahead':
      return { resume: 'ahead', offset: located.offset };
    case 'older':
      return startAnew(log, 'evicted');
    case 'lost':
      return startAnew(log, located.reason);
  }
}

/** At the present, with the state to be fetched. */
export function startAnew(log: EventLog, reason: ResyncReason): SessionStart {
  return { ...present(log), resume: 'resync', reason };
}

const present = (log: EventLog): Start => ({
  position: log.head,
  coveredUntil: log.coveredUntil,
  overlap: null,
});
