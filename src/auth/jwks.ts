import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import { fetchKeySet } from './fetch-key-set.js';
import { chooseKey, type KeyChoice, type KeySet, parseKeySet } from './key-set.js';
import { type Algorithm, keySetAlgorithms } from './keys.js';
import { AuthConfigError } from './options.js';
import type { KeyAnswer, KeySource } from './key-source.js';

/** A removed key works no longer than this: rotation needs no restart, and revocation no message. */
export const REFRESH_MS = 600_000;
/** Tokens with unknown `kid`s, whoever sends them, cause no more than one fetch in this time. */
export const MIN_INTERVAL_MS = 30_000;
/** First wait after a failure; doubles up to `MIN_INTERVAL_MS`. A pod often starts together with its key server. */
export const FIRST_RETRY_MS = 1000;
/** A key server that is down says nothing new every 30 s. */
const LOG_INTERVAL_MS = 300_000;

const EMPTY: KeySet = { keys: [], skipped: {} };

/**
 * Keys from a JWKS URL. Loaded at once and then in the background, so that no token waits for a fetch unless its key
 * isn't known. A failed fetch keeps the last good set; the URL is the configured one, never one from a token
 * (`jku`, `x5u`: RFC 8725 §3.10).
 */
export function openKeySet(url: string, names: readonly string[], clock: Clock, logger: Logger): KeySource {
  const algorithms = keySetAlgorithms(names);
  const server = checkUrl(url);
  const closing = new AbortController();

  let set: KeySet = EMPTY;
  let text: string | null = null;
  /** Failures in a row. */
  let failures = 0;
  let loading: Promise<void> | null = null;
  let startedAt = clock.monotonic();
  let loggedAt: number | null = null;
  let cancelRefresh = (): void => {};

  if (server.protocol === 'http:' && !isLoopback(server.hostname)) {
    logger.warn(
      { keyServer: server.host },
      'JWT_JWKS_URL is not https: whoever can change what this network carries can sign tokens',
    );
  }

  /** Starts a fetch, or joins the one under way. */
  function load(): Promise<void> {
    loading ??= run().finally(() => {
      loading = null;
      scheduleNext();
    });
    return loading;
  }

  function scheduleNext(): void {
    if (closing.signal.aborted) return;
    const wait =
      failures === 0 ? REFRESH_MS : Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), MIN_INTERVAL_MS);
    cancelRefresh = clock.after(wait, () => void load());
  }

  async function run(): Promise<void> {
    cancelRefresh();
    startedAt = clock.monotonic();
    const result = await fetchKeySet(url, clock, closing.signal);
    if (closing.signal.aborted) return;
    const problem = result.kind === 'failed' ? result.problem : accept(result.text);
    if (problem === null) succeeded();
    else failed(problem);
  }

  /** Takes over a new set; the problem, if it is none. */
  function accept(answer: string): string | null {
    if (answer === text) return null;
    const parsed = parseKeySet(answer, algorithms);
    if (parsed === null) return 'no JSON Web Key Set in the answer';
    set = parsed;
    text = answer;
    const fields = { keyServer: server.host, keys: set.keys.length, skipped: set.skipped };
    if (set.keys.length === 0)
      logger.warn(fields, 'the key server has no usable key: no token can be verified');
    else if (set.skipped.private_key !== undefined)
      logger.warn(fields, 'the key server publishes private keys');
    else logger.info(fields, 'verification keys loaded');
    return null;
  }

  function succeeded(): void {
    if (loggedAt !== null) logger.info({ keyServer: server.host, failures }, 'the key server answers again');
    failures = 0;
    loggedAt = null;
  }

  function failed(problem: string): void {
    failures++;
    const now = clock.monotonic();
    if (loggedAt !== null && now - loggedAt < LOG_INTERVAL_MS) return;
    loggedAt = now;
    logger.warn(
      { keyServer: server.host, problem, failures, keys: set.keys.length },
      'verification keys could not be fetched; those known stay in use',
    );
  }

  function answer(choice: KeyChoice): KeyAnswer {
    if (choice.kind === 'key') return { kind: 'key', key: choice.key.key };
    if (choice.kind === 'other_algorithm') return { kind: 'refused', fault: 'algorithm' };
    if (choice.kind === 'ambiguous') return { kind: 'refused', fault: 'unknown_key' };
    // While the server can't be asked, "unknown" would be a guess.
    return { kind: 'refused', fault: text === null || failures > 0 ? 'keys_unavailable' : 'unknown_key' };
  }

  async function find(algorithm: Algorithm, id: string | null): Promise<KeyAnswer> {
    const known = chooseKey(set, algorithm, id);
    if (known.kind !== 'unknown') return answer(known);
    if (loading !== null) await loading;
    else if (clock.monotonic() - startedAt >= MIN_INTERVAL_MS) await load();
    return answer(chooseKey(set, algorithm, id));
  }

  void load();
  return {
    algorithms,
    find,
    close() {
      closing.abort();
      cancelRefresh();
    },
  };
}

function checkUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || (parsed.protocol !== 'https:' && parsed.protocol !== 'http:')) {
    throw new AuthConfigError('JWT_JWKS_URL is not an http(s) URL');
  }
  // fetch refuses these for each request, and the URL would end up in logs.
  if (parsed.username !== '' || parsed.password !== '') {
    throw new AuthConfigError('JWT_JWKS_URL must not contain a user name or password; key sets are public');
  }
  return parsed;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname);
}
