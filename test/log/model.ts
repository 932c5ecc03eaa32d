import type { Audience, Event } from '../../src/log/event.js';
import { meansTopic } from '../support/topics.js';

/** An event that the log took. */
export interface Told {
  readonly sequence: number;
  readonly event: Event;
  /** Monotonic ms. */
  readonly expiresAt: number;
}

/** Somebody who reads, and what it subscribed to from which position on. */
export interface Person {
  readonly tenant: string;
  readonly user: string;
  readonly since: number;
  readonly subscriptions: Map<string, number>;
}

function isFor({ tenant, user, since, subscriptions }: Person, { sequence, event }: Told): boolean {
  const { audience } = event;
  if (sequence <= since) return false;
  if (audience.kind === 'all') return true;
  if (audience.tenant !== tenant) return false;
  if (audience.kind === 'tenant' || audience.users.includes(user)) return true;
  return [...subscriptions].some(
    ([pattern, from]) => from < sequence && audience.topics.some(topic => meansTopic(pattern, topic)),
  );
}

/** The log as it would be without bounds: a list. */
export class Model {
  readonly told: Told[] = [];

  /** What a reader gets in (from, to] at a time. */
  due(person: Person, from: number, to: number, now: number): Told[] {
    return this.told.filter(
      one => one.sequence > from && one.sequence <= to && one.expiresAt > now && isFor(person, one),
    );
  }

  /** The newest event of that id in the same log. */
  find({ id, audience }: Event): Told | undefined {
    return this.told.findLast(
      ({ event }) => event.id === id && scopeOf(event.audience) === scopeOf(audience),
    );
  }
}

const scopeOf = (audience: Audience): string => (audience.kind === 'all' ? '' : `of ${audience.tenant}`);

/** Equal for events that say the same. */
export const contentOf = ({ type, audience, data }: Event): string =>
  JSON.stringify([
    type,
    Buffer.from(data).toString(),
    audience.kind === 'some' ? { ...audience, users: [...audience.users].sort() } : audience,
  ]);
