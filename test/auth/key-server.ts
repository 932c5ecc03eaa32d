import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { type Auth, type AuthOptions, openAuth } from '../../src/auth/index.js';
import { silentLogger } from '../../src/logger.js';
import { mintToken } from '../support/tokens.js';
import { NOW, optionsOf } from './corpus.js';
import { ec, otherRsa, rsa } from './forge.js';
import { type ManualClock, manualClock } from '../support/clock.js';

/** Keys as a server publishes them, and a token of each. */
export const A = { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'a', alg: 'RS256', use: 'sig' };
export const B = { ...otherRsa.publicKey.export({ format: 'jwk' }), kid: 'b', alg: 'RS256', use: 'sig' };
export const C = { ...ec.publicKey.export({ format: 'jwk' }), kid: 'c' };

export const tokenA = mintToken({ now: NOW, privateKey: rsa.privateKey, algorithm: 'RS256', keyId: 'a' });
export const tokenB = mintToken({
  now: NOW,
  privateKey: otherRsa.privateKey,
  algorithm: 'RS256',
  keyId: 'b',
});
export const tokenC = mintToken({ now: NOW, privateKey: ec.privateKey, algorithm: 'ES256', keyId: 'c' });

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export const serve =
  (...keys: object[]): Handler =>
  (_, response) =>
    void response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
export const answer =
  (status: number, body: string | Buffer, headers: Record<string, string> = {}): Handler =>
  (_, response) =>
    void response.writeHead(status, headers).end(body);

export interface Rig {
  readonly auth: Auth;
  readonly clock: ManualClock;
  /** Log lines, as JSON. */
  readonly lines: string[];
  readonly url: string;
  /** Fetches that arrived. */
  readonly requests: () => number;
  readonly handle: (handler: Handler) => void;
  /** The fault, or `accepted`. */
  readonly fault: (token: string) => Promise<string>;
}

/** A key server, and an openAuth that fetches from it. */
export async function rig(
  t: TestContext,
  handler: Handler,
  options: Partial<AuthOptions> = {},
): Promise<Rig> {
  let current = handler;
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    current(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${portOf(server.address())}/keys`;
  const clock = manualClock(NOW);
  const lines: string[] = [];
  const note = (fields: object, message: string): void =>
    void lines.push(JSON.stringify({ ...fields, message }));
  const logger = { ...silentLogger, info: note, warn: note, error: note };
  const auth = openAuth(
    { ...optionsOf({ name: '', expect: {} }), key: { kind: 'jwks', url }, ...options },
    clock,
    logger,
  );
  t.after(() => {
    auth.close();
    server.closeAllConnections();
    server.close();
  });
  return {
    auth,
    clock,
    lines,
    url,
    requests: () => requests,
    handle: next => {
      current = next;
    },
    fault: async token => {
      const outcome = await auth.authenticate(token);
      return outcome.kind === 'refused' ? outcome.fault : 'accepted';
    },
  };
}

export function portOf(address: string | AddressInfo | null): number {
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}
