import type { Clock } from '../clock.js';
import type { EventLog } from '../log/log.js';
import type { Logger } from '../logger.js';
import type { Router, Subscriber } from '../router/router.js';
import type { Authenticate } from './authenticate.js';
import type { Broadcasts, Recipient } from './broadcasts.js';
import type { Deadlines } from './deadlines.js';
import type { ConnectionReport } from './report.js';
import type { OutletContext } from './outlet.js';
import type { Past, PastMember } from './past.js';
import type { Scheduler } from './scheduler.js';
import type { UnsentBudget } from './unsent.js';

export interface ConnectionLimits {
  readonly authTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
  readonly maxSubscriptions: number;
  readonly clientMessagesPerSecond: number;
}

/** A connection as the process sees it. */
export interface Member extends Subscriber, PastMember, Recipient {
  announceStale(stale: boolean): void;
  /** Whether it is owed something from before a position although it keeps up and takes what it is given. */
  lagsBehind(position: number, now: number): boolean;
  /** It has been waited for long enough. */
  giveUpOn(): void;
  /** Sends the client elsewhere; `delayMs`: when it should come back. */
  drain(delayMs: number): void;
  terminate(): void;
}

/** What all connections of a process share. */
export interface ConnectionContext {
  readonly limits: ConnectionLimits;
  readonly clock: Clock;
  /** The live one. */
  readonly log: EventLog;
  readonly past: Past;
  readonly router: Router<Member>;
  readonly scheduler: Scheduler;
  readonly broadcasts: Broadcasts;
  readonly deadlines: Deadlines;
  readonly unsent: UnsentBudget;
  readonly outlets: OutletContext;
  readonly authenticate: Authenticate;
  readonly report: ConnectionReport;
  readonly logger: Logger;
  /** 0 ≤ x < 1 */
  readonly random: () => number;
  readonly newSessionId: () => string;
  /** The feed is lost at the moment. */
  readonly isStale: () => boolean;
  /** How long a client should wait before it fetches its state, so that they don't all come at once. */
  readonly resyncDelayMs: () => number;
  readonly onAuthenticated: (connection: Member) => void;
  readonly onClosed: (connection: Member) => void;
}
