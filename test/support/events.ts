import { CursorCodec } from '../../src/log/cursor.js';
import type { Entry } from '../../src/log/entry.js';
import type { Audience, Event } from '../../src/log/event.js';
import { EventLog, type LogLimits, type Moment } from '../../src/log/log.js';
import type { Reader } from '../../src/log/reader.js';

export const LOG_SECRET = 'a-cursor-key-of-at-least-32-bytes';

/** Wall clock at `moment(0)`. */
export const START = 1_800_000_000_000;

/** Both clocks `ms` after the beginning. */
export const moment = (ms: number): Moment => ({ wall: START + ms, monotonic: ms });

export const toAll: Audience = { kind: 'all' };
export const toTenant = (tenant: string): Audience => ({ kind: 'tenant', tenant });
export const toUsers = (tenant: string, ...users: string[]): Audience => ({
  kind: 'some',
  tenant,
  users,
  topics: [],
});
export const toTopics = (tenant: string, ...topics: string[]): Audience => ({
  kind: 'some',
  tenant,
  users: [],
  topics,
});

/** An event of that id for that audience; `data` is JSON text. */
export function anEvent(
  id: string,
  audience: Audience,
  more: { readonly type?: string; readonly data?: string; readonly expiresAt?: number } = {},
): Event {
  return {
    id,
    type: more.type ?? null,
    audience,
    data: Buffer.from(more.data ?? '1'),
    expiresAt: more.expiresAt ?? null,
  };
}

export const ROOMY: LogLimits = {
  maxBytes: 64 * 2 ** 20,
  maxEvents: 100_000,
  maxAgeMs: 600_000,
  resumeOverlapMs: 5000,
};

/** A log in its first epoch, which began at `moment(0)`. Logs with different `firstEpoch` are different pods. */
export function aLog(
  limits: Partial<LogLimits> = {},
  pod: { readonly firstEpoch?: number; readonly secrets?: readonly [string, ...string[]] } = {},
): EventLog {
  let epoch = pod.firstEpoch ?? 1;
  const codec = new CursorCodec(pod.secrets ?? [LOG_SECRET]);
  const log = new EventLog({ ...ROOMY, ...limits }, codec, () => epoch++);
  log.beginEpoch(moment(0));
  log.cover(START, START);
  return log;
}

/** What a reader gets in (from, to], in as many runs as it takes. */
export function readAll(
  log: EventLog,
  reader: Reader,
  from: number,
  now: Moment,
  limits = { bytes: 1000, looks: 50 },
): readonly Entry[] {
  const entries: Entry[] = [];
  let position = from;
  while (position < log.head) {
    const run = log.read(reader, { from: position, to: log.head }, limits, now.monotonic);
    if (run.upTo <= position) throw new Error(`no progress at ${position}`);
    entries.push(...run.entries);
    position = run.upTo;
  }
  return entries;
}

export const idsOf = (entries: readonly Entry[]): string[] => entries.map(entry => entry.id);

export const frameOf = (entry: Entry): Buffer => entry.slab.bytes.subarray(entry.start, entry.end);

/** The text in an unmasked text frame, read as RFC 6455 §5.2 has it. */
export function textOf(frame: Buffer): string {
  if (frame[0] !== 0x81) throw new Error(`not a whole text frame: first byte ${frame[0]}`);
  const short = frame.readUInt8(1);
  const [length, offset] =
    short === 127
      ? [Number(frame.readBigUInt64BE(2)), 10]
      : short === 126
        ? [frame.readUInt16BE(2), 4]
        : [short, 2];
  if (frame.length !== offset + length) throw new Error(`${frame.length} bytes for a payload of ${length}`);
  return frame.toString('utf8', offset);
}

/** The cursor that a client would take from a frame. */
export function cursorOf(frame: Buffer): string {
  const message: unknown = JSON.parse(textOf(frame));
  if (typeof message !== 'object' || message === null || !('cursor' in message)) throw new Error('no cursor');
  return String(message.cursor);
}
