import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ENDINGS, type EndingName } from '../../src/protocol/endings.js';
import { ERRORS } from '../../src/protocol/errors.js';
import { rsaPair } from '../support/keys.js';
import type { TestClient } from '../support/client.js';
import { mintToken } from '../support/tokens.js';
import { startWarren, type WarrenInProcess } from '../support/warren.js';

/** What each provocation needs to be set, and how it is done; the client is then closed by the server. */
interface Provocation {
  readonly env?: Readonly<Record<string, string>>;
  readonly provoke: (warren: WarrenInProcess) => Promise<TestClient>;
}

const NOWHERE = '127.0.0.1:1';

async function fallOff(client: TestClient, warren: WarrenInProcess): Promise<void> {
  // More than the kernel takes for a client that doesn't read, and then more than the log holds.
  client.stopReading();
  const data = 'x'.repeat(250_000);
  for (let i = 0; i < 60; i++) await warren.publish({ tenant: 'acme', user: '7', data });
  client.resumeReading();
  await client.system('resync');
}

/** One entry per ending: what it is that provokes it over a real socket. */
const PROVOCATIONS: Readonly<Record<EndingName, Provocation>> = {
  goingAway: {
    async provoke(warren) {
      const client = await warren.connect();
      await client.system('hello');
      void warren.stop(1000);
      return client;
    },
  },
  drain: {
    async provoke(warren) {
      const client = await warren.enter();
      void warren.stop(1000);
      return client;
    },
  },
  tooBig: {
    env: { MAX_PAYLOAD_BYTES: '1000' },
    async provoke(warren) {
      const client = await warren.enter();
      client.send({ subscribe: ['x'.repeat(1000)] });
      return client;
    },
  },
  internal: {
    env: {
      JWT_SECRET: '',
      JWT_JWKS_URL: `http://${NOWHERE}/keys`,
      JWT_ISSUER: '*',
      JWT_AUDIENCE: '*',
    },
    async provoke(warren) {
      const token = mintToken({ privateKey: rsaPair().privateKey, algorithm: 'RS256', keyId: 'k' });
      return warren.connect({ token });
    },
  },
  overCapacity: {
    env: { MAX_UNAUTHENTICATED: '1' },
    async provoke(warren) {
      await warren.connect();
      return warren.connect();
    },
  },
  noFeed: {
    env: { FEED: 'queue', AMQP_URL: `amqp://${NOWHERE}`, FEED_RECONNECT_DEADLINE_MS: '-1' },
    provoke: warren => warren.connect({ token: mintToken() }),
  },
  fellOff: {
    env: { HISTORY_MAX_BYTES: '1MiB' },
    async provoke(warren) {
      const client = await warren.enter();
      await fallOff(client, warren);
      await fallOff(client, warren).catch(() => {});
      return client;
    },
  },
  malformed: {
    async provoke(warren) {
      const client = await warren.connect();
      client.send('{');
      return client;
    },
  },
  binary: {
    async provoke(warren) {
      const client = await warren.enter();
      client.send(Buffer.from('{"ping":true}'));
      return client;
    },
  },
  accessDenied: {
    provoke: warren => warren.connect({ token: mintToken({ secret: 'another secret that is long enough' }) }),
  },
  tokenExpired: {
    env: { JWT_CLOCK_TOLERANCE_MS: '0' },
    provoke: warren => warren.enter({ claims: { exp: Date.now() / 1000 + 0.5 } }),
  },
  noTenant: {
    provoke: warren => warren.connect({ token: mintToken({ claims: { tenant: undefined } }) }),
  },
  otherIdentity: {
    async provoke(warren) {
      const client = await warren.enter();
      client.send({ access_token: mintToken({ user: '8' }) });
      return client;
    },
  },
  protocolVersion: {
    async provoke(warren) {
      const client = await warren.connect();
      client.send({ access_token: mintToken(), protocol: 2 });
      return client;
    },
  },
  authTimeout: {
    env: { AUTH_TIMEOUT_MS: '50' },
    provoke: warren => warren.connect(),
  },
  noSignOfLife: {
    env: { PING_INTERVAL_MS: '50', PONG_TIMEOUT_MS: '50' },
    provoke: warren => warren.enter({}, { autoPong: false }),
  },
  rateLimited: {
    env: { CLIENT_MESSAGES_PER_SECOND: '1' },
    async provoke(warren) {
      const client = await warren.enter();
      for (let i = 0; i < 20; i++) client.send({ ping: true });
      return client;
    },
  },
};

/** The error code that goes with an ending, if there is one. */
const LAST_WORDS: Readonly<Partial<Record<EndingName, keyof typeof ERRORS>>> = {
  tooBig: 'too_big',
  internal: 'internal',
  overCapacity: 'over_capacity',
  noFeed: 'over_capacity',
  malformed: 'malformed',
  binary: 'malformed',
  accessDenied: 'access_denied',
  tokenExpired: 'access_denied',
  noTenant: 'forbidden',
  otherIdentity: 'forbidden',
  authTimeout: 'auth_timeout',
  rateLimited: 'rate_limited',
};

const ended = new Set<string>();
const told = new Set<string>();

describe('every ending, provoked over a real socket', () => {
  for (const [name, { env, provoke }] of Object.entries(PROVOCATIONS)) {
    const ending = Object.entries(ENDINGS).find(([key]) => key === name)?.[1];
    it(`${name}: ${ending?.code} ${ending?.reason}`, async () => {
      const warren = await startWarren(env);
      const client = await provoke(warren);
      const { code, reason } = await client.closed;
      assert.deepEqual({ code, reason }, { code: ending?.code, reason: ending?.reason });
      const errors = client.messages
        .filter(({ type }) => type === 'error')
        .map(message => message.code ?? '');
      const expected = Object.entries(LAST_WORDS).find(([key]) => key === name)?.[1];
      assert.equal(errors.at(-1), expected);
      for (const error of errors) told.add(error);
      if (name !== 'goingAway' && name !== 'drain')
        assert.equal(await warren.metric(`warren_connections_closed_total{how="${name}"}`), 1);
      ended.add(name);
      await warren.stop();
    });
  }
});

describe('errors that end nothing', () => {
  let warren: WarrenInProcess;
  before(async () => (warren = await startWarren()));
  after(() => warren.stop());

  it('token_missing', async () => {
    const client = await warren.connect();
    client.send({ subscribe: ['a'] });
    const error = await client.error();
    assert.deepEqual([error.code, error.error], ['token_missing', 'access_token not present']);
    told.add(error.code ?? '');
    client.send({ access_token: mintToken() });
    await client.system('connected');
    await client.close();
  });

  it('unknown_message', async () => {
    const client = await warren.enter();
    client.send({ publish: 'x', ref: 'r' });
    const error = await client.error();
    assert.deepEqual([error.code, error.ref], ['unknown_message', 'r']);
    told.add(error.code ?? '');
    client.send({ ping: true });
    await client.system('ping');
    await client.close();
  });
});

describe('the lists of endings and errors', () => {
  it('are exactly what was provoked above', () => {
    assert.deepEqual([...ended].toSorted(), Object.keys(ENDINGS).toSorted());
    assert.deepEqual([...told].toSorted(), Object.keys(ERRORS).toSorted());
  });
});
