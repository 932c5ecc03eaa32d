import { milliseconds, wholeNumber } from '../formats.js';
import { type Given, isComplete, type Slice } from '../setting.js';

/** nginx, AWS ALB and others cut a connection that was silent for this long. */
const PROXY_PATIENCE_MS = 60_000;

/** One browser's connection; the group `connections` in the configuration files. */
export const connectionSettings = {
  authTimeoutMs: {
    env: 'AUTH_TIMEOUT_MS',
    doc: 'How long a new connection may take to present a valid token.',
    default: '10000',
    format: milliseconds(1),
  },
  pingIntervalMs: {
    env: 'PING_INTERVAL_MS',
    doc: 'How often each client gets a ping. It tells the client that nothing is missing, and keeps proxies from cutting the connection: stay below their idle timeout (often 60 s).',
    default: '25000',
    format: milliseconds(1),
  },
  pongTimeoutMs: {
    env: 'PONG_TIMEOUT_MS',
    doc: 'A client that makes no progress for this long after a WebSocket ping is gone and its connection is ended.',
    default: '10000',
    format: milliseconds(1),
  },
  maxSubscriptions: {
    env: 'MAX_SUBSCRIPTIONS',
    doc: 'Topics and patterns that one connection may be subscribed to. Each costs memory. 0 allows none.',
    default: '128',
    format: wholeNumber(0, 100_000),
  },
  clientMessagesPerSecond: {
    env: 'CLIENT_MESSAGES_PER_SECOND',
    doc: 'Messages that one client may send per second in the long run; bursts may be ten times that.',
    default: '10',
    format: wholeNumber(1, 1_000_000),
  },
} satisfies Slice;

export interface ConnectionsConfig {
  readonly authTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
  readonly maxSubscriptions: number;
  readonly clientMessagesPerSecond: number;
}

export function connectionsConfig(given: Given): ConnectionsConfig | undefined {
  const settings = connectionSettings;
  const parts = {
    authTimeoutMs: given.read(settings.authTimeoutMs),
    pingIntervalMs: given.read(settings.pingIntervalMs),
    pongTimeoutMs: given.read(settings.pongTimeoutMs),
    maxSubscriptions: given.read(settings.maxSubscriptions),
    clientMessagesPerSecond: given.read(settings.clientMessagesPerSecond),
  };
  if (!isComplete<ConnectionsConfig>(parts)) return undefined;
  if (parts.pingIntervalMs >= PROXY_PATIENCE_MS) {
    given.warn(
      `PING_INTERVAL_MS is ${parts.pingIntervalMs}: many proxies cut connections that are silent for 60 s`,
    );
  }
  if (parts.pongTimeoutMs > parts.pingIntervalMs) {
    given.warn(
      `PONG_TIMEOUT_MS (${parts.pongTimeoutMs}) is longer than PING_INTERVAL_MS (${parts.pingIntervalMs}): lost clients are noticed only after several pings`,
    );
  }
  return parts;
}
