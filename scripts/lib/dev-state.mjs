/**
 * What `npm start` leaves for `npm run token` and `npm run publish:event`: where the service is, and the secret that it
 * made up. In .warren/, readable by nobody else; `WARREN_DEV_FOLDER` names another folder.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT } from './setup.mjs';

/**
 * @typedef {object} DevState
 * @property {string} url of the page
 * @property {string} adminUrl
 * @property {'queue' | 'memory'} feed
 * @property {string | null} amqpUrl only where `npm start` chose it: one that was given may hold a password
 * @property {boolean} ownSecret whether tokens are signed with the secret of `devSecret`
 */

/** Where all this lies. */
export function devFolder() {
  return resolve(process.env['WARREN_DEV_FOLDER'] || join(ROOT, '.warren'));
}

/**
 * The secret of this checkout for signing tokens, made at the first call. It stays the same, so that tokens outlive a
 * restart.
 *
 * @returns {string}
 */
export function devSecret() {
  const file = join(devFolder(), 'jwt-secret');
  mkdirSync(devFolder(), { recursive: true });
  try {
    writeFileSync(file, randomBytes(48).toString('base64url'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    // It is there, and may just have been made by another start.
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const secret = readFileSync(file, 'utf8');
  if (secret.length < 32) {
    throw new Error(`${file} holds no secret of at least 32 characters. Delete it, and a new one is made.`);
  }
  return secret;
}

/** @param {DevState} state */
export function writeDevState(state) {
  const file = join(devFolder(), 'dev.json');
  mkdirSync(devFolder(), { recursive: true });
  const written = `${file}.${process.pid}`;
  writeFileSync(written, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  chmodSync(written, 0o600);
  renameSync(written, file);
}

/** @returns {DevState | null} of the last `npm start`; null: there was none */
export function readDevState() {
  const file = join(devFolder(), 'dev.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
}

/**
 * Reads `.env` into the environment; what is set already stays.
 *
 * @returns {string | null} why it could not be read
 */
export function readDotEnv() {
  const file = join(ROOT, '.env');
  if (!existsSync(file)) return null;
  if (typeof process.loadEnvFile !== 'function') {
    return `.env was not read: that needs Node 20.12 or newer, and this is ${process.version}.`;
  }
  process.loadEnvFile(file);
  return null;
}

/**
 * How to be let in at the internal listener.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {Record<string, string>} headers
 */
export function adminHeaders(env) {
  const file = env['ADMIN_TOKEN_FILE'];
  const token = env['ADMIN_TOKEN'] || (file ? readFileSync(file, 'utf8').replace(/\r?\n$/, '') : '');
  return token === '' ? {} : { authorization: `Bearer ${token}` };
}
