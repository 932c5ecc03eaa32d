import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { describe, it } from 'node:test';
import { algorithmsOf, keySetAlgorithms, pemKey, secretKey } from '../../src/auth/keys.js';
import { AuthConfigError } from '../../src/auth/options.js';
import { ec, ec384, ed, rsa } from './forge.js';
import { ecPair, rsaPair, rsaPssPair, toPem } from '../support/keys.js';

function refuses(attempt: () => unknown, message: RegExp): void {
  assert.throws(attempt, (error: unknown) => {
    assert.ok(error instanceof AuthConfigError, String(error));
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

const GOOD_SECRET = 's'.repeat(32);

describe('a secret', () => {
  it('of 32 bytes can do the HMAC algorithms and nothing else', () => {
    const { key, algorithms } = secretKey(GOOD_SECRET, []);
    assert.equal(key.type, 'secret');
    assert.deepEqual(algorithms, ['HS256', 'HS384', 'HS512']);
  });

  it('is counted in bytes, not characters', () => {
    assert.equal(secretKey('é'.repeat(16), []).key.symmetricKeySize, 32);
  });

  it('can be narrowed to some of its algorithms', () => {
    assert.deepEqual(secretKey(GOOD_SECRET, ['HS512']).algorithms, ['HS512']);
  });

  for (const secret of ['', 'x', 's'.repeat(31)]) {
    it(`of ${secret.length} bytes is refused`, () => {
      refuses(() => secretKey(secret, []), new RegExp(`^JWT_SECRET has ${secret.length} bytes`));
    });
  }

  it('that is a PEM is refused: everybody who has the public key could sign', () => {
    refuses(() => secretKey(toPem(rsa.publicKey), []), /^JWT_SECRET holds a PEM/);
  });

  for (const names of [['RS256'], ['HS256', 'RS256'], ['none'], ['hs256'], ['HS256', '']]) {
    it(`is refused together with the algorithms ${JSON.stringify(names)}`, () => {
      refuses(() => secretKey(GOOD_SECRET, names), /^JWT_ALGORITHMS: /);
    });
  }

  it('is in no message', () => {
    const secret = 'hunter2-but-longer-than-32-bytes-for-once';
    refuses(() => secretKey(secret, ['RS256']), /^(?!.*hunter2)/);
    refuses(() => secretKey('hunter2', []), /^(?!.*hunter2)/);
  });
});

describe('a PEM', () => {
  it('with an RSA key can do RS and PS', () => {
    const { key, algorithms } = pemKey(toPem(rsa.publicKey), []);
    assert.equal(key.type, 'public');
    assert.deepEqual(algorithms, ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']);
  });

  it('with an EC key can do the algorithm of its curve only', () => {
    assert.deepEqual(pemKey(toPem(ec.publicKey), []).algorithms, ['ES256']);
    assert.deepEqual(pemKey(toPem(ec384.publicKey), []).algorithms, ['ES384']);
    refuses(
      () => pemKey(toPem(ec.publicKey), ['ES384']),
      /^JWT_ALGORITHMS: ES384 can't be used with the key/,
    );
  });

  it('with an RSA-PSS key can do the algorithm of its parameters only', () => {
    const pss = rsaPssPair('sha256');
    assert.deepEqual(pemKey(toPem(pss.publicKey), []).algorithms, ['PS256']);
    for (const odd of [rsaPssPair(), rsaPssPair('sha1'), rsaPssPair('sha256', 'sha512')]) {
      refuses(() => pemKey(toPem(odd.publicKey), []), /RSA-PSS key without usable parameters/);
    }
  });

  it('with an RSA key of 1024 bits is refused', () => {
    const weak = rsaPair(1024);
    refuses(() => pemKey(toPem(weak.publicKey), []), /an RSA key of 1024 bits/);
  });

  it('with an Ed25519 key is refused at the start, since no token could be verified', () => {
    refuses(() => pemKey(toPem(ed.publicKey), []), /unsupported type ed25519/);
  });

  it('with a key on secp256k1 is refused', () => {
    const odd = ecPair('secp256k1');
    refuses(() => pemKey(toPem(odd.publicKey), []), /unsupported curve secp256k1/);
  });

  it('with a private key is refused, also a traditional one', () => {
    const pkcs8 = rsa.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    const pkcs1 = rsa.privateKey.export({ format: 'pem', type: 'pkcs1' }).toString();
    refuses(() => pemKey(pkcs8, []), /holds a private key/);
    refuses(() => pemKey(pkcs1, []), /holds a private key/);
  });

  it('with two keys is refused: the second would be ignored', () => {
    refuses(() => pemKey(toPem(rsa.publicKey) + toPem(ec.publicKey), []), /holds 2 PEM blocks/);
  });

  it('of the older RSA form and with text around it is read', () => {
    const pkcs1 = rsa.publicKey.export({ format: 'pem', type: 'pkcs1' }).toString();
    assert.ok(pemKey(`our key\n${pkcs1}\n`, ['RS256']).key.equals(rsa.publicKey));
  });

  for (const text of ['', 'nonsense', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----']) {
    it(`that is ${JSON.stringify(text)} is refused`, () => {
      refuses(() => pemKey(text, []), /holds no readable PEM/);
    });
  }

  for (const names of [['HS256'], ['RS256', 'HS256'], ['RS256', 'ES256']]) {
    it(`with an RSA key is refused together with the algorithms ${JSON.stringify(names)}`, () => {
      refuses(() => pemKey(toPem(rsa.publicKey), names), /^JWT_ALGORITHMS: /);
    });
  }
});

describe('a key set', () => {
  it('can do all public-key algorithms, or those that are named', () => {
    assert.deepEqual(keySetAlgorithms([]).length, 9);
    assert.deepEqual(keySetAlgorithms(['ES256', 'RS256']), ['RS256', 'ES256']);
  });

  it('never does HMAC', () => {
    assert.ok(keySetAlgorithms([]).every(name => !name.startsWith('HS')));
    refuses(
      () => keySetAlgorithms(['RS256', 'HS256']),
      /^JWT_ALGORITHMS: HS256 can't be used with JWT_JWKS_URL/,
    );
    refuses(() => keySetAlgorithms(['none']), /"none" is not supported/);
  });
});

it('a key is able to do the same whether it was read from a PEM or a JWK', () => {
  const jwk = createPublicKey({ key: ec384.publicKey.export({ format: 'jwk' }), format: 'jwk' });
  assert.deepEqual(algorithmsOf(jwk), algorithmsOf(ec384.publicKey));
});
