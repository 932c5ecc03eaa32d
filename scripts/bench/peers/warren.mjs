import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import jwt from 'jsonwebtoken';
import { SECRET } from '../../lib/load/secret.mjs';
import { startServer } from '../../lib/load/server.mjs';
import { mintToken } from '../../lib/mint.mjs';
import { ROOT } from '../../lib/setup.mjs';

const TOKEN_SECONDS = 36_000;

/** Signing costs a millisecond, of the core that the load shares: each once, for all runs. @type {Map<string, string>} */
const signed = new Map();
/** @type {import('node:crypto').KeyPairKeyObjectResult | null} */
let pair = null;

/** Everything on: tokens, log, metrics, pings. @type {import('./peer.mjs').Peer} */
export const warren = {
  name: 'warren',
  missing: () => Promise.resolve(null),
  install: () => Promise.resolve(),
  version: () =>
    Promise.resolve(String(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version)),
  async start({ amqpUrl, settings = {}, tokens = 'HS256', nodeArgs = [] }) {
    const key = tokens === 'RS256' ? publicKeySettings() : { settings: {}, remove: () => {} };
    try {
      const server = await startServer({ amqpUrl, settings: { ...key.settings, ...settings }, nodeArgs });
      return {
        name: 'warren',
        pid: server.pid,
        port: server.port,
        publishUrl: amqpUrl,
        cpu: server.cpu,
        rss: server.rss,
        client: ({ tenant, user, topic, cursor = null }) => ({
          path: '/ws',
          steps: [
            {
              send: JSON.stringify({
                access_token: tokens === 'RS256' ? signedToken(tenant, user) : secretToken(tenant, user),
                ...(topic === null ? {} : { subscribe: [topic] }),
                ...(cursor === null ? {} : { cursor }),
              }),
            },
            { expect: '"event":"connected"' },
          ],
        }),
        stop: server.stop,
      };
    } finally {
      key.remove();
    }
  },
};

/** @param {string} tenant @param {string} user */
function secretToken(tenant, user) {
  return mintToken(SECRET, { user, tenant, topics: ['#'], seconds: TOKEN_SECONDS }, {});
}

/** @param {string} tenant @param {string} user */
function signedToken(tenant, user) {
  const name = `${tenant}/${user}`;
  const known = signed.get(name);
  if (known !== undefined) return known;
  const claims = { sub: user, tenant, topics: ['#'], exp: Math.floor(Date.now() / 1000) + TOKEN_SECONDS };
  const token = jwt.sign(claims, keys().privateKey, { algorithm: 'RS256' });
  signed.set(name, token);
  return token;
}

function keys() {
  pair ??= generateKeyPairSync('rsa', { modulusLength: 2048 });
  return pair;
}

/** The key is read at the start; its file isn't needed afterwards. */
function publicKeySettings() {
  const folder = mkdtempSync(join(tmpdir(), 'warren-bench-key-'));
  const file = join(folder, 'public.pem');
  writeFileSync(file, keys().publicKey.export({ type: 'spki', format: 'pem' }));
  return {
    settings: {
      JWT_SECRET: '',
      JWT_PUBLIC_KEY_FILE: file,
      JWT_ISSUER: '*',
      JWT_AUDIENCE: '*',
      CURSOR_KEY: randomBytes(32).toString('hex'),
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
