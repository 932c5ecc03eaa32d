/**
 * Every way in which the server ends a connection: the closed list.
 *
 * The code tells a client what to do next, the reason tells a person why. Ranges follow RFC 6455 §7.4: 1xxx is the
 * protocol's, 44xx is ours and echoes HTTP (4401 as 401). PROTOCOL.md holds the same table and a test compares them.
 */

/** What the client should do after an ending. `new-token`: fetch a *new* token first, then come back. */
export type Retry = 'after-delay' | 'back-off' | 'now' | 'new-token' | 'stop';

export interface Ending {
  readonly code: number;
  /** At most 123 bytes (RFC 6455 §5.5), never built from input. */
  readonly reason: string;
  readonly retry: Retry;
}

export const ENDINGS = {
  goingAway: { code: 1001, reason: 'going away', retry: 'after-delay' },
  drain: { code: 1012, reason: 'drain', retry: 'after-delay' },
  tooBig: { code: 1009, reason: 'message too big', retry: 'stop' },
  internal: { code: 1011, reason: 'internal error', retry: 'back-off' },
  overCapacity: { code: 1013, reason: 'over capacity', retry: 'back-off' },
  noFeed: { code: 1013, reason: 'no feed yet', retry: 'back-off' },
  fellOff: { code: 1013, reason: 'fell off twice', retry: 'back-off' },
  malformed: { code: 4400, reason: 'malformed', retry: 'stop' },
  binary: { code: 4400, reason: 'binary message', retry: 'stop' },
  accessDenied: { code: 4401, reason: 'access denied', retry: 'new-token' },
  tokenExpired: { code: 4401, reason: 'token expired', retry: 'new-token' },
  noTenant: { code: 4403, reason: 'no tenant', retry: 'stop' },
  otherIdentity: { code: 4403, reason: 'other identity', retry: 'stop' },
  protocolVersion: { code: 4406, reason: 'protocol version not supported', retry: 'stop' },
  authTimeout: { code: 4408, reason: 'not authenticated in time', retry: 'now' },
  noSignOfLife: { code: 4408, reason: 'no sign of life', retry: 'now' },
  rateLimited: { code: 4429, reason: 'too many messages', retry: 'back-off' },
} as const satisfies Record<string, Ending>;

export type EndingName = keyof typeof ENDINGS;
