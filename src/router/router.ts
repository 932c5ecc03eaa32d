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

  /** About how many an event to that audience concerns; those who asked for its topics with wildcards aren't counted. */
  breadth(audience: Audience): number {
    if (audience.kind === 'all') {
      let sum = 0;
      for (const { all } of this.#tenants.values()) sum += all.size;
      return sum;
    }
    const tenant = this.#tenants.get(audience.tenant);
    if (tenant === undefined) return 0;
    if (audience.kind === 'tenant') return tenant.all.size;
    let sum = 0;
    for (const user of audience.users) sum += tenant.users.get(user)?.size ?? 0;
    for (const topic of audience.topics) sum += tenant.topics.get(topic)?.size ?? 0;
    return sum;
  }

  /** Calls `visit` for everybody whom an event to that audience may concern, some perhaps more than once. */
  reach(audience: Audience, visit: (subscriber: S) => void): void {
    switch (audience.kind) {
      case 'all':
        for (const tenant of this.#tenants.values()) tenant.all.forEach(visit);
        return;
      case 'tenant':
        this.#tenants.get(audience.tenant)?.all.forEach(visit);
        return;
      case 'some': {
        const tenant = this.#tenants.get(audience.tenant);
        if (tenant === undefined) return;
        for (const user of audience.users) tenant.users.get(user)?.forEach(visit);
        for (const topic of audience.topics) {
          tenant.topics.get(topic)?.forEach(visit);
          tenant.patterns.match(topic, visit);
        }
      }
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
