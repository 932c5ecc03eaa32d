import {
  bareClose,
  byBytes,
  chopped,
  close,
  closes,
  type FrameRow,
  hex,
  json,
  MAX_PAYLOAD,
  more,
  ping,
  repeat,
  text,
  TOO_BIG,
  unfinished,
  understood,
} from './frame-row.js';

/** Numbers in names: the case of the Autobahn test suite that a row is after. */
const closings: readonly FrameRow[] = [
  { name: '7.1.1 a close', send: [close(1000)], outcome: closes(1000) },
  { name: '7.1.2 two closes', send: [Buffer.concat([close(1000), close(1001)])], outcome: closes(1000) },
  {
    name: 'a thousand closes',
    send: [Buffer.concat(repeat(1000, () => close(1000)))],
    outcome: closes(1000),
  },
  {
    name: '7.1.3 a ping behind the close',
    send: [Buffer.concat([close(1000), ping('late')])],
    outcome: closes(1000),
  },
  {
    name: '7.1.4 a text behind the close',
    send: [Buffer.concat([close(1000), text('{}')])],
    outcome: closes(1000),
  },
  {
    name: '7.1.5 the rest of a text behind the close',
    send: [Buffer.concat([text('{', unfinished), close(1000), more('}')])],
    outcome: closes(1000),
  },
  {
    name: '7.1.6 too much, then a close and a ping',
    send: [Buffer.concat([text(json(4 * MAX_PAYLOAD)), close(1000), ping()])],
    outcome: closes(1009),
  },
  {
    name: 'garbage behind the close',
    send: [Buffer.concat([close(1000), Buffer.alloc(5000, 0xff)])],
    outcome: closes(1000),
  },
  { name: '7.3.1 a close without a code', send: [bareClose()], outcome: closes(1005) },
  { name: '7.3.2 a close with half a code', send: [bareClose('x')], outcome: closes(1002) },
  { name: '7.3.4 a close with a reason', send: [close(1000, 'Hello World!')], outcome: closes(1000) },
  { name: '7.3.5 the longest reason', send: [close(1000, '*'.repeat(123))], outcome: closes(1000) },
  { name: '7.3.6 a reason that is too long', send: [close(1000, '*'.repeat(124))], outcome: closes(1002) },
  {
    name: '7.5.1 a reason that is no UTF-8',
    send: [close(1000, hex('cebae1bdb9cf83cebcceb5eda080656469746564'))],
    outcome: closes(1007),
  },
  ...[
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4401, 4999,
  ].map(code => ({
    name: `7.7 a close with ${code}`,
    send: [close(code)],
    outcome: closes(code),
  })),
  ...[0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map(code => ({
    name: `7.9 a close with ${code}, which nobody may send`,
    send: [close(code)],
    outcome: closes(1002),
  })),
  { name: 'a close in fragments', send: [close(1000, '', unfinished)], outcome: closes(1002) },
  { name: 'a close by single bytes', send: byBytes(close(1000, 'bye')), outcome: closes(1000) },
  { name: 'leaving without a word', send: ['fin'], outcome: closes('silently') },
  { name: 'half a header, then gone', send: [Buffer.of(0x81), 'fin'], outcome: closes('silently') },
  {
    name: 'half a length, then gone',
    send: [Buffer.of(0x81, 0xfe, 0x10), 'fin'],
    outcome: closes('silently'),
  },
  {
    name: 'half a payload, then gone',
    send: [text(json(1000)).subarray(0, 500), 'fin'],
    outcome: closes('silently'),
  },
  { name: 'half a message, then gone', send: [text('{"x"', unfinished), 'fin'], outcome: closes('silently') },
];

const longer = (length: number, says: bigint) => text(json(length), { length: { bits: 64, says } });

const limits: readonly FrameRow[] = [
  { name: '9.1 one byte more than allowed', send: [text(json(MAX_PAYLOAD + 1))], outcome: TOO_BIG },
  {
    name: 'one byte more than allowed, in two fragments',
    send: [text('{"x":"', unfinished), more(`${'x'.repeat(MAX_PAYLOAD - 7)}"}`)],
    outcome: TOO_BIG,
  },
  { name: 'twice as much as allowed', send: [text(json(2 * MAX_PAYLOAD))], outcome: TOO_BIG },
  { name: 'more than twice as much', send: [text(json(2 * MAX_PAYLOAD + 1))], outcome: closes(1009) },
  {
    name: 'more than twice as much, in fragments that are not',
    send: [
      text(json(MAX_PAYLOAD), unfinished),
      more('x'.repeat(MAX_PAYLOAD), unfinished),
      more('x', unfinished),
    ],
    outcome: closes(1009),
  },
  { name: 'the announcement of a megabyte', send: [longer(10, 1_048_576n)], outcome: closes(1009) },
  { name: 'the announcement of 2^32 bytes', send: [longer(10, 2n ** 32n)], outcome: closes(1009) },
  { name: 'the announcement of 2^53 bytes', send: [longer(10, 2n ** 53n)], outcome: closes(1009) },
  { name: 'the announcement of 2^63 - 1 bytes', send: [longer(10, 2n ** 63n - 1n)], outcome: closes(1009) },
  { name: 'a length with its highest bit set', send: [longer(10, 2n ** 63n)], outcome: closes(1009) },
  { name: 'the longest length of all', send: [longer(10, 2n ** 64n - 1n)], outcome: closes(1009) },
  {
    name: 'as much as allowed, announced and not sent',
    send: [text('', { length: { bits: 64, says: BigInt(MAX_PAYLOAD) } }), 'fin'],
    outcome: closes('silently'),
  },
  {
    name: '9.3 the largest text in sixteen fragments',
    send: fragmented(json(MAX_PAYLOAD), 16),
    outcome: understood(),
  },
  {
    name: '9.5 the largest text in segments of 64 bytes',
    send: chopped(text(json(MAX_PAYLOAD)), 64),
    outcome: understood(),
  },
  {
    name: '9.7 fifty small texts at once',
    send: [Buffer.concat(repeat(50, () => text('{}')))],
    outcome: understood(50),
  },
];

function fragmented(message: string, count: number): Buffer[] {
  const parts = chopped(Buffer.from(message), Math.ceil(message.length / count));
  return parts.map((part, i) =>
    i === 0 ? text(part, unfinished) : more(part, { fin: i === parts.length - 1 }),
  );
}

export const CLOSING_FRAMES: readonly FrameRow[] = [...closings, ...limits];
