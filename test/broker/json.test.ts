import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { memberRanges, valueRange } from '../../src/broker/json.js';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true }).decode(bytes);

const space = fc
  .array(fc.constantFrom(' ', '\n', '\r', '\t'), { maxLength: 3 })
  .map(characters => characters.join(''));

/** A string's JSON text, some characters escaped that needn't be. */
const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 3 }).map(piece => JSON.stringify(piece).slice(1, -1)),
      fc.constantFrom(
        '\\u0061',
        '\\ud800',
        '\\\\',
        '\\"',
        '\\/',
        '\\n',
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        'é',
        '😀',
      ),
    ),
    { maxLength: 40, size: 'medium' },
  )
  .map(pieces => `"${pieces.join('')}"`);

/** A random value's JSON text, as no serializer would lay it out. */
const { value } = fc.letrec<{ value: string }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.constantFrom(
      'null',
      'true',
      'false',
      '0',
      '-0',
      '1.0',
      '1e400',
      '-1.5E+3',
      '12345678901234567890',
      '{}',
      '[]',
    ),
    fc
      .tuple(space, fc.array(fc.tuple(space, tie('value'), space), { maxLength: 4 }))
      .map(([inner, items]) => `[${items.map(item => item.join('')).join(',') || inner}]`),
    fc
      .tuple(space, fc.array(fc.tuple(space, text, space, space, tie('value'), space), { maxLength: 4 }))
      .map(
        ([inner, members]) =>
          `{${members.map(([a, k, b, c, v, d]) => `${a}${k}${b}:${c}${v}${d}`).join(',') || inner}}`,
      ),
  ),
}));

function slices(bytes: Uint8Array, ranges: readonly number[]): string[] {
  const found: string[] = [];
  for (let i = 0; i < ranges.length; i += 2) found.push(decode(bytes.subarray(ranges[i], ranges[i + 1])));
  return found;
}

describe('where values stand in a JSON text', () => {
  it('every member’s range is its value as written, whatever the white space, keys and values', () => {
    const members = fc.array(fc.tuple(space, text, space, space, value, space), { maxLength: 8 });
    fc.assert(
      fc.property(space, members, space, (before, members, after) => {
        const inside = members.map(([a, k, b, c, v, d]) => `${a}${k}${b}:${c}${v}${d}`).join(',');
        const bytes = encode(`${before}{${inside}}${after}`);
        const found = slices(bytes, memberRanges(bytes, 64) ?? []);
        assert.deepEqual(
          found,
          members.map(([, , , , v]) => v),
        );
      }),
    );
  });

  it('ranges pair up with the keys of JSON.parse where none is given twice or looks like an index', () => {
    const key = fc.string({ unit: 'grapheme' }).filter(key => !/^\d+$/.test(key));
    fc.assert(
      fc.property(fc.uniqueArray(key), fc.infiniteStream(value), (keys, values) => {
        const written = keys.map(key => `${JSON.stringify(key)}:${values.next().value}`);
        const bytes = encode(`{${written.join(',')}}`);
        const parsed: unknown = JSON.parse(decode(bytes));
        assert.ok(typeof parsed === 'object' && parsed !== null);
        assert.deepEqual(
          slices(bytes, memberRanges(bytes, 64) ?? []).map(slice => JSON.parse(slice)),
          Object.values(parsed),
        );
        assert.deepEqual(Object.keys(parsed), keys);
      }),
    );
  });

  it('a key given twice has two ranges', () => {
    const bytes = encode('{"a":1,"\\u0061":2}');
    assert.deepEqual(slices(bytes, memberRanges(bytes, 64) ?? []), ['1', '2']);
  });

  it('a value’s range leaves out the white space around it', () => {
    fc.assert(
      fc.property(space, value, space, (before, value, after) => {
        const bytes = encode(before + value + after);
        const range = valueRange(bytes, 64);
        assert.ok(range !== null);
        assert.equal(decode(bytes.subarray(range.start, range.end)), value);
      }),
    );
  });

  it('depth is counted from each value, and one level too many is seen', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const deep = `${open.repeat(3)}0${close.repeat(3)}`;
      assert.notEqual(valueRange(encode(deep), 3), null);
      assert.equal(valueRange(encode(deep), 2), null);
      assert.notEqual(memberRanges(encode(`{"x":[[]],"a":${deep}}`), 3), null);
      assert.equal(memberRanges(encode(`{"x":[[]],"a":${deep}}`), 2), null);
    }
    assert.equal(memberRanges(encode('[[[]]]'), 2), null);
    assert.deepEqual(memberRanges(encode('[[],[],[]]'), 2), []);
  });

  it('a string ends at the first quote that isn’t escaped, however long it is and whatever precedes', () => {
    const pieces = ['', '\\\\', '\\"', '\\\\\\"', '\\\\\\\\', '\\"\\"', '\\\\,\\"', '\\n'];
    for (let length = 0; length <= 40; length++) {
      for (const piece of pieces) {
        for (const string of [`"${'x'.repeat(length)}${piece}"`, `"${piece}${'x'.repeat(length)}"`]) {
          const bytes = encode(`{"a":${string},"b":"]"}`);
          assert.deepEqual(slices(bytes, memberRanges(bytes, 64) ?? []), [string, '"]"'], string);
        }
      }
    }
  });

  it('garbage is scanned to an end within the text', () => {
    const bit = fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', ' ', 'a', '1');
    fc.assert(
      fc.property(
        fc.array(bit).map(bits => encode(bits.join(''))),
        bytes => {
          const range = valueRange(bytes, 64);
          for (const end of [...(memberRanges(bytes, 64) ?? []), range?.start ?? 0, range?.end ?? 0]) {
            assert.ok(end >= 0 && end <= bytes.length + 1);
          }
        },
      ),
    );
  });
});
