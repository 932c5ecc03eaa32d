import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { secretKey } from '../../src/auth/keys.js';
import { hasValidSignature } from '../../src/auth/jwt.js';
import { mintToken, TEST_SECRET } from '../support/tokens.js';
import { ed, forge, hmac, rsa, signers } from './forge.js';

const { key } = secretKey(TEST_SECRET, []);

describe('hasValidSignature', () => {
  it('looks at the signature only: times and claims are decided elsewhere', () => {
    assert.ok(hasValidSignature(mintToken({ expiresInSeconds: -3600 }), key, 'HS256'));
    assert.ok(hasValidSignature(mintToken({ claims: { nbf: 1e10 } }), key, 'HS256'));
    assert.ok(!hasValidSignature(mintToken({ secret: 'x'.repeat(32) }), key, 'HS256'));
  });

  it('takes no other algorithm than the one decided on, whatever the header says', () => {
    const token = forge('{"alg":"HS512"}', '{}', hmac(TEST_SECRET, 512));
    assert.ok(hasValidSignature(token, key, 'HS512'));
    assert.ok(!hasValidSignature(token, key, 'HS256'));
    assert.ok(!hasValidSignature(forge('{"alg":"none"}', '{}', signers.nobody), key, 'HS256'));
  });

  it('turns whatever the library throws into a no', () => {
    assert.ok(!hasValidSignature(forge('{"alg":"HS256","typ":"JWT"}', 'null', signers.secret), key, 'HS256'));
    assert.ok(!hasValidSignature(forge('{"alg":"HS256","typ":"JWT"}', '{', signers.secret), key, 'HS256'));
    assert.ok(!hasValidSignature(forge('{"alg":"RS256"}', '{}', signers.rsa), ed.publicKey, 'RS256'));
    assert.ok(!hasValidSignature(forge('{"alg":"RS256"}', '{}', signers.rsa), rsa.privateKey, 'RS256'));
    assert.ok(!hasValidSignature('', key, 'HS256'));
  });
});
