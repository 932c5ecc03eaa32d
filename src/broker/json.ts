/**
 * Where values stand in a JSON text, so that `data` can be passed on as the publisher's own bytes: parsing and writing
 * it again would change big integers, `1.0`, escapes and the order of integer-like keys.
 *
 * The scan decides nothing about validity: that is `JSON.parse`'s verdict alone, and what the scan says about a text
 * that `JSON.parse` refuses is meaningless. It comes first all the same, because it bounds the depth: a megabyte of
 * `[` keeps `JSON.parse` busy for 0.8 s. It sees no less nesting than `JSON.parse` would get to, since that
 * stops at the first fault, and mismatched brackets are one. Keys are not decoded here, so that two parsers can't
 * disagree on what a key says.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Start and end of the one value that the text is, without the white space around it; `null`: nested deeper than `maxDepth`. */
export function valueRange(
  text: Uint8Array,
  maxDepth: number,
): { readonly start: number; readonly end: number } | null {
  const start = skipSpace(text, 0);
  const end = endOfValue(text, start, maxDepth);
  return end === TOO_DEEP ? null : { start, end };
}

/**
 * Start and end of each member's value, in the order of the text: start₀, end₀, start₁, … A text that is no object has
 * none. `null`: a value is nested deeper than `maxDepth`, counted from the value, not from the object.
 *
 * Pairs up with `Object.keys(JSON.parse(text))` where no key is given twice (then there are fewer keys) and none looks
 * like an array index (those are moved to the front).
 */
export function memberRanges(text: Uint8Array, maxDepth: number): readonly number[] | null {
  const ranges: number[] = [];
  let at = skipSpace(text, 0);
  if (text[at] !== OPEN_OBJECT) return endOfValue(text, at, maxDepth) === TOO_DEEP ? null : ranges;
  at = skipSpace(text, at + 1);
  while (text[at] === QUOTE) {
    at = skipSpace(text, endOfString(text, at));
    if (text[at] !== COLON) break;
    const start = skipSpace(text, at + 1);
    const end = endOfValue(text, start, maxDepth);
    if (end === TOO_DEEP) return null;
    ranges.push(start, end);
    at = skipSpace(text, end);
    if (text[at] !== COMMA) break;
    at = skipSpace(text, at + 1);
  }
  return ranges;
}

const TOO_DEEP = -1;

/** The index behind the value at `start`, or `TOO_DEEP`. */
function endOfValue(text: Uint8Array, start: number, maxDepth: number): number {
  const first = text[start];
  if (first === QUOTE) return endOfString(text, start);
  if (first !== OPEN_ARRAY && first !== OPEN_OBJECT) return endOfScalar(text, start);
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const byte = text[at];
    if (byte === QUOTE) {
      at = endOfString(text, at);
      continue;
    }
    at++;
    if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      if (++depth > maxDepth) return TOO_DEEP;
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
      if (--depth === 0) return at;
    }
  }
  return text.length;
}

/** From here on the search in C++ pays off, which a call of it costs: 300 B of JSON took 0.42 µs without, 0.19 with. */
const LONG_STRING = 24;

/** The index behind the closing quote of the string whose opening quote is at `start`. */
function endOfString(text: Uint8Array, start: number): number {
  let at = start + 1;
  const near = Math.min(at + LONG_STRING, text.length);
  while (at < near) {
    const byte = text[at];
    if (byte === QUOTE) return at + 1;
    at += byte === BACKSLASH ? 2 : 1;
  }
  return endOfLongString(text, at);
}

/** The same, from an index within the string on at which no character's escape is under way. */
function endOfLongString(text: Uint8Array, start: number): number {
  const quote = text.indexOf(QUOTE, start);
  if (quote === -1) return text.length;
  if (text[quote - 1] !== BACKSLASH) return quote + 1;
  // An escaped one: there will be more, and a call for each would take a hundred times as long.
  let at = start;
  while (at < text.length) {
    const byte = text[at];
    if (byte === QUOTE) return at + 1;
    at += byte === BACKSLASH ? 2 : 1;
  }
  return text.length;
}

/** The index behind a number, `true`, `false` or `null`. */
function endOfScalar(text: Uint8Array, start: number): number {
  let at = start;
  while (at < text.length) {
    const byte = text[at];
    if (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY || isSpace(byte)) break;
    at++;
  }
  return at;
}

function skipSpace(text: Uint8Array, start: number): number {
  let at = start;
  while (at < text.length && isSpace(text[at])) at++;
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
