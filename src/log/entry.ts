import { frameHeaderLength, writeFrameHeader } from '../protocol/frame.js';
import { CURSOR_LENGTH } from './cursor.js';
import type { Event } from './event.js';
import type { Slab } from './slabs.js';

/** One event in the log. Its frame is what every recipient gets, to the byte. */
export interface Entry {
  readonly sequence: number;
  readonly id: string;
  readonly audience: EntryAudience;
  /** Monotonic ms; Infinity: never. */
  readonly expiresAt: number;
  /** Monotonic ms of receipt: what ages count from. */
  readonly receivedAt: number;
  /** What the cursor in the frame names as its time. */
  readonly coveredUntil: number;
  readonly slab: Slab;
  /** The frame's bytes in its slab: [start, end). */
  readonly start: number;
  readonly end: number;
}

/** Like an event's audience, with sets where scanning a list would be dear: an entry may name 1,000 users. */
export type EntryAudience =
  | { readonly kind: 'all' }
  | { readonly kind: 'tenant'; readonly tenant: string }
  | {
      readonly kind: 'some';
      readonly tenant: string;
      readonly users: ReadonlySet<string>;
      readonly topics: ReadonlySet<string>;
    };

const HEAD = Buffer.from('{"status":"ok","type":"event","cursor":"');

/** What an event's frame is made of, before it has a place in a slab. */
export interface FrameParts {
  readonly length: number;
  readonly payloadLength: number;
  /** Everything between the cursor and the data. */
  readonly middle: Buffer;
  readonly data: Uint8Array;
}

export function planFrame(event: Event): FrameParts {
  const type = event.type === null ? '' : `,"event":${JSON.stringify(event.type)}`;
  const topics =
    event.audience.kind === 'some' && event.audience.topics.length > 0
      ? `,"topics":${JSON.stringify(event.audience.topics)}`
      : '';
  const middle = Buffer.from(`","id":${JSON.stringify(event.id)}${type}${topics},"data":`);
  const payloadLength = HEAD.length + CURSOR_LENGTH + middle.length + event.data.length + 1;
  return {
    length: frameHeaderLength(payloadLength) + payloadLength,
    payloadLength,
    middle,
    data: event.data,
  };
}

/** Writes the frame; `data` goes in as published, which is why big integers, key order and escapes survive. */
export function writeFrame(target: Buffer, start: number, parts: FrameParts, cursor: string): void {
  let offset = writeFrameHeader(target, start, parts.payloadLength);
  offset += HEAD.copy(target, offset);
  offset += target.write(cursor, offset, 'latin1');
  offset += parts.middle.copy(target, offset);
  target.set(parts.data, offset);
  target[offset + parts.data.length] = 0x7d;
}

/** Where in a frame the cursor stands: always at the same distance from the payload's start. */
function cursorOffset(frameLength: number): number {
  const header = frameLength < 126 + 2 ? 2 : frameLength < 2 ** 16 + 4 ? 4 : 10;
  return header + HEAD.length;
}

/** A copy of the entry's frame with another cursor in it. */
export function frameWithCursor(entry: Entry, cursor: string): Buffer {
  const copy = Buffer.from(entry.slab.bytes.subarray(entry.start, entry.end));
  copy.write(cursor, cursorOffset(copy.length), 'latin1');
  return copy;
}

/** Whether a second event with the same id says the same: same audience, same name, same data. */
export function sameContent(entry: Entry, event: Event, parts: FrameParts): boolean {
  const skip = cursorOffset(parts.length) + CURSOR_LENGTH;
  if (entry.end - entry.start !== parts.length) return false;
  const frame = entry.slab.bytes.subarray(entry.start + skip, entry.end - 1);
  if (!frame.subarray(0, parts.middle.length).equals(parts.middle)) return false;
  if (!frame.subarray(parts.middle.length).equals(parts.data)) return false;
  return sameUsers(entry.audience, event);
}

/** Topics stand in the frame; users don't, for no recipient may learn who else got an event. */
function sameUsers(before: EntryAudience, event: Event): boolean {
  const now = event.audience;
  if (before.kind !== now.kind) return false;
  if (before.kind !== 'some' || now.kind !== 'some') return true;
  return before.users.size === now.users.length && now.users.every(user => before.users.has(user));
}
