import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { Decoded, Delivery } from '../../src/broker/delivery.js';
import { type DecodingContext, decodeDelivery } from '../../src/broker/envelope.js';
import { REJECTIONS } from '../../src/broker/rejections.js';
import { isName, isTopic } from '../../src/router/topic.js';
import { corpus, MAX_EVENT_BYTES, MAX_RECIPIENTS, NEW_ID, NOW, type Row } from './corpus.js';

const context: DecodingContext = {
  now: () => NOW,
  maxEventBytes: MAX_EVENT_BYTES,
  maxRecipients: MAX_RECIPIENTS,
  newId: () => NEW_ID,
};

function deliver(body: string | Uint8Array, properties: Row['properties'] = {}): Delivery {
  return {
    content: typeof body === 'string' ? Buffer.from(body) : body,
    messageId: null,
    type: null,
    timestamp: null,
    contentEncoding: null,
    headers: {},
    streamOffset: null,
    ...properties,
  };
}

/** With `data` as text, to be compared and read. */
function readable(decoded: Decoded): unknown {
  return decoded.kind === 'event'
    ? { ...decoded.event, data: Buffer.from(decoded.event.data).toString() }
    : decoded.reason;
}

/** A message from the corpus with a few bytes changed, cut out or doubled. */
const mutated = fc
  .tuple(
    fc.constantFrom(...corpus),
    fc.array(
      fc.record({
        at: fc.nat(MAX_EVENT_BYTES),
        remove: fc.nat(3),
        insert: fc.oneof(
          fc.uint8Array({ maxLength: 3 }),
          fc
            .constantFrom(
              '"',
              '\\',
              '{',
              '}',
              '[',
              ']',
              ':',
              ',',
              '0',
              'null',
              '"data":',
              '"user":1,',
              '\u00e9',
              '\ufeff',
            )
            .map(text => new TextEncoder().encode(text)),
        ),
      }),
      { maxLength: 4 },
    ),
  )
  .map(([row, edits]) => {
    let body = Buffer.from(row.body);
    for (const { at, remove, insert } of edits) {
      const start = body.length === 0 ? 0 : at % (body.length + 1);
      body = Buffer.concat([body.subarray(0, start), insert, body.subarray(start + remove)]);
    }
    return deliver(body, row.properties);
  });

const headerValue = fc.oneof(
  fc.constantFrom('all', 'tenant', 'user:7 topic:a', 'acme', '', '1.5'),
  fc.string({ unit: 'binary' }),
  fc.anything(),
);

const random = fc.record({
  content: fc.oneof(
    fc.uint8Array(),
    fc.json().map(text => new TextEncoder().encode(text)),
  ),
  messageId: fc.option(fc.string({ unit: 'binary' })),
  type: fc.option(fc.string({ unit: 'binary' })),
  timestamp: fc.option(fc.oneof(fc.double(), fc.maxSafeNat())),
  contentEncoding: fc.option(fc.constantFrom('', 'utf-8', 'gzip')),
  headers: fc.record({ to: headerValue, tenant: headerValue, ttl: headerValue }, { requiredKeys: [] }),
  streamOffset: fc.constant(null),
});

describe('the corpus', () => {
  for (const { name, body, properties, becomes } of corpus) {
    const outcome = typeof becomes === 'string' ? becomes : 'an event';
    it(`${name}: ${outcome}`, () => {
      const expected =
        typeof becomes === 'string'
          ? becomes
          : {
              id: becomes.id ?? NEW_ID,
              type: becomes.type ?? null,
              audience: becomes.audience,
              data: becomes.data,
              expiresAt: becomes.expiresAfter === undefined ? null : NOW + becomes.expiresAfter * 1000,
            };
      assert.deepEqual(readable(decodeDelivery(deliver(body, properties), context)), expected);
    });
  }

  it('the corpus provokes every reason there is, and its names are unique', () => {
    const provoked = new Set(corpus.map(row => row.becomes).filter(becomes => typeof becomes === 'string'));
    assert.deepEqual([...provoked].sort(), Object.keys(REJECTIONS).sort());
    assert.equal(new Set(corpus.map(row => row.name)).size, corpus.length);
  });
});

describe('decoding a delivery', () => {
  it('data is a view on the message, not a copy', () => {
    const delivery = deliver('{"send_to_all":true,"data":[1]}');
    const decoded = decodeDelivery(delivery, context);
    assert.ok(decoded.kind === 'event');
    assert.equal(decoded.event.data.buffer, delivery.content.buffer);
  });

  it('a body that is a plain Uint8Array inside a larger buffer is read where it stands', () => {
    const whole = new TextEncoder().encode('xx{"send_to_all":true,"data":[1]}yy');
    const decoded = decodeDelivery(deliver(whole.subarray(2, -2)), context);
    assert.deepEqual(readable(decoded), {
      id: NEW_ID,
      type: null,
      audience: { kind: 'all' },
      data: '[1]',
      expiresAt: null,
    });
  });

  it('an id is made for events without one only, once, and never for a rejected message', () => {
    let made = 0;
    const counting = { ...context, newId: () => `n${++made}` };
    decodeDelivery(deliver('{"id":"a","send_to_all":true,"data":1}'), counting);
    decodeDelivery(deliver('{"send_to_all":true,"data":1}', { messageId: 'm' }), counting);
    for (const row of corpus) {
      if (typeof row.becomes === 'string') decodeDelivery(deliver(row.body, row.properties), counting);
    }
    assert.equal(made, 0);
    decodeDelivery(deliver('{"send_to_all":true,"data":1}'), counting);
    assert.equal(made, 1);
  });

  it('a table header named __proto__ lends the message no headers', () => {
    // As the AMQP library builds it: by assignment.
    const headers: Record<string, unknown> = {};
    headers['__proto__'] = { to: 'all' };
    assert.equal(headers['to'], 'all');
    assert.equal(readable(decodeDelivery(deliver('{"data":1}', { headers }), context)), 'no_audience');
  });

  it('decoding pollutes no prototype', () => {
    decodeDelivery(
      deliver('{"__proto__":{"polluted":1},"send_to_all":true,"data":{"__proto__":{"polluted":1}}}'),
      context,
    );
    assert.equal(Reflect.get({}, 'polluted'), undefined);
  });

  it('whatever arrives, decoding never throws, is repeatable, and what it calls an event is one', () => {
    fc.assert(
      fc.property(fc.oneof(mutated, random), delivery => {
        const before = Buffer.from(delivery.content);
        const decoded = decodeDelivery(delivery, context);
        assert.deepEqual(decodeDelivery(delivery, context), decoded);
        assert.ok(before.equals(delivery.content));
        if (decoded.kind === 'rejected') {
          assert.ok(Object.hasOwn(REJECTIONS, decoded.reason));
          return;
        }
        const { id, type, audience, data, expiresAt } = decoded.event;
        assert.match(id, /^[!-}]{1,128}$/);
        assert.ok(type === null || (type.isWellFormed() && type.length > 0));
        assert.ok(before.includes(Buffer.from(data)));
        JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data));
        assert.ok(
          expiresAt === null || (Number.isSafeInteger(expiresAt) && expiresAt <= NOW + 315_360_000_000),
        );
        if (audience.kind === 'all') return;
        assert.ok(isName(audience.tenant));
        if (audience.kind === 'tenant') return;
        const { users, topics } = audience;
        assert.ok(users.every(isName) && topics.every(isTopic));
        assert.ok(users.length + topics.length > 0 && users.length + topics.length <= MAX_RECIPIENTS);
        assert.ok(new Set(users).size === users.length && new Set(topics).size === topics.length);
      }),
      { numRuns: 3_000 },
    );
  });

  it('any JSON value as data comes out as the bytes that went in, in both forms', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5, noUnicodeString: false }), fc.boolean(), (text, indent) => {
        const written = indent ? JSON.stringify(JSON.parse(text), null, '\t') : text;
        const roomy = { ...context, maxEventBytes: 1_000_000 };
        for (const delivery of [
          deliver(`{"data":${written},"send_to_all":true}`),
          deliver(written, { headers: { to: 'all' } }),
        ]) {
          const decoded = decodeDelivery(delivery, roomy);
          assert.ok(decoded.kind === 'event');
          assert.equal(Buffer.from(decoded.event.data).toString(), written);
        }
      }),
    );
  });
});
