import { bytes, fault, listOf, milliseconds, orElse, secret, wholeNumber } from '../formats.js';
import { type Format, type Given, isComplete, type Slice } from '../setting.js';

const keys: Format<readonly string[]> = listOf(
  secret(32),
  'one key of at least 32 bytes, or two while rotating',
  2,
);

const distinctKeys: Format<readonly string[]> = {
  allowed: keys.allowed,
  parse(raw) {
    const parsed = keys.parse(raw);
    return parsed.kind === 'value' && new Set(parsed.value).size < parsed.value.length
      ? fault('both keys are the same')
      : parsed;
  },
};

/** The log and the positions in it; the group `log` in the configuration files. */
export const logSettings = {
  maxBytes: {
    env: 'HISTORY_MAX_BYTES',
    doc: 'Memory for recent events, their indexes counted in. Whoever was away for longer than these events span must fetch the state anew; with FEED=stream, only if the stream has no more either.',
    default: '64MiB',
    format: bytes(1),
  },
  maxEvents: {
    env: 'HISTORY_MAX_EVENTS',
    doc: 'Recent events to keep at most.',
    default: '100000',
    format: wholeNumber(1, 100_000_000),
  },
  maxAgeMs: {
    env: 'HISTORY_MAX_AGE_MS',
    doc: 'How long recent events are kept at most.',
    default: '600000',
    format: milliseconds(1),
  },
  resumeOverlapMs: {
    env: 'RESUME_OVERLAP_MS',
    doc: 'How far a client that comes back to another pod is set back, because pods may receive events in different orders. More covers slower clusters and repeats more events, which clients drop by id.',
    default: '5000',
    format: milliseconds(0),
  },
  cursorKey: {
    env: 'CURSOR_KEY',
    doc: 'Key that seals the positions which clients hand back, the same on all pods. Of two, comma separated, the first seals and both are understood; to rotate, set old,new on all pods, then new,old, then new. Without it the key is derived from JWT_SECRET; with a public key or a key set it is required in production, and random elsewhere. `openssl rand -hex 32` makes one.',
    default: null,
    format: orElse(distinctKeys, null),
    sensitive: true,
    fromFile: true,
  },
} satisfies Slice;

export interface LogConfig {
  readonly maxBytes: number;
  readonly maxEvents: number;
  readonly maxAgeMs: number;
  readonly resumeOverlapMs: number;
}

export function logConfig(given: Given): LogConfig | undefined {
  const parts = {
    maxBytes: given.read(logSettings.maxBytes),
    maxEvents: given.read(logSettings.maxEvents),
    maxAgeMs: given.read(logSettings.maxAgeMs),
    resumeOverlapMs: given.read(logSettings.resumeOverlapMs),
  };
  if (!isComplete<LogConfig>(parts)) return undefined;
  if (parts.resumeOverlapMs >= parts.maxAgeMs) {
    given.warn(
      `RESUME_OVERLAP_MS (${parts.resumeOverlapMs}) is not shorter than HISTORY_MAX_AGE_MS (${parts.maxAgeMs}): nobody can resume on another pod`,
    );
  }
  return parts;
}
