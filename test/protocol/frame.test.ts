import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { frameHeaderLength, textFrame, writeFrameHeader } from '../../src/protocol/frame.js';

/** RFC 6455 §5.2 and §5.7, by hand. */
const HEADERS: readonly (readonly [number, string])[] = [
  [0, '8100'],
  [1, '8101'],
  [125, '817d'],
  [126, '817e007e'],
  [65_535, '817effff'],
  [65_536, '817f0000000000010000'],
  [2 ** 31, '817f0000000080000000'],
  [2 ** 32 + 5, '817f0000000100000005'],
];

describe('a frame', () => {
  it('has the header of RFC 6455 for every size of length', () => {
    for (const [length, hex] of HEADERS) {
      const target = Buffer.alloc(20, 0xee);
      const end = writeFrameHeader(target, 3, length);
      assert.equal(target.subarray(3, end).toString('hex'), hex);
      assert.equal(end - 3, frameHeaderLength(length));
      assert.ok(target.subarray(end).every(byte => byte === 0xee));
    }
  });

  it('counts bytes, not characters', () => {
    const text = '"ü€😀"';
    const frame = textFrame(text);
    assert.equal(frame.toString('hex', 0, 2), `81${Buffer.byteLength(text).toString(16).padStart(2, '0')}`);
    assert.equal(frame.toString('utf8', 2), text);
    assert.equal(textFrame('é'.repeat(63)).toString('hex', 0, 4), '817e007e');
  });
});
