import { randomFillSync } from 'node:crypto';

/** Crockford's base 32: in ASCII order, without letters that look like digits. */
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_DIGITS = 10;
const RANDOM_DIGITS = 16;
const LATEST_MS = 2 ** 48 - 1;

/**
 * Makes ids for events published without one: ULIDs, 26 characters, each greater than the one before even within a
 * millisecond or after the wall clock went back. 80 random bits per millisecond keep the pods apart.
 * @param random fills an array with random bytes
 */
export function createEventIds(
  clock: { wall(): number },
  random: (bytes: Uint8Array) => void = bytes => void randomFillSync(bytes),
): () => string {
  const tail = new Uint8Array(RANDOM_DIGITS);
  let time = -1;
  let head = '';

  function begin(ms: number): void {
    time = ms;
    head = '';
    for (let rest = ms; head.length < TIME_DIGITS; rest = Math.floor(rest / 32)) {
      head = DIGITS.charAt(rest % 32) + head;
    }
    random(tail);
    for (let i = 0; i < RANDOM_DIGITS; i++) tail[i] = (tail[i] ?? 0) % 32;
  }

  /** Adds one to the random part; `false` if it was full. */
  function increment(): boolean {
    for (let i = RANDOM_DIGITS - 1; i >= 0; i--) {
      const digit = tail[i] ?? 0;
      if (digit < 31) {
        tail[i] = digit + 1;
        return true;
      }
      tail[i] = 0;
    }
    return false;
  }

  return function newEventId(): string {
    const now = Math.min(Math.max(0, Math.floor(clock.wall())), LATEST_MS);
    if (now > time) begin(now);
    else if (!increment()) begin(time + 1);
    let id = head;
    for (const digit of tail) id += DIGITS.charAt(digit);
    return id;
  };
}
