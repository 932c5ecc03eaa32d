/** Patterns remembered at most; beyond, the one looked up longest ago goes. */
const MAX_PATTERNS = 64;
/** Keys remembered at most, over all patterns: 8 B each, and nobody's budget counts them. */
const MAX_KEYS = 100_000;

/**
 * Which topic keys a wildcard pattern matches, remembered until a topic key appears or goes: after an outage thousands
 * of clients come back with the same few patterns, and looking through 100,000 keys takes 12–40 ms each time.
 */
export class PatternCache {
  readonly #found = new Map<string, readonly string[]>();
  #keys = 0;

  has(pattern: string): boolean {
    return this.#found.has(pattern);
  }

  find(pattern: string, resolve: () => readonly string[]): readonly string[] {
    const known = this.#found.get(pattern);
    if (known !== undefined) {
      // Last in the map is looked up last.
      this.#found.delete(pattern);
      this.#found.set(pattern, known);
      return known;
    }
    const keys = resolve();
    this.#found.set(pattern, keys);
    this.#keys += keys.length;
    for (const [oldest, { length }] of this.#found) {
      if (this.#found.size <= MAX_PATTERNS && this.#keys <= MAX_KEYS) break;
      this.#found.delete(oldest);
      this.#keys -= length;
    }
    return keys;
  }

  forget(): void {
    if (this.#found.size === 0) return;
    this.#found.clear();
    this.#keys = 0;
  }
}
