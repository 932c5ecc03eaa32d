/** A place in the map, and the head of the name. */
const TENANT_BYTES = 80;

const costOf = (tenant: string): number => TENANT_BYTES + tenant.length * 2;

/**
 * What tenants without events had evicted: a client's quiet night must not look like a loss, nor a loss like a quiet
 * night. Bounded, for publishers may name any number of tenants: of those forgotten only the worst is known, which
 * costs resyncs, never events.
 */
export class Emptied {
  readonly #maxBytes: number;
  /** In the order in which they became empty. */
  readonly #tenants = new Map<string, number>();
  #forgottenUpTo = 0;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Memory held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Everything up to here may have been dropped before that tenant's clients got it. */
  evictedUpTo(tenant: string): number {
    return this.#tenants.get(tenant) ?? this.#forgottenUpTo;
  }

  /** The tenant's last event is gone. */
  add(tenant: string, evictedUpTo: number): void {
    // The same as for tenants that never had one: nothing to keep.
    if (evictedUpTo === this.#forgottenUpTo) return;
    this.#tenants.set(tenant, evictedUpTo);
    this.#bytes += costOf(tenant);
    for (const [longest, upTo] of this.#tenants) {
      if (this.#bytes <= this.#maxBytes) return;
      this.remove(longest);
      this.#forgottenUpTo = Math.max(this.#forgottenUpTo, upTo);
    }
  }

  /** The tenant has events again. */
  remove(tenant: string): void {
    if (this.#tenants.delete(tenant)) this.#bytes -= costOf(tenant);
  }
}
