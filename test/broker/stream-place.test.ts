import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { digestOf, isSamePlace, murmur3, placeOf } from '../../src/broker/stream-place.js';
import { createPlaceIds } from '../../src/broker/stream-ids.js';
import type { Delivery } from '../../src/broker/delivery.js';

function delivery(changes: Partial<Delivery> = {}): Delivery {
  return {
    content: Buffer.from('{"data":1}'),
    messageId: 'm1',
    type: 'deal.updated',
    timestamp: 1_800_000_000,
    contentEncoding: null,
    headers: {},
    streamOffset: 7,
    ...changes,
  };
}

describe('the place of a message in a stream', () => {
  it('hashes as MurmurHash3 does', () => {
    // Vectors of the reference implementation (MurmurHash3_x86_32).
    const vectors = [
      ['', 0, 0],
      ['', 1, 0x514e28b7],
      ['', 0xffffffff, 0x81f16f39],
      ['test', 0, 0xba6bd213],
      ['test', 0x9747b28c, 0x704b81dc],
      ['Hello, world!', 0, 0xc0363e43],
      ['Hello, world!', 0x9747b28c, 0x24884cba],
      ['aaaa', 0x9747b28c, 0x5a97808a],
      ['aaa', 0x9747b28c, 0x283e0130],
      ['aa', 0x9747b28c, 0x5d211726],
      ['a', 0x9747b28c, 0x7fa09ea6],
    ] as const;
    for (const [text, seed, hash] of vectors) assert.equal(murmur3(Buffer.from(text), seed), hash, text);
  });

  it('differs with the body and each property that a stream keeps, and not with the headers', () => {
    const digest = digestOf(delivery());
    for (const changes of [
      { content: Buffer.from('{"data":2}') },
      { messageId: 'm2' },
      { messageId: null },
      { type: null },
      { timestamp: 1_800_000_001 },
      { messageId: null, type: 'm1' },
    ]) {
      assert.notEqual(digestOf(delivery(changes)), digest, JSON.stringify(changes));
    }
    assert.equal(digestOf(delivery({ headers: { users: ['dropped by streams'] }, streamOffset: 8 })), digest);
  });

  it('is a u32 for any body, wherever in memory it lies', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(5), (bytes, shift) => {
        const moved = new Uint8Array(bytes.length + shift).subarray(shift);
        moved.set(bytes);
        const digest = digestOf(delivery({ content: bytes }));
        assert.ok(Number.isInteger(digest) && digest >= 0 && digest < 2 ** 32);
        assert.equal(digestOf(delivery({ content: moved })), digest);
      }),
    );
  });

  it('is the same only if offset and digest are', () => {
    const place = placeOf(delivery());
    assert.ok(place);
    assert.equal(place.offset, 7);
    assert.ok(isSamePlace(place, { ...place }));
    assert.ok(!isSamePlace(place, { ...place, offset: 8 }));
    assert.ok(!isSamePlace(place, { ...place, digest: place.digest ^ 1 }));
    assert.equal(placeOf(delivery({ streamOffset: null })), null);
  });
});

describe('ids by place', () => {
  it('are the same for the same secret and place, and else differ', () => {
    const idOf = createPlaceIds('a'.repeat(32));
    const place = { offset: 5, digest: 6 };
    const id = idOf(place);
    assert.match(id, /^s[\w-]{22}$/);
    assert.equal(createPlaceIds('a'.repeat(32))(place), id);
    assert.notEqual(createPlaceIds('b'.repeat(32))(place), id);
    assert.notEqual(idOf({ ...place, offset: 6 }), id);
    assert.notEqual(idOf({ ...place, digest: 7 }), id);
    assert.match(idOf({ offset: 2 ** 48 - 1, digest: 2 ** 32 - 1 }), /^s[\w-]{22}$/);
  });
});
