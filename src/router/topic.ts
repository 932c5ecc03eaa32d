/**
 * The topic grammar. A topic is 1–10 segments joined by `.`, each of `A-Z a-z 0-9 _ - : @ /`, at most 255 bytes.
 * In a pattern `*` stands for exactly one segment and a last `#` for zero or more.
 */

const SEGMENT = '[A-Za-z0-9_:@/-]+';
const TOPIC = new RegExp(`^${SEGMENT}(?:\\.${SEGMENT}){0,9}$`);
const PATTERN = new RegExp(`^(?:(?:\\*|${SEGMENT})(?:\\.(?:\\*|${SEGMENT})){0,9}(?:\\.#)?|#)$`);
const MAX_LENGTH = 255;
const MAX_SEGMENTS = 10;

/** Whether an event can carry this topic. All allowed characters are one byte, so length is bytes. */
export function isTopic(text: string): boolean {
  return text.length <= MAX_LENGTH && TOPIC.test(text);
}

/** Whether this can be subscribed to or granted: a topic or a pattern. */
export function isPattern(text: string): boolean {
  if (text.length > MAX_LENGTH || !PATTERN.test(text)) return false;
  // The expression allows a last `#` as an eleventh.
  return !text.endsWith('#') || text.split('.').length <= MAX_SEGMENTS;
}

/** Whether a pattern has wildcards; without, it is a topic and can be looked up instead of matched. */
export function isWildcard(pattern: string): boolean {
  return pattern.includes('*') || pattern.endsWith('#');
}

/** Whether an event on `topic` is for a subscription to `pattern`. Both valid. */
export function matches(pattern: string, topic: string): boolean {
  const wanted = pattern.split('.');
  const given = topic.split('.');
  for (let i = 0; i < wanted.length; i++) {
    const segment = wanted[i];
    if (segment === '#') return true;
    if (i >= given.length) return false;
    if (segment !== '*' && segment !== given[i]) return false;
  }
  return wanted.length === given.length;
}

/**
 * Whether a grant allows a subscription: every topic that `pattern` can match, `grant` matches too. Not the routing
 * matcher: that would let `*` match the segment `#`, and a grant of `orders.*` open `orders.#`.
 */
export function covers(grant: string, pattern: string): boolean {
  return coversSegments(grant.split('.'), pattern.split('.'));
}

/** The same for what has been split at its dots already. */
export function coversSegments(grant: readonly string[], pattern: readonly string[]): boolean {
  for (let i = 0; i < grant.length; i++) {
    const segment = grant[i];
    if (segment === '#') return true;
    const wanted = pattern[i];
    if (wanted === undefined || wanted === '#') return false;
    if (segment !== '*' && segment !== wanted) return false;
  }
  return grant.length === pattern.length;
}

const FORBIDDEN_IN_NAME = /[\s\p{Cc}]/u;
const MAX_NAME_BYTES = 255;

/**
 * Whether this can name a user or a tenant: 1–255 bytes of UTF-8 without white space or control characters. Names
 * are compared by bytes: nothing is normalized, so NFC and NFD spellings are two names.
 */
export function isName(text: string): boolean {
  return (
    text.length > 0 &&
    text.length <= MAX_NAME_BYTES &&
    !FORBIDDEN_IN_NAME.test(text) &&
    text.isWellFormed() &&
    Buffer.byteLength(text) <= MAX_NAME_BYTES
  );
}
