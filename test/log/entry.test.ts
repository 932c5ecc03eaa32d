import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { hashOf } from '../../src/log/ids.js';
import { CURSOR_LENGTH } from '../../src/log/cursor.js';
import {
  type Entry,
  type EntryAudience,
  frameWithCursor,
  planFrame,
  sameContent,
  writeFrame,
} from '../../src/log/entry.js';
import type { Audience, Event } from '../../src/log/event.js';
import { Names } from '../../src/log/names.js';
import { anEvent, frameOf, textOf, toAll, toTenant, toTopics, toUsers } from '../support/events.js';

const CURSOR = 'abcdefghijklmnopqrstuvw';
const NEXT = '-ABCDEFGHIJKLMNOPQRSTU_';

function audienceOf(audience: Audience): EntryAudience {
  return audience.kind === 'some'
    ? { ...audience, users: Names.of(audience.users), topics: Names.of(audience.topics) }
    : audience;
}

/** The event as it stands in a log, with something else before and behind it. */
function entryOf(event: Event): Entry {
  const parts = planFrame(event);
  const bytes = Buffer.alloc(parts.length + 20, 0xee);
  bytes.write(CURSOR, writeFrame(bytes, 10, parts));
  const around = [bytes.subarray(0, 10), bytes.subarray(10 + parts.length)];
  for (const untouched of around) assert.deepEqual(untouched, Buffer.alloc(10, 0xee));
  return {
    sequence: 1,
    id: event.id,
    idHash: hashOf(event.id, 7),
    audience: audienceOf(event.audience),
    expiresAt: null,
    receivedAt: 0,
    coverage: { until: 0 },
    slab: { bytes, used: bytes.length, entries: 1 },
    start: 10,
    end: 10 + parts.length,
  };
}

/** RFC 6455 §5.2, by hand. */
function handBuilt(payload: Buffer): Buffer {
  const length = payload.length;
  const header =
    length < 126
      ? [0x81, length]
      : length < 65_536
        ? [0x81, 126, length >> 8, length & 255]
        : [0x81, 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255];
  return Buffer.concat([Buffer.from(header), payload]);
}

const plain = (data: string) =>
  `{"status":"ok","type":"event","cursor":"${CURSOR}","id":"e1","data":${data}}`;

test('at every length of header the frame is, byte for byte, what RFC 6455 says', () => {
  const rest = Buffer.byteLength(plain('""'));
  for (const length of [rest, 124, 125, 126, 127, 128, 65_534, 65_535, 65_536, 65_537, 262_144]) {
    const data = `"${'x'.repeat(length - rest)}"`;
    const entry = entryOf(anEvent('e1', toTenant('acme'), { data }));
    const expected = Buffer.from(plain(data));
    assert.equal(expected.length, length);
    assert.ok(frameOf(entry).equals(handBuilt(expected)), `payload of ${length} bytes`);
    const moved = frameWithCursor(entry, NEXT);
    assert.ok(
      moved.equals(handBuilt(Buffer.from(plain(data).replace(CURSOR, NEXT)))),
      `${length} with another cursor`,
    );
    assert.ok(frameOf(entry).equals(handBuilt(expected)), 'the log’s own bytes stay');
  }
  assert.equal(CURSOR.length, CURSOR_LENGTH);
});

test('type and topics are in the frame where given, users and tenant never', () => {
  const both: Audience = { kind: 'some', tenant: 'acme', users: ['secret-user'], topics: ['b.2', 'a.1'] };
  const table: readonly (readonly [Event, string])[] = [
    [anEvent('1', toAll), '"id":"1","data":1}'],
    [anEvent('1', toTenant('acme'), { type: 'deal.updated' }), '"id":"1","event":"deal.updated","data":1}'],
    [anEvent('1', toUsers('acme', 'secret-user')), '"id":"1","data":1}'],
    [anEvent('1', toTopics('acme', 'a.1')), '"id":"1","topics":["a.1"],"data":1}'],
    [anEvent('1', both, { type: 'x' }), '"id":"1","event":"x","topics":["b.2","a.1"],"data":1}'],
    [anEvent('a"b\\c', toAll, { type: 'q"\\é日' }), '"id":"a\\"b\\\\c","event":"q\\"\\\\é日","data":1}'],
  ];
  for (const [event, end] of table) {
    const text = textOf(frameOf(entryOf(event)));
    assert.equal(text, `{"status":"ok","type":"event","cursor":"${CURSOR}",${end}`);
    assert.equal(textOf(frameWithCursor(entryOf(event), NEXT)), text.replace(CURSOR, NEXT));
  }
});

test('data goes out byte for byte as it was published', () => {
  const published = fc.oneof(
    fc.json(),
    fc.constantFrom(
      '12345678901234567890',
      '1e400',
      '-0',
      '1.0',
      '{"b":1,"a":2,"b":3}',
      '"\\u00e9\\ud83d\\ude00\\/"',
      ' { "a" :\n[ 1 ,\t2 ] } ',
      '"日本é😀"',
      '{"__proto__":1}',
      '"cursor\\":\\""',
    ),
  );
  fc.assert(
    fc.property(published, fc.boolean(), (data, asView) => {
      const bytes = asView ? Buffer.from(`xx${data}yy`).subarray(2, -2) : Buffer.from(data);
      const frame = frameOf(entryOf({ ...anEvent('e1', toTopics('acme', 'a')), data: bytes }));
      const start = frame.indexOf('"data":') + 7;
      assert.equal(frame.subarray(start, -1).toString(), data);
      assert.equal(frame.at(-1), 0x7d);
    }),
    { numRuns: 500 },
  );
});

test('two events say the same if audience, name and data are the same', () => {
  const base = (more: Partial<Event> = {}): Event => ({
    ...anEvent('e1', { kind: 'some', tenant: 'acme', users: ['1', '2'], topics: ['a', 'b'] }, { type: 't' }),
    ...more,
  });
  const some = (users: string[], topics: string[]): Audience => ({
    kind: 'some',
    tenant: 'acme',
    users,
    topics,
  });
  const same: Event[] = [
    base(),
    base({ audience: some(['2', '1'], ['a', 'b']) }),
    // When it expires is no content: a retry counts its ttl anew.
    base({ expiresAt: 5 }),
  ];
  const other: Event[] = [
    base({ data: Buffer.from('2') }),
    base({ data: Buffer.from('1 ') }),
    base({ type: null }),
    base({ type: 'u' }),
    base({ audience: some(['1'], ['a', 'b']) }),
    base({ audience: some(['1', '3'], ['a', 'b']) }),
    base({ audience: some(['1', '2', '3'], ['a', 'b']) }),
    base({ audience: some(['1', '2'], ['a']) }),
    base({ audience: some(['1', '2'], ['a', 'c']) }),
    base({ audience: toTenant('acme') }),
    base({ audience: toAll }),
  ];
  const entry = entryOf(base());
  for (const event of same) assert.equal(sameContent(entry, event, planFrame(event)), true);
  for (const event of other) assert.equal(sameContent(entry, event, planFrame(event)), false);
  const toEverybody = entryOf(anEvent('e1', toTenant('acme')));
  const narrower = anEvent('e1', toUsers('acme', '1'));
  assert.equal(sameContent(toEverybody, narrower, planFrame(narrower)), false);
});
