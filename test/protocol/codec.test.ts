import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { encodeError, encodeOk, parseClientMessage } from '../../src/protocol/codec.js';
import { ERRORS } from '../../src/protocol/errors.js';
import { ENDINGS } from '../../src/protocol/endings.js';

const EMPTY = {
  token: { kind: 'absent' },
  subscribe: null,
  unsubscribe: null,
  ping: false,
  cursor: null,
  protocolSupported: true,
  ref: null,
};

describe('a message of a client', () => {
  it('is read field by field, whatever else is in it', () => {
    const text =
      '{"access_token":"t","subscribe":["a","b","a"],"unsubscribe":[],"cursor":"c","protocol":1,"ref":3,"ping":true,"x":{}}';
    assert.deepEqual(parseClientMessage(text), {
      token: { kind: 'present', text: 't' },
      subscribe: ['a', 'b'],
      unsubscribe: [],
      ping: true,
      cursor: 'c',
      protocolSupported: true,
      ref: 3,
    });
  });

  it('may leave out everything, or say null for it', () => {
    assert.deepEqual(parseClientMessage('{}'), EMPTY);
    const nulls =
      '{"access_token":null,"subscribe":null,"unsubscribe":null,"cursor":null,"protocol":null,"ref":null,"ping":null}';
    assert.deepEqual(parseClientMessage(nulls), EMPTY);
  });

  it('is malformed when it is no JSON object or a known field has the wrong type', () => {
    const rows = [
      '',
      ' ',
      'x',
      '{',
      '[]',
      '[{}]',
      'null',
      'true',
      '7',
      '"{}"',
      '{}{}',
      '\ufeff{}',
      "{'ping':true}",
      '{"subscribe":"a"}',
      '{"subscribe":[1]}',
      '{"subscribe":[null]}',
      '{"subscribe":{}}',
      '{"unsubscribe":"a"}',
      '{"unsubscribe":[["a"]]}',
      '{"ping":1}',
      '{"ping":"true"}',
      '{"ref":{}}',
      '{"ref":[]}',
      '{"ref":true}',
      '{"ref":1e400}',
      `{"ref":"${'x'.repeat(65)}"}`,
    ];
    for (const text of rows) assert.equal(parseClientMessage(text), null, text);
  });

  it('takes a cursor that is not one for a position unknown, never for a fault', () => {
    for (const cursor of ['7', '{}', '[]', 'true', '""'])
      assert.equal(parseClientMessage(`{"cursor":${cursor}}`)?.cursor, '');
  });

  it('tells a token that is absent from one that is not a token', () => {
    const kindOf = (token: string) => parseClientMessage(`{"access_token":${token}}`)?.token.kind;
    for (const token of ['null', '""']) assert.equal(kindOf(token), 'absent');
    for (const token of ['7', '0', 'false', '{}', '["x"]']) assert.equal(kindOf(token), 'unusable');
  });

  it('is of a version spoken here if it names 1 or none', () => {
    const spoken = (version: string) => parseClientMessage(`{"protocol":${version}}`)?.protocolSupported;
    assert.deepEqual(['1', '1.0', 'null'].map(spoken), [true, true, true]);
    assert.deepEqual(['2', '0', '"1"', '[1]'].map(spoken), [false, false, false, false]);
  });

  it('reads own fields only, and sets none on a prototype', () => {
    assert.deepEqual(parseClientMessage('{"__proto__":{"ping":true,"access_token":"x"}}'), EMPTY);
    assert.deepEqual(parseClientMessage('{"constructor":{"prototype":{"ping":true}}}'), EMPTY);
    assert.equal(Object.hasOwn(Object.prototype, 'ping'), false);
  });

  it('never makes reading it throw', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), text => void parseClientMessage(text)));
    assert.equal(parseClientMessage('['.repeat(60_000)), null);
  });
});

describe('a message to a client', () => {
  it('begins with its status and its type', () => {
    assert.equal(
      encodeOk({ type: 'system', event: 'stale', stale: true }),
      '{"status":"ok","type":"system","event":"stale","stale":true}',
    );
  });

  it('that is an error has a fixed text for each code, and the ref that it answers', () => {
    assert.equal(
      encodeError('token_missing', null),
      '{"status":"error","type":"error","error":"access_token not present","code":"token_missing"}',
    );
    assert.equal(
      encodeError('access_denied', 0),
      '{"status":"error","type":"error","error":"access denied","code":"access_denied","ref":0}',
    );
  });
});

describe('the closed lists', () => {
  it('keep close reasons within the 123 bytes of RFC 6455 §5.5 and codes within what a server may send', () => {
    for (const { code, reason } of Object.values(ENDINGS)) {
      assert.ok(Buffer.byteLength(reason) <= 123);
      assert.ok([1001, 1009, 1011, 1012, 1013].includes(code) || (code >= 4400 && code < 4500), `${code}`);
    }
  });

  it('name each ending by a reason of its own', () => {
    const reasons = Object.values(ENDINGS).map(({ reason }) => reason);
    assert.equal(new Set(reasons).size, reasons.length);
    assert.equal(new Set(Object.values(ERRORS)).size, Object.keys(ERRORS).length);
  });
});
