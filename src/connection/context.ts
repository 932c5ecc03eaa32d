import type { Clock } from '../clock.js';
import type { EventLog } from '../log/log.js';
import type { Logger } from '../logger.js';
import type { Router } from '../router/router.js';
import type { Authenticate } from './authenticate.js';
import type { Connection } from './connection.js';
import type { Deadlines } from './deadlines.js';
import type { ConnectionReport } from './report.js';
import type { Scheduler } from './scheduler.js';

export interface ConnectionLimits {
  readonly authTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
  readonly maxSubscriptions: number;
  readonly clientMessagesPerSecond: number;
}

/** What all connections of a process share. */
export interface ConnectionContext {
  readonly limits: ConnectionLimits;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly router: Router<Connection>;
  readonly scheduler: Scheduler;
  readonly deadlines: Deadlines;
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
  readonly onAuthenticated: (connection: Connection) => void;
  readonly onClosed: (connection: Connection) => void;
}
