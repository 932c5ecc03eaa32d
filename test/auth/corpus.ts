import type { AuthOptions } from '../../src/auth/index.js';
import type { Identity, TokenFault } from '../../src/connection/authenticate.js';
import { forge, type Signer, signers, rsa, ec } from './forge.js';
import { toPem } from '../support/keys.js';
import { TEST_SECRET } from '../support/tokens.js';

/** The time in the corpus, in ms and in seconds. */
export const NOW = 1_800_000_000_000;
export const NOW_S = NOW / 1000;

export interface TokenCase {
  readonly name: string;
  /** The exact fault, or what the identity must have. */
  readonly expect: TokenFault | Partial<Identity>;
  /** Which server gets the token. */
  readonly server?: keyof typeof servers;
  readonly options?: Partial<AuthOptions>;
  /** Members over `{"alg":"HS256","typ":"JWT"}` (`undefined` removes one), or the whole JSON text. */
  readonly header?: Readonly<Record<string, unknown>> | string;
  /** Claims over the ordinary ones, or the whole payload. */
  readonly claims?: Readonly<Record<string, unknown>> | string | Buffer;
  readonly signer?: Signer;
  /** Last touch, after signing. */
  readonly tamper?: (token: string) => string;
}

const BASE: AuthOptions = {
  key: { kind: 'secret', secret: TEST_SECRET },
  algorithms: [],
  issuer: null,
  audience: null,
  clockToleranceMs: 5000,
  userClaim: 'sub',
  tenantClaim: 'tenant',
  topicsClaim: 'topics',
  defaultTenant: null,
  defaultTopics: [],
};

const servers = {
  secret: BASE,
  rsa: { ...BASE, key: { kind: 'pem', pem: toPem(rsa.publicKey) } },
  ec: { ...BASE, key: { kind: 'pem', pem: toPem(ec.publicKey) } },
} satisfies Record<string, AuthOptions>;

export const CLAIMS = { sub: '7', tenant: 'acme', topics: ['deals.*'], exp: NOW_S + 3600 };

/** Raw payload text with one member spelt exactly so. */
export const withMember = (member: string): string =>
  `{"sub":"7","tenant":"acme","exp":${NOW_S + 3600},${member}}`;
export const withExp = (exp: string): string => `{"sub":"7","tenant":"acme","exp":${exp}}`;

export function optionsOf(test: TokenCase): AuthOptions {
  return { ...servers[test.server ?? 'secret'], ...test.options };
}

export function tokenOf(test: TokenCase): string {
  const {
    header = {},
    claims = {},
    signer = signers[test.server ?? 'secret'],
    tamper = token => token,
  } = test;
  const alg = { secret: 'HS256', rsa: 'RS256', ec: 'ES256' }[test.server ?? 'secret'];
  const headerText = typeof header === 'string' ? header : JSON.stringify({ alg, typ: 'JWT', ...header });
  const isWhole = typeof claims === 'string' || Buffer.isBuffer(claims);
  return tamper(forge(headerText, isWhole ? claims : JSON.stringify({ ...CLAIMS, ...claims }), signer));
}
