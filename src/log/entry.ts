import { frameHeaderLength, writeFrameHeader } from '../protocol/frame.js';
import { CURSOR_LENGTH } from './cursor.js';
import type { Event } from './event.js';
import type { Names } from './names.js';
import type { Slab } from './slabs.js';

/** One event in the log. Its frame is what every recipient gets, to the byte. */
export interface Entry {
  readonly sequence: number;
  readonly id: string;
  /** `hashOf` its id. Kept: an entry that goes hasn't been looked at for long, nor has its id. */
  readonly idHash: number;
  readonly audience: EntryAudience;
  /** Monotonic ms; null: never. Not Infinity, which V8 would keep in an object of its own. */
  readonly expiresAt: number | null;
  /** Monotonic ms of receipt, whole ones: what ages count from. */
  readonly receivedAt: number;
  /** What the cursor in the frame names as its time. The same object for all until more is covered. */
  readonly coverage: Coverage;
  readonly slab: Slab;
  /** The frame's bytes in its slab: [start, end). */
  readonly start: number;
  readonly end: number;
}

/** Up to when (wall clock, ms) everything that reached the broker has been appended. */
export interface Coverage {
  readonly until: number;
}

/** Whether it has expired, `now` in monotonic ms. */
export const isExpired = ({ expiresAt }: Entry, now: number): boolean =>
  expiresAt !== null && expiresAt <= now;

/** Like an event's audience, with names that can be looked up: an entry may have 1,000 users. */
export type EntryAudience =
  | { readonly kind: 'all' }
  | { readonly kind: 'tenant'; readonly tenant: string }
  | {
      readonly kind: 'some';
      readonly tenant: string;
      readonly users: Names;
      readonly topics: Names;
    };

const HEAD = Buffer.from('{"status":"ok","type":"event","cursor":"');

/** What an event's frame is made of, before it has a place in a slab. */
export interface FrameParts {
  readonly length: number;
  readonly payloadLength: number;
  /** Everything between the cursor and the data. */
  readonly middle: string;
  /** Its length in UTF-8. */
  readonly middleBytes: number;
  readonly data: Uint8Array;
}

/** What JSON writes as it is, between quotes. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** `JSON.stringify`, which takes three times as long where nothing is to be escaped: an id, a topic. */
const quoted = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text));

export function planFrame(event: Event): FrameParts {
  const type = event.type === null ? '' : `,"event":${quoted(event.type)}`;
  const topics =
    event.audience.kind === 'some' && event.audience.topics.length > 0
      ? `,"topics":[${event.audience.topics.map(quoted).join()}]`
      : '';
  const middle = `","id":${quoted(event.id)}${type}${topics},"data":`;
  // Ids and topics are ASCII.
  const middleBytes = middle.length + (type === '' ? 0 : Buffer.byteLength(type) - type.length);
  const payloadLength = HEAD.length + CURSOR_LENGTH + middleBytes + event.data.length + 1;
  return {
    length: frameHeaderLength(payloadLength) + payloadLength,
    payloadLength,
    middle,
    middleBytes,
    data: event.data,
  };
}

/**
 * Writes the frame but for the cursor; `data` goes in as published, which is why big integers, key order and escapes
 * survive. Returns where the cursor belongs.
 */
export function writeFrame(target: Buffer, start: number, parts: FrameParts): number {
  const head = writeFrameHeader(target, start, parts.payloadLength);
  target.set(HEAD, head);
  const middle = head + HEAD.length + CURSOR_LENGTH;
  target.write(parts.middle, middle, parts.middle.length === parts.middleBytes ? 'latin1' : 'utf8');
  const data = middle + parts.middleBytes;
  target.set(parts.data, data);
  target[data + parts.data.length] = 0x7d;
  return head + HEAD.length;
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
  if (!frame.subarray(0, parts.middleBytes).equals(Buffer.from(parts.middle))) return false;
  if (!frame.subarray(parts.middleBytes).equals(parts.data)) return false;
  return sameUsers(entry.audience, event);
}

/** Topics stand in the frame; users don't, for no recipient may learn who else got an event. */
function sameUsers(before: EntryAudience, event: Event): boolean {
  const now = event.audience;
  if (before.kind !== now.kind) return false;
  if (before.kind !== 'some' || now.kind !== 'some') return true;
  return before.users.size === now.users.length && now.users.every(user => before.users.has(user));
}
