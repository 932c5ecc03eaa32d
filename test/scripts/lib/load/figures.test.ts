import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { clientFrame, OPCODE, readFrames } from '../../../../scripts/lib/load/frames.mjs';
import { Histogram } from '../../../../scripts/lib/load/histogram.mjs';
import { trend } from '../../../../scripts/lib/load/trend.mjs';
import { encodeTextFrame } from '../../../support/server-frame.js';

test('frames are told apart however the bytes are cut', () => {
  const texts = fc.array(fc.string({ maxLength: 300 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(texts, fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }), (wanted, cuts) => {
      const all = Buffer.concat(wanted.map(encodeTextFrame));
      const seen: string[] = [];
      let rest = Buffer.alloc(0);
      let at = 0;
      for (let i = 0; at < all.length; i++) {
        const end = at + (cuts[i % cuts.length] ?? 1);
        const chunk = Buffer.concat([rest, all.subarray(at, end)]);
        rest = Buffer.from(
          readFrames(chunk, (_, bytes, from, to) => seen.push(bytes.toString('utf8', from, to))),
        );
        at = end;
      }
      assert.deepEqual(seen, wanted);
      assert.equal(rest.length, 0);
    }),
  );
});

test('a frame of a client is masked, and names the lengths from 126 on apart', () => {
  assert.deepEqual([...clientFrame(OPCODE.text, 'ab')], [0x81, 0x82, 0, 0, 0, 0, 97, 98]);
  assert.deepEqual([...clientFrame(OPCODE.text, 'a', false).subarray(0, 2)], [0x01, 0x81]);
  assert.deepEqual([...clientFrame(OPCODE.ping, Buffer.alloc(300)).subarray(0, 4)], [0x89, 0xfe, 1, 44]);
});

test('percentiles are exact to 1.1 %', () => {
  const times = fc.array(fc.integer({ min: 1, max: 60_000_000 }), { minLength: 1, maxLength: 500 });
  fc.assert(
    fc.property(times, fc.double({ min: 0.01, max: 1, noNaN: true }), (micros, share) => {
      const histogram = new Histogram();
      for (const one of micros) histogram.add(one);
      const sorted = micros.toSorted((a, b) => a - b);
      const exact = (sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN) / 1000;
      assert.ok(histogram.at(share) >= exact && histogram.at(share) <= exact * 1.012 + 0.001);
      assert.equal(histogram.max, (sorted.at(-1) ?? Number.NaN) / 1000);
    }),
  );
});

test('a histogram without times has no percentile', () => {
  assert.equal(new Histogram().at(0.99), Number.NaN);
});

test('a trend is the line through the points, and the scatter is how far they lie from it', () => {
  const line = [0, 1, 2, 3].map(x => ({ x, y: 10 + 2 * x }));
  assert.deepEqual(trend(line), { slope: 2, scatter: 0, rise: 6 });
  const { slope, scatter } = trend([0, 1, 2, 3].map(x => ({ x, y: x % 2 })));
  assert.ok(Math.abs(slope - 0.2) < 1e-9);
  assert.ok(Math.abs(scatter - Math.sqrt(0.4)) < 1e-9);
});
