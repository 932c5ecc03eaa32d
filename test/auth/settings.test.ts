import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { config, faults, file, SECRET } from '../support/config.js';

const text = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const PEM = text(ec.publicKey);
const any = { JWT_ISSUER: '*', JWT_AUDIENCE: '*', CURSOR_KEY: 'k'.repeat(32) };
const pem = { ...any, JWT_PUBLIC_KEY_FILE: file(PEM) };
const jwks = { ...any, JWT_JWKS_URL: 'https://keys.example/jwks.json' };

test('a public key is read from its file, a key set is named by its address', () => {
  assert.deepEqual(config(pem).auth.key, { kind: 'pem', pem: PEM });
  assert.deepEqual(config(jwks).auth.key, { kind: 'jwks', url: 'https://keys.example/jwks.json' });
});

test('there must be a key', () => {
  assert.deepEqual(faults({ JWT_SECRET: '' }), [
    'JWT_SECRET: must be set, or JWT_PUBLIC_KEY_FILE or JWT_JWKS_URL instead: the key that tokens are checked with',
  ]);
});

test('there must be one key only, wherever the others come from', () => {
  const line = (names: string): string[] => [`${names}: only one of them may be set`];
  assert.deepEqual(faults({ ...pem, JWT_SECRET: SECRET }), line('JWT_SECRET, JWT_PUBLIC_KEY_FILE'));
  assert.deepEqual(faults({ ...jwks, JWT_SECRET: SECRET }), line('JWT_SECRET, JWT_JWKS_URL'));
  assert.deepEqual(faults({ ...jwks, ...pem }), line('JWT_PUBLIC_KEY_FILE, JWT_JWKS_URL'));
  assert.deepEqual(
    faults({ ...jwks, ...pem, JWT_SECRET: SECRET }),
    line('JWT_SECRET, JWT_PUBLIC_KEY_FILE, JWT_JWKS_URL'),
  );
  assert.deepEqual(faults({ ...jwks, JWT_SECRET_FILE: file(SECRET) }), line('JWT_SECRET, JWT_JWKS_URL'));
  assert.deepEqual(
    faults(jwks, { 'local.json': { auth: { secret: SECRET } } }),
    line('JWT_SECRET, JWT_JWKS_URL'),
  );
});

test('issuer and audience are required with a public key and a key set, and * says any', () => {
  for (const [env, name] of [
    [pem, 'JWT_PUBLIC_KEY_FILE'],
    [jwks, 'JWT_JWKS_URL'],
  ] as const) {
    assert.deepEqual(faults({ ...env, JWT_ISSUER: '', JWT_AUDIENCE: '' }), [
      `JWT_ISSUER: must be set with ${name}; * accepts any`,
      `JWT_AUDIENCE: must be set with ${name}; * accepts any`,
    ]);
    const { issuer, audience } = config({ ...env, JWT_AUDIENCE: 'push' }).auth;
    assert.deepEqual([issuer, audience], [null, 'push']);
  }
  assert.deepEqual(faults({ JWT_SECRET: SECRET }), []);
});

test('CURSOR_KEY is required in production with a public key and a key set, and nowhere else', () => {
  for (const [env, name] of [
    [pem, 'JWT_PUBLIC_KEY_FILE'],
    [jwks, 'JWT_JWKS_URL'],
  ] as const) {
    assert.deepEqual(faults({ ...env, CURSOR_KEY: '' }), [
      `CURSOR_KEY: must be set in production with ${name}, the same on all pods (openssl rand -hex 32)`,
    ]);
    assert.equal(config({ ...env, CURSOR_KEY: '', NODE_ENV: 'development' }).cursorKeys, null);
  }
  assert.equal(config({}).cursorKeys, null);
});

test('CURSOR_KEY is one long key or two different ones', () => {
  const [one, two] = ['1'.repeat(32), '2'.repeat(32)];
  assert.deepEqual(config({ CURSOR_KEY: one }).cursorKeys, [one]);
  assert.deepEqual(config({ CURSOR_KEY: `${two}, ${one}` }).cursorKeys, [two, one]);
  for (const keys of [
    '1'.repeat(31),
    `${one},short`,
    `${one},${one}`,
    `${one},${two},${'3'.repeat(32)}`,
    `${one},`,
  ]) {
    const [line = '', ...more] = faults({ CURSOR_KEY: keys });
    assert.match(line, /^CURSOR_KEY: must be one key of at least 32 bytes, or two while rotating: /);
    assert.doesNotMatch(line, /111|short/);
    assert.deepEqual(more, []);
  }
});

test('HS algorithms go with a secret only, the others with the other keys only, and never together', () => {
  const line = (env: Record<string, string>, algorithms: string): string =>
    faults({ ...env, JWT_ALGORITHMS: algorithms }).join('\n');
  assert.equal(line({ JWT_SECRET: SECRET }, 'HS256, HS384,HS512'), '');
  assert.match(line({ JWT_SECRET: SECRET }, 'RS256'), /^JWT_ALGORITHMS: RS256 can't be used with a secret/);
  assert.match(
    line({ JWT_SECRET: SECRET }, 'HS256,ES256'),
    /^JWT_ALGORITHMS: ES256 can't be used with a secret/,
  );
  assert.equal(line(pem, 'ES256'), '');
  assert.match(
    line(pem, 'HS256'),
    /^JWT_ALGORITHMS: HS256 can't be used with the key in JWT_PUBLIC_KEY_FILE/,
  );
  assert.match(line(pem, 'ES256,HS256'), /^JWT_ALGORITHMS: HS256 /);
  assert.match(
    line(pem, 'RS256'),
    /^JWT_ALGORITHMS: RS256 can't be used with the key in JWT_PUBLIC_KEY_FILE/,
  );
  assert.equal(line(jwks, 'RS256,ES256'), '');
  assert.match(line(jwks, 'HS256,RS256'), /^JWT_ALGORITHMS: HS256 can't be used with JWT_JWKS_URL/);
});

test('EdDSA is refused with the reason, an unknown algorithm and none with the list', () => {
  assert.match(
    faults({ ...jwks, JWT_ALGORITHMS: 'RS256,EdDSA' }).join('\n'),
    /^JWT_ALGORITHMS: .*, not "RS256,EdDSA": item 2 is EdDSA, which jsonwebtoken cannot verify; sign with ES256 or RS256 instead$/,
  );
  for (const name of ['none', 'None', 'rs256', 'RS257', '']) {
    assert.match(
      faults({ ...jwks, JWT_ALGORITHMS: `RS256,${name}` }).join('\n'),
      /^JWT_ALGORITHMS: must be some of HS256,/,
    );
  }
});

test('a file that holds no public key fit for the purpose is a fault', () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const ed = generateKeyPairSync('ed25519');
  const contents = [
    'no key',
    '',
    text(small.publicKey),
    text(ed.publicKey),
    ec.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    PEM + PEM,
  ];
  for (const content of contents) {
    const [line = '', ...more] = faults({ ...pem, JWT_PUBLIC_KEY_FILE: file(content) });
    assert.match(line, /^JWT_PUBLIC_KEY_FILE/);
    assert.deepEqual(more, []);
  }
  assert.deepEqual(faults({ ...pem, JWT_PUBLIC_KEY_FILE: '/nowhere/key.pem' }), [
    `JWT_PUBLIC_KEY_FILE: must be the path of a file: the file can't be read (ENOENT)`,
  ]);
});

test('a public key in JWT_SECRET is a fault: everybody who has it could sign', () => {
  assert.match(faults({ JWT_SECRET: PEM }).join('\n'), /^JWT_SECRET holds a PEM key/);
});

test('a key set is fetched over https, or from this machine', () => {
  for (const url of [
    'https://k.example',
    'http://localhost:1/x',
    'http://127.0.0.1',
    'http://127.9.9.9:8',
    'http://[::1]:8',
  ]) {
    assert.deepEqual(faults({ ...any, JWT_JWKS_URL: url }), [], url);
  }
  const bad = [
    'http://k.example',
    'http://127.0.0.1.example',
    'http://localhost.example',
    'http://10.0.0.1',
    'ftp://localhost',
    'file:///etc/keys',
    'k.example',
    '/keys',
    'https://',
    'https://k.example/a b',
    'https://user:pass@k.example',
    'http://localhost@k.example',
  ];
  for (const url of bad) {
    const [line = '', ...more] = faults({ ...any, JWT_JWKS_URL: url });
    assert.match(
      line,
      /^JWT_JWKS_URL: must be an https:\/\/ address \(http:\/\/ only on this machine\), not "/,
      url,
    );
    assert.doesNotMatch(line, /pass@/);
    assert.deepEqual(more, []);
  }
});
