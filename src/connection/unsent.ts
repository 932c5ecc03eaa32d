/** Somebody whose bytes wait in this process because its peer or the network doesn't take them. */
export interface Sheddable {
  /** Ends it at once: its bytes are needed. */
  shed(): void;
}

const TIGHT_SHARE = 0.5;

/**
 * What waits unsent in this process, over all connections. Above half of the limit visits get smaller; above the
 * limit those go first that have been blocked for longest.
 */
export class UnsentBudget {
  readonly #limit: number;
  /** In the order in which they were blocked. */
  readonly #blocked = new Map<Sheddable, number>();
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isTight(): boolean {
    return this.#bytes > this.#limit * TIGHT_SHARE;
  }

  /** So many bytes of this one wait from now on. */
  hold(one: Sheddable, bytes: number): void {
    this.free(one);
    if (bytes === 0) return;
    this.#blocked.set(one, bytes);
    this.#bytes += bytes;
    for (const [longest] of this.#blocked) {
      if (this.#bytes <= this.#limit) return;
      this.free(longest);
      longest.shed();
    }
  }

  free(one: Sheddable): void {
    this.#bytes -= this.#blocked.get(one) ?? 0;
    this.#blocked.delete(one);
  }
}
