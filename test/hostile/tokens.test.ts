import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { AuthOptions } from '../../src/auth/index.js';
import { TOKEN_FAULTS, type TokenFault } from '../../src/connection/authenticate.js';
import { CLAIMS, NOW_S, optionsOf, type TokenCase, tokenOf } from '../auth/corpus.js';
import { ACCEPTED } from '../auth/corpus-accepted.js';
import { REFUSED } from '../auth/corpus-refused.js';
import { startWarren, type WarrenInProcess } from '../support/warren.js';
import { Bystanders } from './bystanders.js';
import { closeCodeOf } from './fence.js';

/** Every token of the corpus again, over a real WebSocket, at a server with the settings that its row asks for. */
const ROWS = [...REFUSED, ...ACCEPTED];
const folder = mkdtempSync(join(tmpdir(), 'warren-hostile-'));
const warrens = new Map<string, Promise<WarrenInProcess>>();
const sent: string[] = [];

let bystanders: Bystanders;
before(async () => {
  bystanders = await Bystanders.gather(await warrenOf(optionsOf({ name: '', expect: {} })));
});
after(async () => {
  for (const warren of warrens.values()) await (await warren).stop();
  rmSync(folder, { recursive: true });
});

function warrenOf(options: AuthOptions): Promise<WarrenInProcess> {
  const key = JSON.stringify(options);
  const known = warrens.get(key) ?? startWarren(envOf(options, warrens.size));
  warrens.set(key, known);
  return known;
}

function envOf(options: AuthOptions, serial: number): Record<string, string> {
  const { key } = options;
  // The longest token of the corpus is longer than a message may be by default.
  const env: Record<string, string> = {
    MAX_PAYLOAD_BYTES: '262144',
    PING_INTERVAL_MS: '86400000',
    JWT_ALGORITHMS: options.algorithms.join(','),
    JWT_CLOCK_TOLERANCE_MS: `${options.clockToleranceMs}`,
    JWT_USER_CLAIM: options.userClaim,
    JWT_TENANT_CLAIM: options.tenantClaim,
    JWT_TOPICS_CLAIM: options.topicsClaim,
    JWT_ISSUER: options.issuer ?? '*',
    JWT_AUDIENCE: options.audience ?? '*',
    DEFAULT_TENANT: options.defaultTenant ?? '',
    DEFAULT_TOPICS: options.defaultTopics.join(','),
    JWT_SECRET: '',
  };
  if (key.kind === 'secret') env['JWT_SECRET'] = key.secret;
  if (key.kind === 'pem') {
    env['JWT_PUBLIC_KEY_FILE'] = join(folder, `${serial}.pem`);
    env['CURSOR_KEY'] = 'a-cursor-key-of-at-least-32-bytes';
    writeFileSync(env['JWT_PUBLIC_KEY_FILE'], key.pem);
  }
  return Object.fromEntries(
    Object.entries(env).filter(([name, value]) => value !== '' || name === 'JWT_SECRET'),
  );
}

/**
 * The corpus has its own time: its seconds are moved to now, rounded so that what lies in the future, or the past,
 * still does when the token arrives.
 */
function tokenNow(test: TokenCase): string {
  const { claims = {} } = test;
  if (Buffer.isBuffer(claims)) return tokenOf(test);
  const text = typeof claims === 'string' ? claims : JSON.stringify({ ...CLAIMS, ...claims });
  const isAccepted = typeof test.expect !== 'string';
  const seconds = Date.now() / 1000;
  const moved = text.replace(
    /"(exp|nbf|iat)":(1800\d{6}|1799\d{6})(?!\d)/g,
    (_, claim: string, number: string) => {
      const now = (claim === 'exp') === isAccepted ? Math.ceil(seconds) : Math.floor(seconds);
      return `"${claim}":${Number(number) - NOW_S + now}`;
    },
  );
  return tokenOf({ ...test, claims: moved });
}

interface Verdict {
  readonly error: string;
  readonly code?: number;
}

function verdictOn(fault: TokenFault, token: string): Verdict {
  // To a server an empty token is none at all: the client may try again.
  if (token === '') return { error: 'token_missing' };
  return fault === 'no_tenant' ? { error: 'forbidden', code: 4403 } : { error: 'access_denied', code: 4401 };
}

async function run(test: TokenCase): Promise<void> {
  const warren = await warrenOf(optionsOf(test));
  const token = tokenNow(test);
  const wanted = typeof test.expect === 'string' ? null : (test.expect.grants ?? []);
  if (token !== '') sent.push(token);
  const client = await warren.connect({ token, subscribe: [...(wanted ?? []), 'never.granted'] });
  try {
    const { code: error, user, tenant, subscribed } = await client.next(({ event }) => event !== 'hello');
    if (typeof test.expect === 'string') {
      const code = await closeCodeOf(client);
      assert.deepEqual(
        { error, code, user },
        { code: null, ...verdictOn(test.expect, token), user: undefined },
      );
      return;
    }
    const { user: wantedUser = user, tenant: wantedTenant = tenant } = test.expect;
    assert.deepEqual(
      { error, user, tenant, subscribed },
      { error: undefined, user: wantedUser, tenant: wantedTenant, subscribed: wanted },
    );
    assert.ok(user !== undefined && tenant !== undefined);
  } finally {
    await client.cut();
  }
}

describe('tokens of hostile clients', { concurrency: 16 }, () => {
  for (const test of ROWS) it(test.name, () => bystanders.during(() => run(test)));
});

describe('beside hostile tokens', () => {
  it('nobody else loses an event or is closed, and nothing is left behind', () => bystanders.check(sent));

  it('each refusal has been counted by its fault, on whichever server it was', async () => {
    for (const fault of TOKEN_FAULTS) {
      let counted = 0;
      for (const warren of warrens.values()) {
        counted += await (await warren).metric(`warren_tokens_refused_total{fault="${fault}"}`);
      }
      const rows = REFUSED.filter(test => test.expect === fault && tokenOf(test) !== '');
      assert.equal(counted, rows.length, fault);
    }
  });
});
