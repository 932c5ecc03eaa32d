import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import jwt from 'jsonwebtoken';
import { cleanEnvironment, runScript } from '../support/demo-process.js';
import { TEST_SECRET } from '../support/tokens.js';

test('a token is signed with JWT_SECRET, for the person and the time that were asked for', async () => {
  const { env } = cleanEnvironment();
  const args = ['--user', '9', '--tenant', 'globex', '--topics', 'a.#, b.*', '--seconds', '90'];
  const { code, stdout, stderr } = await runScript('token.mjs', args, { ...env, JWT_SECRET: TEST_SECRET });
  assert.equal(code, 0, stderr);
  const claims = jwt.verify(stdout.trim(), TEST_SECRET, { algorithms: ['HS256'] });
  assert.ok(typeof claims === 'object');
  const { sub, exp = 0, iat = 0 } = claims;
  assert.deepEqual([sub, claims['tenant'], claims['topics'], exp - iat], ['9', 'globex', ['a.#', 'b.*'], 90]);
});

test('the claims go by the settings of the service', async () => {
  const { env } = cleanEnvironment();
  const { stdout } = await runScript('token.mjs', ['--user', '5'], {
    ...env,
    JWT_SECRET: TEST_SECRET,
    JWT_ALGORITHMS: 'HS512',
    JWT_ISSUER: 'https://issuer.example',
    JWT_AUDIENCE: 'push',
    JWT_USER_CLAIM: 'account.id',
  });
  const claims = jwt.verify(stdout.trim(), TEST_SECRET, {
    algorithms: ['HS512'],
    issuer: 'https://issuer.example',
    audience: 'push',
  });
  assert.ok(typeof claims === 'object' && claims['account.id'] === '5');
});

test('without JWT_SECRET one is made up once, kept from others and never printed', async () => {
  const { env, folder } = cleanEnvironment();
  const first = await runScript('token.mjs', [], env);
  const second = await runScript('token.mjs', [], env);
  const file = join(folder, 'jwt-secret');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const secret = readFileSync(file, 'utf8');
  for (const { code, stdout, stderr } of [first, second]) {
    assert.equal(code, 0);
    assert.ok(!`${stdout}${stderr}`.includes(secret));
    jwt.verify(stdout.trim(), secret);
  }
});

test('where the running service has another secret, no useless token is made', async () => {
  const { env, folder } = cleanEnvironment();
  writeFileSync(join(folder, 'dev.json'), JSON.stringify({ ownSecret: false }));
  const { code, stdout, stderr } = await runScript('token.mjs', [], env);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /set the same JWT_SECRET here/);
});

test('a wrong option, a wrong number of seconds and a public key are refused in words', async () => {
  const { env } = cleanEnvironment();
  const unknown = await runScript('token.mjs', ['--usr', '7'], env);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /--usr[\s\S]*Usage: npm run/);
  const never = await runScript('token.mjs', ['--seconds', 'soon'], env);
  assert.equal(never.code, 1);
  assert.match(never.stderr, /--seconds must be a whole number of at least 1, not soon/);
  const foreign = await runScript('token.mjs', [], { ...env, JWT_JWKS_URL: 'https://issuer.example/keys' });
  assert.equal(foreign.code, 1);
  assert.match(foreign.stderr, /JWT_JWKS_URL is set: only its owner can sign tokens/);
});
