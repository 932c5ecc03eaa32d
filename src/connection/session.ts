import { Entitlement, Grants } from '../router/entitlement.js';
import { isPattern } from '../router/topic.js';
import type { Denial, DenialCode } from '../protocol/messages.js';
import type { Identity } from './authenticate.js';

const WARNING_MS = 60_000;

/** Who a connection speaks for and what it has subscribed to: exists from a good token to the end. */
export class Session {
  readonly id: string;
  readonly entitlement: Entitlement;
  readonly #maxSubscriptions: number;
  #identity: Identity;
  #grants: Grants;
  /** Monotonic ms. */
  expiresAt = 0;
  /** When to say that the token expires soon, monotonic ms; Infinity: said. */
  warnAt = 0;

  constructor(
    id: string,
    identity: Identity,
    since: number,
    maxSubscriptions: number,
    now: { wall: number; monotonic: number },
  ) {
    this.id = id;
    this.entitlement = new Entitlement(identity.tenant, identity.user, since);
    this.#maxSubscriptions = maxSubscriptions;
    this.#identity = identity;
    this.#grants = new Grants(identity.grants);
    this.#expireWith(identity, now);
  }

  get user(): string {
    return this.#identity.user;
  }

  get tenant(): string {
    return this.#identity.tenant;
  }

  isSame(identity: Identity): boolean {
    return identity.user === this.user && identity.tenant === this.tenant;
  }

  /** Takes a token's word from now on. The subscriptions that it no longer grants, which have ended. */
  adopt(identity: Identity, now: { wall: number; monotonic: number }): string[] {
    this.#identity = identity;
    this.#grants = new Grants(identity.grants);
    this.#expireWith(identity, now);
    const lost = [...this.entitlement.subscriptions()].filter(pattern => !this.#grants.allow(pattern));
    for (const pattern of lost) this.entitlement.remove(pattern);
    return lost;
  }

  /**
   * Subscribes to what is valid, granted and within the limit, from `since` on. No more new ones are looked at than
   * there may be subscriptions: checking 16,000 topics of one message against 1,000 grants held up everybody for 10 s.
   */
  subscribe(patterns: readonly string[], since: number): { subscribed: string[]; denied: Denial[] } {
    const subscribed: string[] = [];
    const denied: Denial[] = [];
    let looks = 0;
    for (const topic of patterns) {
      if (this.entitlement.has(topic)) {
        subscribed.push(topic);
        continue;
      }
      const code = looks++ < this.#maxSubscriptions ? this.#denial(topic) : 'limit';
      if (code === null) {
        this.entitlement.add(topic, since);
        subscribed.push(topic);
      } else {
        denied.push({ topic, code });
      }
    }
    return { subscribed, denied };
  }

  #expireWith({ expiresAt }: Identity, now: { wall: number; monotonic: number }): void {
    const left = Math.max(0, expiresAt - now.wall);
    this.expiresAt = now.monotonic + left;
    this.warnAt = this.expiresAt - Math.min(WARNING_MS, left / 2);
  }

  #denial(topic: string): DenialCode | null {
    if (!isPattern(topic)) return 'invalid';
    if (!this.#grants.allow(topic)) return 'not_granted';
    return this.entitlement.count >= this.#maxSubscriptions ? 'limit' : null;
  }
}
