import type { AuthOutcome, TokenFault } from '../connection/authenticate.js';
import { isName, isPattern } from '../router/topic.js';
import { type Claims, isObject, own } from './decode.js';
import type { AuthOptions } from './options.js';

/** What is asked of the claims of every token. */
export type ClaimRules = Omit<AuthOptions, 'key' | 'algorithms'>;

/** A session checks each subscription against its grants, so their number is bounded. */
export const MAX_GRANTS = 1000;

/**
 * End of the year 9999, in seconds. It also catches the commonest mistake: `exp` in milliseconds, which would be
 * good for another 50,000 years.
 */
const LATEST_DATE = 253_402_300_799;

/** How far ahead of our clock, beyond the tolerance, a token may say that it was issued. */
const ISSUED_AHEAD_MS = 60_000;

/**
 * Who a token speaks for. Pure; never throws whatever the claims are. Only for claims whose signature is checked.
 *
 * `expiresAt` is the moment from which this same token would be refused, tolerance included: otherwise a token accepted in
 * its last seconds would give a session that ends before it began, and a client that comes back with it for ever.
 */
export function readIdentity(claims: Claims, rules: ClaimRules, now: number): AuthOutcome {
  const expiry = readExpiry(claims, rules, now);
  if (typeof expiry === 'string') return refused(expiry);
  const fault = timeFault(claims, rules, now) ?? partyFault(claims, rules);
  if (fault !== null) return refused(fault);

  const user = readName(lookUp(claims, rules.userClaim));
  if (user === null) return refused('bad_user');

  const tenantClaim = lookUp(claims, rules.tenantClaim);
  // Only a missing claim takes the default. A tenant of null or '' is not missing: it would let a person who has been
  // put out of their tenant into the default one.
  const tenant = tenantClaim === undefined ? rules.defaultTenant : readName(tenantClaim);
  if (tenant === null) return refused(tenantClaim === undefined ? 'no_tenant' : 'bad_tenant');

  const grants = readGrants(lookUp(claims, rules.topicsClaim), rules.defaultTopics);
  if (grants === null) return refused('bad_topics');

  return { kind: 'identity', identity: { user, tenant, grants, expiresAt: expiry } };
}

/** Wall clock ms from which on the token is no longer good. */
function readExpiry(claims: Claims, rules: ClaimRules, now: number): number | TokenFault {
  const exp = own(claims, 'exp');
  if (exp === undefined) return 'no_expiry';
  // Fractions are allowed (RFC 7519 §2, NumericDate) and some issuers send microseconds. `1e400` parses to Infinity.
  if (!isDate(exp)) return 'bad_expiry';
  const expiresAt = Math.floor(exp * 1000) + rules.clockToleranceMs;
  return now < expiresAt ? expiresAt : 'expired';
}

function timeFault(claims: Claims, rules: ClaimRules, now: number): TokenFault | null {
  const notBefore = own(claims, 'nbf');
  if (notBefore !== undefined) {
    if (!isDate(notBefore)) return 'bad_payload';
    if (notBefore * 1000 > now + rules.clockToleranceMs) return 'not_yet_valid';
  }
  const issuedAt = own(claims, 'iat');
  if (issuedAt !== undefined) {
    if (!isDate(issuedAt)) return 'bad_payload';
    // "Everything issued before now is revoked" must not miss tokens from the future.
    if (issuedAt * 1000 > now + rules.clockToleranceMs + ISSUED_AHEAD_MS) return 'not_yet_valid';
  }
  return null;
}

function partyFault(claims: Claims, rules: ClaimRules): TokenFault | null {
  if (rules.issuer !== null && own(claims, 'iss') !== rules.issuer) return 'issuer';
  if (rules.audience !== null) {
    const audience = own(claims, 'aud');
    const meant = Array.isArray(audience) ? audience.includes(rules.audience) : audience === rules.audience;
    if (!meant) return 'audience';
  }
  return null;
}

/** A string as it stands, or a safe integer in decimal: larger ones were rounded while parsing, to somebody else's id. */
function readName(value: unknown): string | null {
  const name = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  return typeof name === 'string' && isName(name) ? name : null;
}

/**
 * One bad pattern refuses the token: left out in silence, it would show up much later, as a subscription that is
 * denied for no visible reason.
 */
function readGrants(value: unknown, defaults: readonly string[]): readonly string[] | null {
  if (value === undefined) return defaults;
  const list: unknown = typeof value === 'string' ? value.split(' ').filter(word => word !== '') : value;
  if (!Array.isArray(list) || list.length > MAX_GRANTS) return null;
  const grants = new Set<string>();
  for (const entry of list) {
    if (typeof entry !== 'string' || !isPattern(entry)) return null;
    grants.add(entry);
  }
  return [...grants];
}

/**
 * The claim of exactly this name (`https://acme.com/tenant` has dots of its own), else the one at this path
 * through nested objects. `undefined`: there is none.
 */
function lookUp(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const step of name.split('.')) {
    if (!isObject(value)) return undefined;
    value = own(value, step);
  }
  return value;
}

function isDate(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= LATEST_DATE;
}

function refused(fault: TokenFault): AuthOutcome {
  return { kind: 'refused', fault };
}
