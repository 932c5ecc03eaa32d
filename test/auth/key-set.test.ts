import assert from 'node:assert/strict';
import { createSecretKey, type KeyObject } from 'node:crypto';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { chooseKey, parseKeySet, type SkipReason } from '../../src/auth/key-set.js';
import { ALGORITHMS, keySetAlgorithms } from '../../src/auth/keys.js';
import { ec, ec384, ed, otherRsa, rsa } from './forge.js';
import { ecPair, rsaPair } from '../support/keys.js';

type Members = Readonly<Record<string, unknown>>;
const ALL = keySetAlgorithms([]);

function jwk(key: KeyObject, members: Members = {}): Members {
  return { ...key.export({ format: 'jwk' }), ...members };
}

function parse(keys: readonly unknown[], allowed = ALL): NonNullable<ReturnType<typeof parseKeySet>> {
  const set = parseKeySet(JSON.stringify({ keys }), allowed);
  assert.ok(set !== null);
  return set;
}

describe('parseKeySet', () => {
  it('pins a key to the algorithm that it names', () => {
    const { keys, skipped } = parse([
      jwk(rsa.publicKey, { kid: 'a', alg: 'RS256', use: 'sig', key_ops: ['verify'] }),
    ]);
    assert.deepEqual(skipped, {});
    assert.deepEqual(
      keys.map(({ id, algorithms }) => ({ id, algorithms })),
      [{ id: 'a', algorithms: ['RS256'] }],
    );
    assert.ok(keys[0]?.key.equals(rsa.publicKey));
  });

  it('pins a key that names no algorithm to those of its type and curve that are allowed', () => {
    const { keys } = parse(
      [jwk(rsa.publicKey), jwk(ec.publicKey), jwk(ec384.publicKey)],
      ['RS256', 'PS512', 'ES256'],
    );
    assert.deepEqual(
      keys.map(key => key.algorithms),
      [['RS256', 'PS512'], ['ES256']],
    );
  });

  const weak = rsaPair(1024);
  const skippedKeys: [string, unknown, SkipReason][] = [
    ['null', null, 'not_an_object'],
    ['a string', 'key', 'not_an_object'],
    ['an encryption key', jwk(rsa.publicKey, { use: 'enc' }), 'not_for_signatures'],
    ['a key for other operations', jwk(rsa.publicKey, { key_ops: ['encrypt'] }), 'not_for_signatures'],
    ['a key whose operations are no list', jwk(rsa.publicKey, { key_ops: 'verify' }), 'not_for_signatures'],
    ['a private RSA key', jwk(rsa.privateKey), 'private_key'],
    ['a private EC key', jwk(ec.privateKey), 'private_key'],
    ['a symmetric key', jwk(createSecretKey(Buffer.alloc(64))), 'symmetric_key'],
    ['an Ed25519 key', jwk(ed.publicKey), 'unsupported'],
    ['a key of a type yet to be invented', { kty: 'PQ', n: 'AQAB' }, 'unsupported'],
    ['a key without a type', { n: 'AQAB', e: 'AQAB' }, 'unsupported'],
    ['an RSA key of 1024 bits', jwk(weak.publicKey), 'unsupported'],
    ['a key on secp256k1', jwk(ecPair('secp256k1').publicKey), 'unsupported'],
    ['an RSA key without n', { kty: 'RSA', e: 'AQAB' }, 'unreadable'],
    ['an RSA key with a number for n', jwk(rsa.publicKey, { n: 5 }), 'unreadable'],
    [
      'a point that is not on its curve',
      jwk(ec.publicKey, { y: ec.publicKey.export({ format: 'jwk' }).x }),
      'unreadable',
    ],
    ['a kid that is a number', jwk(rsa.publicKey, { kid: 1 }), 'unreadable'],
    ['an RSA key that says ES256', jwk(rsa.publicKey, { alg: 'ES256' }), 'algorithm'],
    ['an RSA key that says HS256', jwk(rsa.publicKey, { alg: 'HS256' }), 'algorithm'],
    ['an RSA key that says none', jwk(rsa.publicKey, { alg: 'none' }), 'algorithm'],
    ['an RSA key for encryption by its alg', jwk(rsa.publicKey, { alg: 'RSA-OAEP' }), 'algorithm'],
    ['a P-384 key that says ES256', jwk(ec384.publicKey, { alg: 'ES256' }), 'algorithm'],
  ];
  for (const [name, entry, reason] of skippedKeys) {
    it(`skips ${name} and keeps the others`, () => {
      const { keys, skipped } = parse([entry, jwk(otherRsa.publicKey, { kid: 'good' })]);
      assert.deepEqual(skipped, { [reason]: 1 });
      assert.deepEqual(
        keys.map(key => key.id),
        ['good'],
      );
    });
  }

  it('skips keys whose algorithm is not allowed', () => {
    assert.deepEqual(parse([jwk(ec.publicKey)], ['RS256']).skipped, { algorithm: 1 });
  });

  it('keeps the first of two keys with one name and one algorithm', () => {
    const { keys, skipped } = parse([
      jwk(rsa.publicKey, { kid: 'a' }),
      jwk(otherRsa.publicKey, { kid: 'a', alg: 'RS256' }),
    ]);
    assert.deepEqual(skipped, { duplicate: 1 });
    assert.ok(keys[0]?.key.equals(rsa.publicKey));
  });

  it('takes a set without keys for what it says', () => {
    assert.deepEqual(parse([]).keys, []);
  });

  for (const text of [
    '',
    'null',
    '[]',
    '{}',
    '{"keys":{}}',
    '<html>',
    '{"keys":[',
    '"keys"',
    '{"__proto__":{"keys":[]}}',
  ]) {
    it(`takes ${JSON.stringify(text)} for no key set`, () => assert.equal(parseKeySet(text, ALL), null));
  }

  it('never throws, and never gives a symmetric or private key or an algorithm of HMAC', () => {
    const member = fc.constantFrom(
      'kty',
      'kid',
      'use',
      'alg',
      'key_ops',
      'n',
      'e',
      'x',
      'y',
      'crv',
      'd',
      'k',
    );
    const value = fc.oneof(
      fc.constantFrom<unknown>('RSA', 'EC', 'oct', 'sig', 'RS256', 'P-256', 'AQAB', ...ALGORITHMS),
      fc.jsonValue(),
    );
    const base = fc.constantFrom(jwk(rsa.publicKey), jwk(ec.publicKey), jwk(rsa.privateKey), {});
    const entry = fc
      .tuple(base, fc.array(fc.tuple(member, value), { maxLength: 3 }))
      .map(([key, changes]) => Object.fromEntries([...Object.entries(key), ...changes]));
    fc.assert(
      fc.property(fc.array(fc.oneof(entry, fc.jsonValue()), { maxLength: 4 }), keys => {
        for (const key of parse(keys).keys) {
          assert.equal(key.key.type, 'public');
          assert.ok(key.algorithms.length > 0 && key.algorithms.every(name => ALL.includes(name)));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('chooseKey', () => {
  const set = parse([
    jwk(rsa.publicKey, { kid: 'a', alg: 'RS256' }),
    jwk(otherRsa.publicKey, { kid: 'b' }),
    jwk(ec.publicKey, { kid: 'c' }),
    jwk(ec384.publicKey),
  ]);

  it('finds a key by name and algorithm', () => {
    const choice = chooseKey(set, 'PS256', 'b');
    assert.ok(choice.kind === 'key' && choice.key.key.equals(otherRsa.publicKey));
  });

  it('does not use a key for an algorithm that it is not pinned to', () => {
    assert.equal(chooseKey(set, 'PS256', 'a').kind, 'other_algorithm');
    assert.equal(chooseKey(set, 'RS256', 'c').kind, 'other_algorithm');
  });

  it('knows no other names, whatever they are', () => {
    for (const id of ['', 'A', 'a ', '__proto__', 'constructor', '0', '../a']) {
      assert.equal(chooseKey(set, 'RS256', id).kind, 'unknown', id);
    }
  });

  it('finds the key of a token without a name if only one can be meant', () => {
    const choice = chooseKey(set, 'PS512', null);
    assert.ok(choice.kind === 'key' && choice.key.key.equals(otherRsa.publicKey));
    assert.equal(chooseKey(set, 'RS256', null).kind, 'ambiguous');
    assert.equal(chooseKey(set, 'ES512', null).kind, 'unknown');
  });
});
