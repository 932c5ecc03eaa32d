import { isUtf8 } from 'node:buffer';
import type { Audience, Event } from '../log/event.js';
import { audienceOfFields, audienceOfHeaders } from './audience.js';
import type { Decoded, Delivery } from './delivery.js';
import { memberRanges, valueRange } from './json.js';
import type { RejectionReason } from './rejections.js';

/** What decoding depends on besides the message. */
export interface DecodingContext {
  /** Wall clock, ms since 1970: the time of receipt. Called only for an event that expires. */
  now(): number;
  readonly maxEventBytes: number;
  /** Users and topics per event, as listed. */
  readonly maxRecipients: number;
  /** Called once for an event that brings no id, never for a rejected message. */
  newId(): string;
}

/**
 * One AMQP message → an event, or why it is none. Pure, and never throws whatever a publisher sent. The event's `data`
 * is a view on `delivery.content`. An event that has already expired is an event: the log drops and counts it.
 */
export function decodeDelivery(delivery: Delivery, context: DecodingContext): Decoded {
  const body = asBuffer(delivery.content);
  if (body.length > context.maxEventBytes) return rejected('too_big');
  if (!isPlain(delivery.contentEncoding)) return rejected('content_encoding');
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) return rejected('bom');
  if (!isUtf8(body)) return rejected('not_utf8');
  const to = header(delivery, 'to');
  return typeof to === 'string'
    ? decodeHeaderForm(body, to, delivery, context)
    : decodeBodyForm(body, delivery, context);
}

/** How deep `data` may nest. */
const MAX_DEPTH = 64;

const FIELDS: ReadonlySet<string> = new Set([
  'id',
  'type',
  'tenant',
  'user',
  'users',
  'topic',
  'topics',
  'send_to_tenant',
  'send_to_all',
  'data',
  'ttl',
  'meta',
]);

function decodeBodyForm(body: Buffer, delivery: Delivery, context: DecodingContext): Decoded {
  const ranges = memberRanges(body, MAX_DEPTH);
  if (ranges === null) return rejected('too_deep');
  const fields = parse(body);
  if (fields === undefined) return rejected('not_json');
  if (!isObject(fields)) return rejected('not_an_object');
  const keys = Object.keys(fields);
  if (keys.length * 2 !== ranges.length) return rejected('duplicate_field');
  for (const key of keys) if (!FIELDS.has(key)) return rejected('unknown_field');
  // All keys are known, so none is like an array index and they stand in the order of the text: see memberRanges().
  const dataAt = keys.indexOf('data');
  if (dataAt === -1) return rejected('no_data');
  const data = body.subarray(ranges[dataAt * 2], ranges[dataAt * 2 + 1]);
  // A field goes before the property of the same meaning, which is then not looked at: frameworks fill in
  // `message_id` and `type` by themselves, with a new id for every retry and the name of a class.
  return assemble(
    fields['id'] === undefined ? property(delivery.messageId) : fields['id'],
    fields['type'] === undefined ? property(delivery.type) : fields['type'],
    expiry(fields['ttl'], delivery.timestamp, context),
    audienceOfFields(fields, context.maxRecipients),
    data,
    context,
  );
}

function decodeHeaderForm(body: Buffer, to: string, delivery: Delivery, context: DecodingContext): Decoded {
  const range = valueRange(body, MAX_DEPTH);
  if (range === null) return rejected('too_deep');
  if (parse(body) === undefined) return rejected('not_json');
  return assemble(
    property(delivery.messageId),
    property(delivery.type),
    expiry(secondsOf(header(delivery, 'ttl')), delivery.timestamp, context),
    audienceOfHeaders(to, header(delivery, 'tenant'), context.maxRecipients),
    body.subarray(range.start, range.end),
    context,
  );
}

/** `undefined` is a thing not given; `null`, as JSON can say it, is a wrong value like any other. */
function assemble(
  id: unknown,
  type: unknown,
  expiresAt: Event['expiresAt'] | undefined,
  audience: Audience | RejectionReason,
  data: Uint8Array,
  context: DecodingContext,
): Decoded {
  const ownId = id === undefined ? undefined : idOf(id);
  if (ownId === null) return rejected('invalid_id');
  if (type !== undefined && !isType(type)) return rejected('invalid_type');
  if (expiresAt === undefined) return rejected('invalid_ttl');
  if (typeof audience === 'string') return rejected(audience);
  return {
    kind: 'event',
    event: { id: ownId ?? context.newId(), type: type ?? null, audience, data, expiresAt },
  };
}

const ID = /^[!-}]{1,128}$/;

function idOf(value: unknown): string | null {
  if (typeof value === 'string') return ID.test(value) ? value : null;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? String(value) : null;
}

const CONTROL = /\p{Cc}/u;
/** As much as the AMQP property of that name can hold. */
const MAX_TYPE_BYTES = 255;

function isType(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= MAX_TYPE_BYTES &&
    !CONTROL.test(value) &&
    value.isWellFormed() &&
    Buffer.byteLength(value) <= MAX_TYPE_BYTES
  );
}

const LONGEST_TTL_S = 315_360_000;

/** When an event expires (ms since 1970), `null` for never, `undefined` for a ttl that is none. */
function expiry(
  ttl: unknown,
  timestamp: number | null,
  { now }: Pick<DecodingContext, 'now'>,
): number | null | undefined {
  if (ttl === undefined) return null;
  if (typeof ttl !== 'number' || !(ttl > 0 && ttl <= LONGEST_TTL_S)) return undefined;
  return publishedAt(timestamp, now()) + Math.round(ttl * 1000);
}

/** As seconds the year 5138, as milliseconds 1973: nobody means the former. */
const SURELY_MILLISECONDS = 1e11;

/**
 * From when a ttl counts. A timestamp is whole seconds, cut off, so its second is granted to the end: else a ttl of
 * half a second would be over before the message arrives, every other time. Producers that send milliseconds are
 * understood. Whatever still lies in the future is a wrong clock, and 0 one that was never set: those count
 * from receipt, so that no timestamp makes an event live longer than one without.
 */
function publishedAt(timestamp: number | null, now: number): number {
  if (timestamp === null || !(timestamp > 0)) return now;
  return Math.min(now, timestamp < SURELY_MILLISECONDS ? timestamp * 1000 + 999 : timestamp);
}

/**
 * A header of the message's own, if its value is one that RabbitMQ streams keep. Lists and tables they drop silently, so
 * that here, too, these are as if absent: what a message means must not depend on the feed. Own: the AMQP library
 * builds headers by assignment, and a table named `__proto__` becomes their prototype.
 */
function header(delivery: Delivery, name: string): unknown {
  if (!Object.hasOwn(delivery.headers, name)) return undefined;
  const value = delivery.headers[name];
  if (typeof value !== 'object' || value === null) return value;
  return value instanceof Uint8Array || isTyped(value) ? value : undefined;
}

/** How the AMQP library writes decimals and timestamps. A table of just these two entries can't be told from them. */
function isTyped(value: object): value is { readonly '!': unknown; readonly value: unknown } {
  return Object.keys(value).length === 2 && Object.hasOwn(value, '!') && Object.hasOwn(value, 'value');
}

const DECIMAL = /^\d{1,9}(?:\.\d{1,9})?$/;

/** Some client libraries write every header as a string, and AMQP has a decimal type of its own. */
function secondsOf(value: unknown): unknown {
  if (typeof value === 'string') return DECIMAL.test(value) ? Number(value) : value;
  if (!isObject(value) || value['!'] !== 'decimal' || !isObject(value['value'])) return value;
  const { digits, places } = value['value'];
  return typeof digits === 'number' && typeof places === 'number' ? digits / 10 ** places : value;
}

function property(value: string | null): string | undefined {
  return value ?? undefined;
}

/** Spring and Kombu put the charset into `content_encoding`; that one is no encoding to undo. */
function isPlain(encoding: string | null): boolean {
  if (encoding === null || encoding === '') return true;
  const name = encoding.toLowerCase();
  return name === 'utf-8' || name === 'utf8' || name === 'identity';
}

/** `undefined`, which no JSON text means, if this is none. */
function parse(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString('utf8'));
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function rejected(reason: RejectionReason): Decoded {
  return { kind: 'rejected', reason };
}
