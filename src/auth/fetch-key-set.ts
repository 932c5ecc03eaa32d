import type { Clock } from '../clock.js';

/** Ten times what large providers serve. */
const MAX_BYTES = 256 * 1024;
const TIMEOUT_MS = 5000;

/** `problem` is for the log: what the key server did, never what it sent. */
export type FetchResult =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'failed'; readonly problem: string };

/** Fetches the set's text within limits of time and size. Never rejects. `closing` gives it up. */
export async function fetchKeySet(url: string, clock: Clock, closing: AbortSignal): Promise<FetchResult> {
  const abort = new AbortController();
  let problem: string | null = null;
  const giveUp = (reason: string): void => {
    problem ??= reason;
    abort.abort();
  };
  const onClosing = (): void => giveUp('closing');
  closing.addEventListener('abort', onClosing, { once: true });
  // Covers the body as well: a server that sends a byte a second must not hold the only fetch for ever.
  const cancelTimeout = clock.after(TIMEOUT_MS, () => giveUp(`no complete answer within ${TIMEOUT_MS} ms`));
  try {
    if (closing.aborted) return { kind: 'failed', problem: 'closing' };
    const response = await fetch(url, {
      // Followed, a redirect would let whoever controls one path of that host name the keys' source.
      redirect: 'manual',
      headers: { accept: 'application/jwk-set+json, application/json' },
      signal: abort.signal,
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      const hint = response.status >= 300 && response.status < 400 ? '; redirects are not followed' : '';
      return { kind: 'failed', problem: `status ${response.status}${hint}` };
    }
    const text = await readLimited(response);
    return text === null
      ? { kind: 'failed', problem: `more than ${MAX_BYTES} bytes` }
      : { kind: 'text', text };
  } catch (error) {
    return { kind: 'failed', problem: problem ?? describe(error) };
  } finally {
    cancelTimeout();
    closing.removeEventListener('abort', onClosing);
  }
}

/** Counts what arrives, unpacked: neither `content-length` nor a small gzip says how much that will be. */
async function readLimited(response: Response): Promise<string | null> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    // Leaving the loop cancels the body.
    if (size > MAX_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** fetch says "fetch failed" and hides the code (`ECONNREFUSED`, …) one or two causes down. */
function describe(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code;
  }
  return 'no HTTP answer';
}
