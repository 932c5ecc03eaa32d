import { createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import jwt from 'jsonwebtoken';
import { devSecret } from './dev-state.mjs';

/**
 * @typedef {object} TokenWishes
 * @property {string} user
 * @property {string} tenant
 * @property {readonly string[]} topics topics and patterns that the user may subscribe to
 * @property {number} seconds how long it is valid
 */

/** @typedef {{ kind: 'secret', secret: string, own: boolean } | { kind: 'none', why: string }} SigningKey */

/**
 * What tokens are signed with here: JWT_SECRET or the file that it names, else the secret of this checkout. With a public
 * key or a key set only the identity provider can sign.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {SigningKey}
 */
export function signingKey(env) {
  for (const name of ['JWT_PUBLIC_KEY_FILE', 'JWT_JWKS_URL']) {
    if (env[name]) return { kind: 'none', why: `${name} is set: only its owner can sign tokens.` };
  }
  const file = env['JWT_SECRET_FILE'];
  if (env['JWT_SECRET']) return { kind: 'secret', secret: env['JWT_SECRET'], own: false };
  if (file) return { kind: 'secret', secret: readFileSync(file, 'utf8').replace(/\r?\n$/, ''), own: false };
  return { kind: 'secret', secret: devSecret(), own: true };
}

/**
 * A token as a backend would sign it, with the claims that the settings ask for.
 *
 * @param {string} secret
 * @param {TokenWishes} wishes
 * @param {NodeJS.ProcessEnv} env
 * @returns {string}
 */
export function mintToken(secret, wishes, env) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    [env['JWT_TOPICS_CLAIM'] || 'topics']: wishes.topics,
    [env['JWT_TENANT_CLAIM'] || 'tenant']: wishes.tenant,
    [env['JWT_USER_CLAIM'] || 'sub']: wishes.user,
    ...one('iss', env['JWT_ISSUER']),
    ...one('aud', env['JWT_AUDIENCE']),
    iat: now,
    exp: now + wishes.seconds,
  };
  return jwt.sign(claims, createSecretKey(Buffer.from(secret)), { algorithm: algorithmOf(env) });
}

/**
 * @param {string} claim
 * @param {string | undefined} text
 */
function one(claim, text) {
  return text && text !== '*' ? { [claim]: text } : {};
}

/** @param {NodeJS.ProcessEnv} env */
function algorithmOf(env) {
  const wanted = env['JWT_ALGORITHMS']?.split(',')[0]?.trim();
  return wanted === 'HS384' || wanted === 'HS512' ? wanted : 'HS256';
}
