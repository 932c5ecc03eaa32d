import { fault, line, listOf, milliseconds, orElse, path, secret, textWhere, value } from '../formats.js';
import { isName, isPattern } from '../router/topic.js';
import { type Format, type Given, isComplete, type Slice } from '../setting.js';
import { ALGORITHMS, type Algorithm, keySetAlgorithms, pemKey, secretKey, toAlgorithm } from './keys.js';
import { AuthConfigError, type AuthOptions, type KeyOptions } from './options.js';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

const algorithm: Format<Algorithm> = {
  allowed: `one of ${ALGORITHMS.join(', ')}`,
  parse(raw) {
    const known = toAlgorithm(raw);
    if (known !== undefined) return value(known);
    if (raw === 'EdDSA' || raw === 'Ed25519') {
      return fault('is EdDSA, which jsonwebtoken cannot verify; sign with ES256 or RS256 instead');
    }
    return fault();
  },
};

/** Whoever can change the answer can sign tokens, so it must come over TLS or from this machine. */
const jwksUrl: Format<string> = {
  allowed: 'an https:// address (http:// only on this machine)',
  parse(raw) {
    if (typeof raw !== 'string' || /\s/.test(raw) || !URL.canParse(raw)) return fault();
    const url = new URL(raw);
    if (url.username !== '' || url.password !== '') return fault('it must not hold a password');
    if (url.protocol === 'https:') return value(raw);
    return url.protocol === 'http:' && LOOPBACK.test(url.hostname) ? value(raw) : fault();
  },
};

/** Who may connect; the group `auth` in the configuration files. */
export const authSettings = {
  secret: {
    env: 'JWT_SECRET',
    doc: 'Shared secret of tokens signed with HS256, HS384 or HS512; its bytes are its UTF-8. Exactly one of JWT_SECRET, JWT_PUBLIC_KEY_FILE and JWT_JWKS_URL is needed. `openssl rand -base64 48` makes one.',
    default: null,
    // RFC 8725 §3.5; jsonwebtoken itself takes one byte.
    format: orElse(secret(32), null),
    sensitive: true,
    fromFile: true,
  },
  publicKeyFile: {
    env: 'JWT_PUBLIC_KEY_FILE',
    doc: 'PEM file of the public key (RSA from 2048 bits, EC P-256, P-384, P-521) that tokens are checked with. Read at the start.',
    default: null,
    format: orElse(path, null),
  },
  jwksUrl: {
    env: 'JWT_JWKS_URL',
    doc: "Address of the identity provider's key set, https:// (http:// only on this machine). The choice if keys rotate.",
    default: null,
    format: orElse(jwksUrl, null),
  },
  algorithms: {
    env: 'JWT_ALGORITHMS',
    doc: 'Signature algorithms to accept, comma separated, of one kind with the key. Without it all that the key can do. EdDSA is not supported.',
    default: null,
    format: orElse(listOf(algorithm, `some of ${ALGORITHMS.join(', ')}, comma separated`), []),
  },
  issuer: {
    env: 'JWT_ISSUER',
    doc: 'What `iss` must be; * for any. Required with a public key or a key set: providers sign tokens for others with the same keys.',
    default: null,
    format: orElse(line, null),
  },
  audience: {
    env: 'JWT_AUDIENCE',
    doc: 'What `aud` must be or contain; * for any. Required with a public key or a key set, else a token for another service would open this one.',
    default: null,
    format: orElse(line, null),
  },
  clockToleranceMs: {
    env: 'JWT_CLOCK_TOLERANCE_MS',
    doc: "How far the issuer's clock and this one may differ.",
    default: '5000',
    format: milliseconds(0, 600_000),
  },
  userClaim: {
    env: 'JWT_USER_CLAIM',
    doc: 'The claim that names the user; with dots also a path into nested objects.',
    default: 'sub',
    format: line,
  },
  tenantClaim: {
    env: 'JWT_TENANT_CLAIM',
    doc: 'The claim that names the tenant, e.g. app_metadata.tenant. Must be one that users cannot set themselves.',
    default: 'tenant',
    format: line,
  },
  topicsClaim: {
    env: 'JWT_TOPICS_CLAIM',
    doc: 'The claim with the topics and patterns that the user may subscribe to: an array, or a string separated by spaces.',
    default: 'topics',
    format: line,
  },
  defaultTenant: {
    env: 'DEFAULT_TENANT',
    doc: 'The tenant of tokens without that claim, for applications that have only one. Without it such tokens are refused.',
    default: null,
    format: orElse(textWhere('1 to 255 bytes without blanks or control characters', isName), null),
  },
  defaultTopics: {
    env: 'DEFAULT_TOPICS',
    doc: 'Topics and patterns granted to tokens without the topics claim, comma separated (news.*,deals.#). Without it those get none.',
    default: null,
    format: orElse(
      listOf(
        textWhere('a topic or pattern', isPattern),
        'topics or patterns like news.* and deals.#, comma separated',
      ),
      [],
    ),
  },
} satisfies Slice;

/** What `openAuth` takes. */
export type AuthConfig = AuthOptions;

export function authConfig(given: Given): AuthConfig | undefined {
  const settings = authSettings;
  const key = keyOptions(given);
  const algorithms = given.read(settings.algorithms);
  if (key && algorithms) checkKey(given, key, algorithms);
  const parts = {
    key,
    algorithms,
    issuer: expected(given, settings.issuer, key),
    audience: expected(given, settings.audience, key),
    clockToleranceMs: given.read(settings.clockToleranceMs),
    userClaim: given.read(settings.userClaim),
    tenantClaim: given.read(settings.tenantClaim),
    topicsClaim: given.read(settings.topicsClaim),
    defaultTenant: given.read(settings.defaultTenant),
    defaultTopics: given.read(settings.defaultTopics),
  };
  return isComplete<AuthConfig>(parts) ? parts : undefined;
}

/** The one key. Two would leave open which of them a token must fit, and a forgotten one stays valid. */
function keyOptions(given: Given): KeyOptions | undefined {
  const sources = [authSettings.secret, authSettings.publicKeyFile, authSettings.jwksUrl];
  const names = sources.filter(source => given.isGiven(source)).map(source => source.env);
  if (names.length > 1) {
    given.fault(`${names.join(', ')}: only one of them may be set`);
    return undefined;
  }
  if (names.length === 0) {
    given.fault(
      'JWT_SECRET: must be set, or JWT_PUBLIC_KEY_FILE or JWT_JWKS_URL instead: the key that tokens are checked with',
    );
    return undefined;
  }
  const secretText = given.read(authSettings.secret);
  const url = given.read(authSettings.jwksUrl);
  const pem = given.readFile(authSettings.publicKeyFile);
  if (secretText) return { kind: 'secret', secret: secretText };
  if (url) return { kind: 'jwks', url };
  return pem ? { kind: 'pem', pem } : undefined;
}

function checkKey(given: Given, key: KeyOptions, algorithms: readonly string[]): void {
  try {
    if (key.kind === 'pem') pemKey(key.pem, algorithms);
    else if (key.kind === 'jwks') keySetAlgorithms(algorithms);
    else secretKey(key.secret, algorithms);
  } catch (error) {
    if (!(error instanceof AuthConfigError)) throw error;
    given.fault(error.message);
  }
  if (key.kind === 'secret' && key.secret !== key.secret.trim()) {
    given.warn(
      'JWT_SECRET begins or ends with white space, which is taken as part of it: perhaps a stray newline',
    );
  }
}

/** `null`: any. A secret is shared with one issuer only, so there both may stay open. */
function expected(
  given: Given,
  setting: typeof authSettings.issuer,
  key: KeyOptions | undefined,
): string | null | undefined {
  const text = given.read(setting);
  if (text === null && key && key.kind !== 'secret') {
    given.fault(
      `${setting.env}: must be set with ${key.kind === 'pem' ? 'JWT_PUBLIC_KEY_FILE' : 'JWT_JWKS_URL'}; * accepts any`,
    );
    return undefined;
  }
  return text === '*' ? null : text;
}
