import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  CURSOR_LENGTH,
  CursorCodec,
  type PodPosition,
  type Position,
  type StreamPosition,
} from '../../src/log/cursor.js';

const SECRET = 'a-cursor-key-of-at-least-32-bytes';
const OTHER = 'another-cursor-key-of-32-bytes-at-least';
const codec = new CursorCodec([SECRET]);
const POSITION: PodPosition = {
  kind: 'pod',
  epoch: 0xdeadbeef,
  sequence: 123_456,
  coveredUntil: 1_800_000_000_123,
};
const IN_STREAM: StreamPosition = {
  kind: 'stream',
  offset: 123_456,
  digest: 0xdeadbeef,
  coveredUntil: 1_800_000_000_123,
};
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

const position: fc.Arbitrary<Position> = fc
  .tuple(
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.maxSafeNat().map(n => n % 2 ** 40),
    fc.integer({ min: 1_735_689_600_000, max: 1_735_689_600_000 + 2 ** 40 - 1 }),
  )
  .chain(([origin, place, coveredUntil]) =>
    fc.constantFrom<Position>(
      { kind: 'pod', epoch: origin, sequence: place, coveredUntil },
      { kind: 'stream', digest: origin, offset: place, coveredUntil },
    ),
  );

test('a position comes back as it was sealed, always of the same length', () => {
  fc.assert(
    fc.property(position, position => {
      const cursor = codec.seal(position);
      assert.equal(cursor.length, CURSOR_LENGTH);
      assert.match(cursor, /^[\w-]{23}$/);
      assert.deepEqual(codec.open(cursor), position);
    }),
    { numRuns: 1000 },
  );
});

test('sealed together or one by one, cursors are the same, and nothing around them is touched', () => {
  fc.assert(
    fc.property(fc.array(position, { maxLength: 200, size: 'max' }), positions => {
      const batch = codec.batch();
      const target = Buffer.alloc(positions.length * 30 + 1, '.');
      for (const [index, position] of positions.entries()) batch.add(position, target, index * 30 + 1);
      batch.seal();
      batch.seal();
      const expected = positions.map(position => `.${codec.seal(position)}......`).join('');
      assert.equal(target.toString('latin1'), `${expected}.`);
    }),
    { numRuns: 200 },
  );
});

test('another instance with the same secret opens it, one with another secret does not', () => {
  const foreign = new CursorCodec([OTHER]);
  fc.assert(
    fc.property(position, position => {
      const cursor = codec.seal(position);
      assert.deepEqual(new CursorCodec([SECRET]).open(cursor), position);
      assert.equal(foreign.open(cursor), null);
    }),
  );
});

test('a wrong key shows even where its id byte is the same', () => {
  const idOf = (secret: string) => Buffer.from(new CursorCodec([secret]).seal(POSITION), 'base64url')[0];
  const ours = idOf(SECRET);
  const twins = Array.from({ length: 3000 }, (_, i) => `${OTHER}-${i}`).filter(
    secret => idOf(secret) === ours,
  );
  assert.ok(twins.length > 0);
  for (const twin of twins) assert.equal(new CursorCodec([twin]).open(codec.seal(POSITION)), null);
});

test('while keys are rotated the first seals and all open', () => {
  const rotating = new CursorCodec([OTHER, SECRET]);
  const after = new CursorCodec([OTHER]);
  assert.deepEqual(rotating.open(codec.seal(POSITION)), POSITION);
  assert.deepEqual(rotating.open(after.seal(POSITION)), POSITION);
  assert.deepEqual(after.open(rotating.seal(POSITION)), POSITION);
  assert.equal(codec.open(rotating.seal(POSITION)), null);
});

test('a place in a stream is never taken for one of a pod with the same numbers', () => {
  assert.notEqual(codec.seal(POSITION), codec.seal(IN_STREAM));
  assert.equal(codec.open(codec.seal(POSITION))?.kind, 'pod');
  assert.equal(codec.open(codec.seal(IN_STREAM))?.kind, 'stream');
  assert.equal(codec.seal(IN_STREAM), new CursorCodec([SECRET]).seal({ ...IN_STREAM }), 'equal on all pods');
});

test('every single changed character is noticed', () => {
  for (const cursor of [codec.seal(POSITION), codec.seal(IN_STREAM)]) {
    for (let at = 0; at < cursor.length; at++) {
      for (const character of ALPHABET) {
        if (character === cursor[at]) continue;
        const changed = `${cursor.slice(0, at)}${character}${cursor.slice(at + 1)}`;
        assert.equal(codec.open(changed), null, `${character} at ${at}`);
      }
    }
  }
});

test('nothing but a cursor is opened, and nothing makes it throw', () => {
  const cursor = codec.seal(POSITION);
  const last = cursor.at(-1) ?? '';
  // 23 characters hold two bits more than 17 bytes: these spell the same bytes.
  const spelling = ALPHABET.indexOf(last);
  const respelt = [1, 2, 3].map(bits => `${cursor.slice(0, -1)}${ALPHABET[(spelling & ~3) + bits]}`);
  for (const text of respelt) {
    assert.deepEqual(Buffer.from(text, 'base64url'), Buffer.from(cursor, 'base64url'));
  }
  const table = [
    ...respelt.filter(text => text !== cursor),
    '',
    cursor.slice(1),
    cursor.slice(0, -1),
    `${cursor}A`,
    `${cursor}=`,
    `${cursor}\n`,
    ` ${cursor}`,
    `${cursor.slice(0, 22)} `,
    cursor.toLowerCase(),
    'A'.repeat(23),
    '_'.repeat(23),
    'é'.repeat(23),
    '\0'.repeat(23),
    `${cursor.slice(0, 10)}+${cursor.slice(11)}`,
    'x'.repeat(1e6),
  ];
  for (const text of table) assert.equal(codec.open(text), null, JSON.stringify(text.slice(0, 40)));
  fc.assert(
    fc.property(fc.string(), text => assert.equal(codec.open(text), null)),
    { numRuns: 1000 },
  );
});

test('random bytes of the right form hardly ever open', () => {
  const cursor = codec.seal(POSITION);
  let opened = 0;
  let state = 1;
  for (let i = 0; i < 20_000; i++) {
    let text = cursor.slice(0, 2);
    for (let k = 2; k < 22; k++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      text += ALPHABET[state >>> 26];
    }
    if (codec.open(text + cursor.slice(22)) !== null) opened++;
  }
  // 1 in 32,768 is to be expected.
  assert.ok(opened <= 3, `${opened} of 20,000`);
});

test('neighbouring positions have nothing in common to be seen', () => {
  const one = Buffer.from(codec.seal(POSITION), 'base64url');
  const next = Buffer.from(codec.seal({ ...POSITION, sequence: POSITION.sequence + 1 }), 'base64url');
  assert.equal(one[0], next[0]);
  let same = 0;
  for (let i = 1; i < one.length; i++) if (one[i] === next[i]) same++;
  assert.ok(same <= 3);
});

test('times out of range are cut to it: a wrong clock must not end the process', () => {
  const opened = (coveredUntil: number) =>
    codec.open(codec.seal({ ...POSITION, coveredUntil }))?.coveredUntil;
  assert.equal(opened(0), 1_735_689_600_000);
  assert.equal(opened(-1e15), 1_735_689_600_000);
  assert.equal(opened(1e15), 1_735_689_600_000 + 2 ** 40 - 1);
  assert.equal(opened(Infinity), 1_735_689_600_000 + 2 ** 40 - 1);
  assert.equal(opened(1_800_000_000_000.9), 1_800_000_000_000);
});
