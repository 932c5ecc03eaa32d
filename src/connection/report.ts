import type { Appended } from '../log/log.js';
import type { EndingName } from '../protocol/endings.js';
import type { ErrorCode } from '../protocol/errors.js';
import type { ResyncReason, Resume } from '../protocol/messages.js';
import type { TokenFault } from './authenticate.js';
import type { PastOutcome } from './past.js';

/** What happens around connections, for whoever counts it. */
export interface ConnectionReport {
  opened(): void;
  /** `peer`: the client ended it, or the network did. */
  closed(how: EndingName | 'peer'): void;
  authenticated(resume: Resume): void;
  refused(fault: TokenFault): void;
  refreshed(): void;
  clientError(code: ErrorCode): void;
  resync(reason: ResyncReason): void;
  delivered(events: number, bytes: number): void;
  received(outcome: Appended): void;
  /** A reading of the past has ended. */
  pastRead(outcome: PastOutcome): void;
}
