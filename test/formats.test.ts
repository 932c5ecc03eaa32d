import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import * as formats from '../src/formats.js';
import type { Format } from '../src/setting.js';

/** The value, or `fault`. */
function parse(format: Format<unknown>, raw: unknown): unknown {
  const parsed = format.parse(raw);
  return parsed.kind === 'value' ? { value: parsed.value } : 'fault';
}

function accepts(format: Format<unknown>, table: readonly (readonly [unknown, unknown])[]): void {
  for (const [raw, value] of table) assert.deepEqual(parse(format, raw), { value }, JSON.stringify(raw));
}

function refuses(format: Format<unknown>, table: readonly unknown[]): void {
  for (const raw of table) assert.equal(parse(format, raw), 'fault', JSON.stringify(raw));
}

const NO_NUMBERS = [
  '',
  ' ',
  '8080x',
  'x8080',
  '1e3',
  '5.7',
  '5.0',
  ' 8',
  '8 ',
  '8\r',
  '+8',
  '0x10',
  '010',
  '-0',
  '1_000',
  '1,000',
  'NaN',
  'Infinity',
  '٣',
  '9007199254740993',
  5.7,
  Number.NaN,
  Infinity,
  2 ** 53,
  null,
  true,
  [],
  {},
  [8],
  '8n',
];

test('a whole number is plain decimal digits and nothing that merely begins like it', () => {
  accepts(formats.wholeNumber(0, 2 ** 53 - 1), [
    ['0', 0],
    ['8080', 8080],
    [8080, 8080],
    ['9007199254740991', 2 ** 53 - 1],
  ]);
  refuses(formats.wholeNumber(-(2 ** 53), 2 ** 53), NO_NUMBERS);
  refuses(formats.milliseconds(-1), NO_NUMBERS);
  refuses(formats.port, NO_NUMBERS);
});

test('a whole number keeps within its bounds', () => {
  accepts(formats.wholeNumber(-1, 5), [
    ['-1', -1],
    ['5', 5],
  ]);
  refuses(formats.wholeNumber(-1, 5), ['-2', '6', -2, 6]);
  refuses(formats.milliseconds(0), ['-1', String(2 ** 31)]);
  accepts(formats.milliseconds(0), [[String(2 ** 31 - 1), 2 ** 31 - 1]]);
  accepts(formats.port, [
    ['0', 0],
    ['65535', 65535],
  ]);
  refuses(formats.port, ['65536', '-1', 'http']);
});

test('every integer that is accepted is the one that was written', () => {
  fc.assert(
    fc.property(fc.oneof(fc.maxSafeInteger().map(String), fc.string(), fc.double().map(String)), text => {
      const parsed = formats.wholeNumber(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER).parse(text);
      assert.equal(parsed.kind === 'value' ? String(parsed.value) : text, text);
    }),
  );
});

test("a port that is a Kubernetes service's address says where it comes from", () => {
  const parsed = formats.port.parse('tcp://10.0.0.7:9090');
  assert.match(parsed.kind === 'fault' ? (parsed.problem ?? '') : '', /enableServiceLinks: false/);
});

test('bytes take binary units in one spelling only', () => {
  const format = formats.bytes(1, 2 ** 40);
  accepts(format, [
    ['1', 1],
    [65536, 65536],
    ['64KiB', 65536],
    ['64MiB', 2 ** 26],
    ['1GiB', 2 ** 30],
  ]);
  refuses(format, [
    ...NO_NUMBERS.filter(raw => raw !== 2 ** 53),
    '0',
    '64MB',
    '64M',
    '64Mi',
    '64mib',
    '64 MiB',
    '1.5MiB',
    '-1KiB',
    'MiB',
    '1025GiB',
  ]);
});

test('a switch is true or false: 0, yes, TRUE and the empty text are faults, not guesses', () => {
  accepts(formats.flag, [
    ['true', true],
    [true, true],
    ['false', false],
    [false, false],
  ]);
  refuses(formats.flag, ['0', '1', '', 'yes', 'no', 'on', 'off', 'TRUE', 'False', ' true', 0, 1, null, []]);
});

test('a choice is one of its words exactly', () => {
  accepts(formats.oneOf(['queue', 'memory']), [
    ['queue', 'queue'],
    ['memory', 'memory'],
  ]);
  refuses(formats.oneOf(['queue', 'memory']), ['Queue', ' queue', '', 'stream', 0, null, ['queue']]);
});

test('a list is split at commas and trimmed; an empty item is a fault', () => {
  const format = formats.listOf(formats.wholeNumber(0, 9), 'digits', 3);
  accepts(format, [
    ['1', [1]],
    ['1,2', [1, 2]],
    [' 1 ,\t2 , 3 ', [1, 2, 3]],
    [
      [1, '2'],
      [1, 2],
    ],
  ]);
  refuses(format, [
    '',
    ',',
    '1,',
    ',1',
    '1,,2',
    '1 2',
    '1;2',
    '10',
    '1,2,3,4',
    [],
    [''],
    [[1]],
    [{}],
    1,
    null,
  ]);
});

test('the fault of a list says which item', () => {
  assert.deepEqual(formats.listOf(formats.wholeNumber(0, 9), 'digits').parse('1, 2, x'), {
    kind: 'fault',
    problem: 'item 3 must be a whole number from 0 to 9',
  });
  assert.deepEqual(formats.listOf(formats.secret(4), 'keys').parse('long enough,short?,no'), {
    kind: 'fault',
    problem: 'item 3 has 2',
  });
});

test('a host is an address or a name and carries no port', () => {
  accepts(formats.host, [
    ['0.0.0.0', '0.0.0.0'],
    ['::', '::'],
    ['::1', '::1'],
    ['localhost', 'localhost'],
    ['a-b.c1', 'a-b.c1'],
  ]);
  refuses(formats.host, [
    '',
    '*',
    '0.0.0.0:80',
    '[::1]',
    'localhost:80',
    'http://x',
    '256.1.1.1',
    '1.2.3',
    ' x',
    'x ',
    'x y',
    'ä',
    1,
  ]);
});

test('a secret is measured in bytes of UTF-8, and its fault tells the length only', () => {
  accepts(formats.secret(4), [
    ['abcd', 'abcd'],
    ['éé', 'éé'],
    [' a b ', ' a b '],
  ]);
  refuses(formats.secret(4), ['', 'abc', 12345678, null, ['abcd']]);
  assert.deepEqual(formats.secret(32).parse('hunter2'), { kind: 'fault', problem: 'it has 7' });
});

test('a path is no key', () => {
  accepts(formats.path, [
    ['/etc/key.pem', '/etc/key.pem'],
    ['my key.pem', 'my key.pem'],
  ]);
  refuses(formats.path, ['', ' /a', '/a\n', '/a\0b', '-----BEGIN PUBLIC KEY-----\nMI\n', 7, null]);
});

test('text of one line has no blanks around it', () => {
  accepts(formats.line, [
    ['https://issuer.example/', 'https://issuer.example/'],
    ['a b', 'a b'],
  ]);
  refuses(formats.line, ['', ' ', 'a ', ' a', 'a\nb', 'a\n', 'a\tb', 1, null]);
});

test('only null means absent', () => {
  const format = formats.orElse(formats.flag, 'absent');
  accepts(format, [
    [null, 'absent'],
    ['true', true],
  ]);
  refuses(format, ['', undefined, 'null']);
});
