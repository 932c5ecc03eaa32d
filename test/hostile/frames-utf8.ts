import { closes, type FrameRow, hex, MALFORMED, more, text, unfinished, understood } from './frame-row.js';

/** Part 6 of the Autobahn test suite: bytes in hex, each in a string of an object, and bare. */
const VALID: readonly (readonly [string, string])[] = [
  ['6.2 Greek and accents', '48656c6c6f2dc2b540c39fc3b6c3a4c3bcc3a0c3a12d5554462d382121'],
  ['6.5 Greek', 'cebae1bdb9cf83cebcceb5'],
  ['6.7 U+0020', '20'],
  ['6.7 U+007F', '7f'],
  ['6.7 U+0080', 'c280'],
  ['6.7 U+07FF', 'dfbf'],
  ['6.7 U+0800', 'e0a080'],
  ['6.9 U+FFFF', 'efbfbf'],
  ['6.9 U+10000', 'f0908080'],
  ['6.9 U+10FFFF', 'f48fbfbf'],
  ['6.11 U+D7FF', 'ed9fbf'],
  ['6.11 U+E000', 'ee8080'],
  ['6.11 U+FFFD', 'efbfbd'],
  ['6.22 U+FFFE', 'efbfbe'],
  ['6.22 U+1FFFE', 'f09fbfbe'],
  ['6.22 U+FFFFF', 'f3bfbfbf'],
  ['6.22 U+10FFFE', 'f48fbfbe'],
  ['6.22 U+FEFF in the middle', '61efbbbf62'],
];

const INVALID: readonly (readonly [string, string])[] = [
  ['6.3 a surrogate within Greek', 'cebae1bdb9cf83cebcceb5eda080656469746564'],
  ['6.4 above U+10FFFF within Greek', 'cebae1bdb9cf83cebcceb5f4908080656469746564'],
  ['6.6 Greek cut short by one byte', 'cebae1bdb9cf83cebcce'],
  ['6.6 Greek cut short by two bytes', 'cebae1bd'],
  ['6.8 five bytes for one character', 'f888808080'],
  ['6.8 six bytes for one character', 'fc8480808080'],
  ['6.10 U+110000', 'f4908080'],
  ['6.12 a continuation byte, the first', '80'],
  ['6.12 a continuation byte, the last', 'bf'],
  ['6.12 seven continuation bytes', '80bf80bf80bf80'],
  ['6.12 all continuation bytes', Array.from({ length: 64 }, (_, i) => (0x80 + i).toString(16)).join('')],
  ['6.13 all starts of two bytes, each with a space', spaced(0xc0, 0xdf)],
  ['6.13 all starts of three bytes', spaced(0xe0, 0xef)],
  ['6.13 all starts of four bytes', spaced(0xf0, 0xf7)],
  ['6.13 all starts of five bytes', spaced(0xf8, 0xfb)],
  ['6.13 all starts of six bytes', spaced(0xfc, 0xfd)],
  ['6.14 the last of two bytes missing', 'c0'],
  ['6.14 the last of three missing', 'e080'],
  ['6.14 the last of four missing', 'f08080'],
  ['6.14 the last of five missing', 'f8808080'],
  ['6.14 the last of four missing, right so far', 'f48fbf'],
  ['6.15 all of these in a row', 'c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf'],
  ['6.16 FE', 'fe'],
  ['6.16 FF', 'ff'],
  ['6.16 FE FE FF FF', 'fefeffff'],
  ['6.17 an overlong slash in two bytes', 'c0af'],
  ['6.17 an overlong slash in three', 'e080af'],
  ['6.17 an overlong slash in four', 'f08080af'],
  ['6.17 an overlong slash in five', 'f8808080af'],
  ['6.17 an overlong slash in six', 'fc80808080af'],
  ['6.18 the largest overlong in two bytes', 'c1bf'],
  ['6.18 the largest overlong in three', 'e09fbf'],
  ['6.18 the largest overlong in four', 'f08fbfbf'],
  ['6.18 the largest overlong in five', 'f887bfbfbf'],
  ['6.18 the largest overlong in six', 'fc83bfbfbfbf'],
  ['6.19 an overlong NUL in two bytes', 'c080'],
  ['6.19 an overlong NUL in three', 'e08080'],
  ['6.19 an overlong NUL in four', 'f0808080'],
  ['6.20 U+D800', 'eda080'],
  ['6.20 U+DB7F', 'edadbf'],
  ['6.20 U+DBFF', 'edafbf'],
  ['6.20 U+DC00', 'edb080'],
  ['6.20 U+DFFF', 'edbfbf'],
  ['6.21 a pair of surrogates', 'eda080edb080'],
  ['6.21 the last pair of surrogates', 'edafbfedbfbf'],
  ['Latin-1', 'e9'],
];

function spaced(first: number, last: number): string {
  return Array.from({ length: last - first + 1 }, (_, i) => `${(first + i).toString(16)}20`).join('');
}

const inString = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from('{"x":"'), bytes, Buffer.from('"}')]);

/** A fragment per byte of the character, and the rest of the object around. */
function byFragments(bytes: Buffer): Buffer[] {
  return [
    text('{"x":"', unfinished),
    ...[...bytes].map(byte => more(Buffer.of(byte), unfinished)),
    more('"}'),
  ];
}

const isShort = ([, digits]: readonly [string, string]): boolean => digits.length <= 12;

export const UTF8_FRAMES: readonly FrameRow[] = [
  ...VALID.map(([name, digits]) => ({
    name: `${name} is a character`,
    send: [text(inString(hex(digits)))],
    outcome: understood(),
  })),
  ...VALID.filter(isShort).map(([name, digits]) => ({
    name: `${name} is a character, also in fragments`,
    send: byFragments(hex(digits)),
    outcome: understood(),
  })),
  ...VALID.map(([name, digits]) => ({
    name: `${name} alone is no JSON`,
    send: [text(hex(digits))],
    outcome: MALFORMED,
  })),
  ...INVALID.map(([name, digits]) => ({
    name: `${name} is no UTF-8`,
    send: [text(inString(hex(digits)))],
    outcome: closes(1007),
  })),
  ...INVALID.filter(isShort).map(([name, digits]) => ({
    name: `${name} is no UTF-8 in fragments either`,
    send: byFragments(hex(digits)),
    outcome: closes(1007),
  })),
  {
    name: '6.4 a character over two segments',
    send: [text(inString(hex('f0908080'))).subarray(0, 15), text(inString(hex('f0908080'))).subarray(15)],
    outcome: understood(),
  },
  {
    name: 'a byte order mark in front of an object',
    send: [text(Buffer.concat([hex('efbbbf'), Buffer.from('{}')]))],
    outcome: MALFORMED,
  },
  { name: 'an object in UTF-16', send: [text(Buffer.from('{}', 'utf16le'))], outcome: MALFORMED },
];
