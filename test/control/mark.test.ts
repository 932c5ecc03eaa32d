import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeMark, encodeMark } from '../../src/control/mark.js';

describe('a mark', () => {
  it('is read back as it was written, from the middle of a buffer too', () => {
    for (const kind of ['mark', 'bye'] as const) {
      const mark = { kind, source: 'push.pod.ä.1.marks', at: 1_800_000_000_123 };
      assert.deepEqual(decodeMark(encodeMark(mark)), mark);
      const larger = Buffer.concat([Buffer.from('{{'), encodeMark(mark), Buffer.from('}}')]);
      assert.deepEqual(decodeMark(larger.subarray(2, -2)), mark);
    }
  });

  const others: readonly string[] = [
    '',
    '{',
    '\xff',
    'null',
    '7',
    '[]',
    '{}',
    '{"kind":"revoke","source":"a","at":1}',
    '{"kind":"mark","at":1}',
    '{"kind":"mark","source":"","at":1}',
    '{"kind":"mark","source":7,"at":1}',
    `{"kind":"mark","source":"${'ä'.repeat(128)}","at":1}`,
    '{"kind":"mark","source":"a"}',
    '{"kind":"mark","source":"a","at":"1"}',
    '{"kind":"mark","source":"a","at":null}',
    '{"kind":"mark","source":"a","at":-1}',
  ];
  it('is nothing else, and nothing else throws', () => {
    for (const text of others) assert.equal(decodeMark(Buffer.from(text, 'latin1')), null, text);
  });
});
