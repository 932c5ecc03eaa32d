import type { Authenticate, AuthOutcome } from '../connection/authenticate.js';
import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import { isName, isPattern } from '../router/topic.js';
import { MAX_GRANTS, readIdentity } from './claims.js';
import { decodeToken } from './decode.js';
import { openKeySet } from './jwks.js';
import { hasValidSignature } from './jwt.js';
import { fixedKey, type KeySource } from './key-source.js';
import { pemKey, secretKey } from './keys.js';
import { AuthConfigError, type AuthOptions } from './options.js';

export { AuthConfigError, type AuthOptions, type KeyOptions } from './options.js';

export interface Auth {
  readonly authenticate: Authenticate;
  /** Stops fetching keys. Those known go on working. */
  close(): void;
}

/** The way into this folder. Throws `AuthConfigError` if no token could ever be checked with these options. */
export function openAuth(options: AuthOptions, clock: Clock, logger: Logger): Auth {
  checkRules(options);
  const keys = openKeys(options, clock, logger);

  async function check(text: string): Promise<AuthOutcome> {
    const decoded = decodeToken(text);
    if (decoded.kind === 'refused') return decoded;
    const { algorithm, keyId, claims } = decoded.token;
    if (!keys.algorithms.includes(algorithm)) return { kind: 'refused', fault: 'algorithm' };
    const found = await keys.find(algorithm, keyId);
    if (found.kind === 'refused') return found;
    if (!hasValidSignature(text, found.key, algorithm)) return { kind: 'refused', fault: 'signature' };
    return readIdentity(claims, options, clock.wall());
  }

  return {
    async authenticate(token) {
      try {
        return await check(token);
      } catch (error) {
        // A bug, and still a refusal. Only the error's kind is logged: messages of parsers quote their input.
        logger.error(
          { error: error instanceof Error ? error.name : typeof error },
          'checking a token failed',
        );
        return { kind: 'refused', fault: 'malformed' };
      }
    },
    close: () => keys.close(),
  };
}

function openKeys({ key, algorithms }: AuthOptions, clock: Clock, logger: Logger): KeySource {
  if (key.kind === 'jwks') return openKeySet(key.url, algorithms, clock, logger);
  return fixedKey(key.kind === 'pem' ? pemKey(key.pem, algorithms) : secretKey(key.secret, algorithms));
}

function checkRules(options: AuthOptions): void {
  // NaN would make every comparison with it false: a token that never expires.
  if (!(options.clockToleranceMs >= 0 && Number.isFinite(options.clockToleranceMs))) {
    throw new AuthConfigError(
      `JWT_CLOCK_TOLERANCE_MS: ${options.clockToleranceMs} is not a number of milliseconds`,
    );
  }
  for (const [name, value] of [
    ['JWT_ISSUER', options.issuer],
    ['JWT_AUDIENCE', options.audience],
    ['JWT_USER_CLAIM', options.userClaim],
    ['JWT_TENANT_CLAIM', options.tenantClaim],
    ['JWT_TOPICS_CLAIM', options.topicsClaim],
  ]) {
    if (value === '') throw new AuthConfigError(`${name} is empty`);
  }
  if (options.defaultTenant !== null && !isName(options.defaultTenant)) {
    throw new AuthConfigError(
      `DEFAULT_TENANT: ${JSON.stringify(options.defaultTenant)} is no tenant; 1–255 bytes without white space or control characters`,
    );
  }
  const wrong = options.defaultTopics.find(topic => !isPattern(topic));
  if (wrong !== undefined) {
    throw new AuthConfigError(`DEFAULT_TOPICS: ${JSON.stringify(wrong)} is no topic or topic pattern`);
  }
  if (options.defaultTopics.length > MAX_GRANTS) {
    throw new AuthConfigError(
      `DEFAULT_TOPICS: ${options.defaultTopics.length} topics, at most ${MAX_GRANTS} are possible`,
    );
  }
}
