const BASE_MS = 100;
/** Clients of a pod that waits are without news, and some without a pod, although the broker is back. */
const CAP_MS = 3000;

/**
 * How long to wait before the next try: full jitter, that is anything from 0 to a ceiling that doubles. When a broker
 * comes back, hundreds of pods come back to it, and waits that cluster about one value would be a herd.
 *
 * | failed rounds before | 0   | 1   | 2   | 3   | 4   | 5 and more |
 * |----------------------|-----|-----|-----|-----|-----|------------|
 * | ceiling in s         | 0.1 | 0.2 | 0.4 | 0.8 | 1.6 | 3          |
 *
 * @param random 0 ≤ random < 1
 */
export function backoffMs(failures: number, random: number): number {
  return random * Math.min(CAP_MS, BASE_MS * 2 ** failures);
}
