import type { Audience } from '../log/event.js';
import { PatternTree } from './pattern-tree.js';
import { isWildcard } from './topic.js';

/** Somebody to be told that there may be something new. */
export interface Subscriber {
  readonly tenant: string;
  readonly user: string;
}

class Tenant<S> {
  readonly all = new Set<S>();
  readonly users = new Map<string, Set<S>>();
  readonly topics = new Map<string, Set<S>>();
  readonly patterns = new PatternTree<S>();
}

/**
 * Audience → the connections that it concerns, live. It only says who has to look at the log; whether an entry is
 * for them is decided there, by their entitlement. First by tenant: no lookup crosses from one to another.
 */
export class Router<S extends Subscriber> {
  readonly #tenants = new Map<string, Tenant<S>>();

  get size(): { tenants: number; connections: number; users: number; topics: number } {
    let connections = 0;
    let users = 0;
    let topics = 0;
    for (const tenant of this.#tenants.values()) {
      connections += tenant.all.size;
      users += tenant.users.size;
      topics += tenant.topics.size;
    }
    return { tenants: this.#tenants.size, connections, users, topics };
  }

  add(subscriber: S): void {
    let tenant = this.#tenants.get(subscriber.tenant);
    if (tenant === undefined) {
      tenant = new Tenant();
      this.#tenants.set(subscriber.tenant, tenant);
    }
    tenant.all.add(subscriber);
    addTo(tenant.users, subscriber.user, subscriber);
  }

  /** Forgets a subscriber and everything under its name. */
  remove(subscriber: S, subscriptions: Iterable<string>): void {
    for (const pattern of subscriptions) this.unsubscribe(subscriber, pattern);
    const tenant = this.#tenants.get(subscriber.tenant);
    if (tenant === undefined) return;
    tenant.all.delete(subscriber);
    removeFrom(tenant.users, subscriber.user, subscriber);
    if (tenant.all.size === 0) this.#tenants.delete(subscriber.tenant);
  }

  subscribe(subscriber: S, pattern: string): void {
    const tenant = this.#tenants.get(subscriber.tenant);
    if (isWildcard(pattern)) tenant?.patterns.add(pattern, subscriber);
    else if (tenant !== undefined) addTo(tenant.topics, pattern, subscriber);
  }

  unsubscribe(subscriber: S, pattern: string): void {
    const tenant = this.#tenants.get(subscriber.tenant);
    if (isWildcard(pattern)) tenant?.patterns.remove(pattern, subscriber);
    else if (tenant !== undefined) removeFrom(tenant.topics, pattern, subscriber);
  }

  /**
   * Calls `visit` with sets of all whom an event to that audience may concern, some perhaps in several. A set stays the
   * same one, and up to date, for as long as it has members.
   */
  reach(audience: Audience, visit: (subscribers: ReadonlySet<S>) => void): void {
    if (audience.kind === 'all') {
      for (const { all } of this.#tenants.values()) visit(all);
      return;
    }
    const tenant = this.#tenants.get(audience.tenant);
    if (tenant === undefined) return;
    if (audience.kind === 'tenant') {
      visit(tenant.all);
      return;
    }
    const visitIfAny = (subscribers: ReadonlySet<S> | undefined) => {
      if (subscribers !== undefined) visit(subscribers);
    };
    for (const user of audience.users) visitIfAny(tenant.users.get(user));
    for (const topic of audience.topics) {
      visitIfAny(tenant.topics.get(topic));
      tenant.patterns.match(topic, visit);
    }
  }
}

function addTo<S>(map: Map<string, Set<S>>, key: string, member: S): void {
  const members = map.get(key);
  if (members === undefined) map.set(key, new Set([member]));
  else members.add(member);
}

function removeFrom<S>(map: Map<string, Set<S>>, key: string, member: S): void {
  const members = map.get(key);
  members?.delete(member);
  if (members?.size === 0) map.delete(key);
}
