import { frame } from '../support/raw-websocket.js';
import {
  BINARY,
  binary,
  byBytes,
  chopped,
  close,
  closes,
  type FrameRow,
  hex,
  json,
  MALFORMED,
  MAX_PAYLOAD,
  more,
  NOTHING,
  ping,
  pong,
  pongs,
  repeat,
  text,
  unfinished,
  understood,
  understoodThen,
} from './frame-row.js';

const BYTES = hex('00 ff fe fd fc fb 00 ff');

/** Numbers in names: the case of the Autobahn test suite that a row is after. */
const framing: readonly FrameRow[] = [
  { name: '1.1.1 an empty text', send: [text('')], outcome: MALFORMED },
  ...[125, 126, 127, 128, 65_535, MAX_PAYLOAD].map(length => ({
    name: `1.1.2 a text of ${length} bytes`,
    send: [text(json(length))],
    outcome: understood(),
  })),
  {
    name: '1.1.8 the largest text in segments of 997 bytes',
    send: chopped(text(json(MAX_PAYLOAD)), 997),
    outcome: understood(),
  },
  { name: '1.2.1 an empty binary message', send: [binary('')], outcome: BINARY },
  ...[1, 125, 126, 65_535, MAX_PAYLOAD, 2 * MAX_PAYLOAD].map(length => ({
    name: `1.2.2 a binary message of ${length} bytes`,
    send: [binary(Buffer.alloc(length, 0xfe))],
    outcome: BINARY,
  })),
  { name: 'JSON in a binary message', send: [binary(json(20))], outcome: BINARY },
  {
    name: 'two texts in one segment',
    send: [Buffer.concat([text('{}'), text('{}')])],
    outcome: understood(2),
  },
  {
    name: 'a text whose length takes more bits than needed',
    send: [text('{}', { length: { bits: 16, says: 2n } })],
    outcome: understood(),
  },
  {
    name: 'a text whose length takes 64 bits for 2',
    send: [text('{}', { length: { bits: 64, says: 2n } })],
    outcome: understood(),
  },
  { name: 'a text with a mask', send: [text('{"x":"é"}', { mask: hex('deadbeef') })], outcome: understood() },
  {
    name: 'a text with a mask of ones',
    send: [text('{}', { mask: hex('ffffffff') })],
    outcome: understood(),
  },
  { name: 'a text without a mask', send: [text('{}', { mask: null })], outcome: closes(1002) },
  { name: 'a ping without a mask', send: [ping('', { mask: null })], outcome: closes(1002) },
  { name: 'a close without a mask', send: [close(1000, '', { mask: null })], outcome: closes(1002) },
  {
    name: 'a masked part, then one without',
    send: [text('{', unfinished), more('}', { mask: null })],
    outcome: closes(1002),
  },
  {
    name: 'HTTP where frames belong',
    send: [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    outcome: closes(1002),
  },
  { name: 'a TLS handshake where frames belong', send: [hex('16030100c8010000c4')], outcome: closes(1002) },
  { name: 'zeros', send: [Buffer.alloc(1000)], outcome: closes(1002) },
  { name: 'ones', send: [Buffer.alloc(1000, 0xff)], outcome: closes(1002) },
];

const pings: readonly FrameRow[] = [
  { name: '2.1 a ping without payload', send: [ping()], outcome: pongs('') },
  { name: '2.2 a ping with text', send: [ping('Hello, world!')], outcome: pongs('Hello, world!') },
  { name: '2.3 a ping with bytes that are no UTF-8', send: [ping(BYTES)], outcome: pongs(BYTES) },
  { name: '2.4 a ping of 125 bytes', send: [ping('x'.repeat(125))], outcome: pongs('x'.repeat(125)) },
  { name: '2.5 a ping of 126 bytes', send: [ping('x'.repeat(126))], outcome: closes(1002) },
  {
    name: '2.6 a ping of 125 bytes by single bytes',
    send: byBytes(ping('x'.repeat(125))),
    outcome: pongs('x'.repeat(125)),
  },
  { name: '2.7 a pong that nobody asked for', send: [pong('')], outcome: NOTHING },
  { name: '2.8 such a pong with text', send: [pong('unsolicited')], outcome: NOTHING },
  { name: '2.9 such a pong, then a ping', send: [pong('unsolicited'), ping('yes')], outcome: pongs('yes') },
  { name: '2.10 ten pings', send: repeat(10, i => ping(`${i}`)), outcome: pongs(...repeat(10, String)) },
  {
    name: '2.11 ten pings by single bytes',
    send: repeat(10, i => byBytes(ping(`${i}`))).flat(),
    outcome: pongs(...repeat(10, String)),
  },
  {
    name: 'thirty pings in one segment',
    send: [Buffer.concat(repeat(30, () => ping('.')))],
    outcome: pongs(...repeat(30, () => '.')),
  },
  {
    name: 'three hundred pings in one segment, from a peer that reads: each answered in its turn',
    send: [Buffer.concat(repeat(300, () => ping('.')))],
    outcome: pongs(...repeat(300, () => '.')),
  },
  {
    name: 'three hundred pongs',
    send: [Buffer.concat(repeat(300, () => pong('x'.repeat(125))))],
    outcome: NOTHING,
  },
  { name: 'a ping in fragments', send: [ping('a', unfinished), more('b')], outcome: closes(1002) },
  {
    name: 'a ping whose length takes 16 bits',
    send: [ping('', { length: { bits: 16, says: 0n } })],
    outcome: closes(1002),
  },
];

const reservedBits: readonly FrameRow[] = [
  ...[1, 2, 3, 5, 6, 7].map(rsv => ({
    name: `3.${rsv} a text with reserved bits ${rsv.toString(2).padStart(3, '0')}`,
    send: [text('{}', { rsv })],
    outcome: closes(1002),
  })),
  {
    name: '3.4 a text as if compressed',
    send: [text(hex('aa5650aa0500'), { rsv: 4 })],
    outcome: closes(1002),
  },
  {
    name: '3.2 a text, then one with a reserved bit',
    send: [text('{}'), 'answered', text('{}', { rsv: 2 })],
    outcome: understoodThen(1002),
  },
  { name: '3.6 a binary message with reserved bits', send: [binary('x', { rsv: 6 })], outcome: closes(1002) },
  { name: '3.5 a ping with a reserved bit', send: [ping('x', { rsv: 4 })], outcome: closes(1002) },
  { name: '3.7 a close with reserved bits', send: [close(1000, '', { rsv: 7 })], outcome: closes(1002) },
  {
    name: 'a fragment that goes on with a reserved bit',
    send: [text('{', unfinished), more('}', { rsv: 4 })],
    outcome: closes(1002),
  },
];

const opcodes: readonly FrameRow[] = [
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(opcode => ({
    name: `4.${opcode < 8 ? 1 : 2} opcode ${opcode}`,
    send: [frame(opcode, opcode % 2 === 0 ? '' : 'x')],
    outcome: closes(1002),
  })),
  {
    name: '4.1.3 a text, then opcode 5',
    send: [text('{}'), 'answered', frame(5)],
    outcome: understoodThen(1002),
  },
];

const fragments: readonly FrameRow[] = [
  { name: '5.2 a pong in fragments', send: [pong('a', unfinished), more('b')], outcome: closes(1002) },
  {
    name: '5.3 a text in two fragments',
    send: [text('{"x"', unfinished), more(':1}')],
    outcome: understood(),
  },
  {
    name: '5.4 the same in one segment',
    send: [Buffer.concat([text('{"x"', unfinished), more(':1}')])],
    outcome: understood(),
  },
  {
    name: '5.5 the same by single bytes',
    send: byBytes(Buffer.concat([text('{"x"', unfinished), more(':1}')])),
    outcome: understood(),
  },
  {
    name: '5.6 with a ping between',
    send: [text('{', unfinished), ping('p'), more('}')],
    outcome: {
      before: { says: ['token_missing'], pongs: ['p'] },
      after: { says: ['unknown_message'], pongs: ['p'] },
    },
  },
  { name: '5.9 going on with nothing', send: [more('{}')], outcome: closes(1002) },
  {
    name: '5.10 going on with nothing, then a text',
    send: [Buffer.concat([more('{}'), text('{}')])],
    outcome: closes(1002),
  },
  { name: '5.12 going on with nothing, unfinished', send: [more('{}', unfinished)], outcome: closes(1002) },
  {
    name: '5.15 going on with what was finished',
    send: [text('{', unfinished), more('}'), 'answered', more('', unfinished)],
    outcome: understoodThen(1002),
  },
  { name: '5.18 a text within another', send: [text('{', unfinished), text('}')], outcome: closes(1002) },
  {
    name: 'a binary message within a text',
    send: [text('{', unfinished), binary('}')],
    outcome: closes(1002),
  },
  {
    name: '5.19 five fragments with pings between',
    send: [
      text('{"x":"', unfinished),
      more('1', unfinished),
      ping('a'),
      more('2', unfinished),
      more('3', unfinished),
      ping('b'),
      more('"}'),
    ],
    outcome: {
      before: { says: ['token_missing'], pongs: ['a', 'b'] },
      after: { says: ['unknown_message'], pongs: ['a', 'b'] },
    },
  },
  {
    name: 'empty fragments around one that is not',
    send: [text('', unfinished), more('{}', unfinished), more('', unfinished), more('')],
    outcome: understood(),
  },
  {
    name: 'a text of nothing but empty fragments',
    send: [text('', unfinished), more('', unfinished), more('')],
    outcome: MALFORMED,
  },
  {
    name: 'sixteen fragments',
    send: [text('{', unfinished), ...repeat(14, () => more(' ', unfinished)), more('}')],
    outcome: understood(),
  },
  {
    name: 'seventeen fragments',
    send: [text('{', unfinished), ...repeat(15, () => more(' ', unfinished)), more('}')],
    outcome: closes(1008),
  },
  {
    name: 'tiny fragments that never end',
    send: [Buffer.concat([text('{', unfinished), ...repeat(20_000, () => more(' ', unfinished))])],
    outcome: closes(1008),
  },
  {
    name: 'a text that is never finished, with a ping',
    send: [text('{"x":', unfinished), ping('p'), 'fin'],
    outcome: { closes: 'silently', pongs: 'some' },
  },
  {
    name: 'a text that is never finished, and a close',
    send: [text('{"x":', unfinished), close(1000)],
    outcome: closes(1000),
  },
  { name: 'a binary message in fragments', send: [binary('a', unfinished), more('b')], outcome: BINARY },
  {
    name: 'a token in fragments that is a bad one',
    send: [text('{"access_token":', unfinished), more('"x.y.z"}')],
    outcome: { before: { says: ['access_denied'], closes: 4401 }, after: { says: ['access_denied'] } },
  },
];

export const FRAMES: readonly FrameRow[] = [...framing, ...pings, ...reservedBits, ...opcodes, ...fragments];
