import { createHash } from 'node:crypto';
import type { Random } from './random.js';
import type { Audience } from './records.js';

/** Who there is, and what they want: all of it follows from the seed. */
export const TENANTS = ['acme', 'globex', 'initech', 'umbrella'] as const;
const USERS_PER_TENANT = 12;
const ROOMS = 24;

export interface Person {
  readonly c: string;
  readonly tenant: string;
  readonly user: string;
  /** What the token allows. */
  readonly grants: readonly string[];
  readonly subscribe: readonly string[];
}

const room = (n: number): string => `rooms.${n}`;
const note = (n: number): string => `notes.${n % 4}.${n}`;
const secret = (n: number): string => `secret.${n % 3}`;

/** Topics that there are events for. */
export const TOPICS: readonly string[] = [
  ...Array.from({ length: ROOMS }, (_, n) => room(n)),
  ...Array.from({ length: ROOMS }, (_, n) => note(n)),
  ...Array.from({ length: 3 }, (_, n) => secret(n)),
];

/** Subscriptions that clients begin and end: topics, patterns, and what most of them may not have. */
export const WISHES: readonly string[] = [
  ...TOPICS,
  ...Array.from({ length: 4 }, (_, n) => `notes.${n}.*`),
  'notes.1.#',
  'rooms.#',
];

export function person(index: number, random: Random): Person {
  const tenant = random.pick(TENANTS);
  const grants = ['rooms.#', 'notes.#', ...(random.next() < 0.2 ? ['secret.*'] : [])];
  return {
    c: `c${index}`,
    tenant,
    user: `u${random.between(1, USERS_PER_TENANT)}`,
    grants,
    subscribe: random.some(WISHES, random.between(0, 5)),
  };
}

export function audience(random: Random): Audience {
  const tenant = random.pick(TENANTS);
  const users = () =>
    random.some(
      Array.from({ length: USERS_PER_TENANT }, (_, n) => `u${n + 1}`),
      random.between(1, 3),
    );
  const topics = () => random.some(TOPICS, random.between(1, 2));
  const roll = random.next();
  if (roll < 0.06) return { kind: 'all' };
  if (roll < 0.2) return { kind: 'tenant', tenant };
  if (roll < 0.55) return { kind: 'some', tenant, users: users(), topics: [] };
  if (roll < 0.9) return { kind: 'some', tenant, users: [], topics: topics() };
  return { kind: 'some', tenant, users: users(), topics: topics() };
}

/** An audience as publishers write it. */
export function audienceFields(to: Audience): object {
  switch (to.kind) {
    case 'all':
      return { send_to_all: true };
    case 'tenant':
      return { tenant: to.tenant, send_to_tenant: true };
    case 'some':
      return {
        tenant: to.tenant,
        ...(to.users.length > 0 ? { users: to.users } : {}),
        ...(to.topics.length > 0 ? { topics: to.topics } : {}),
      };
  }
}

/** What is compared of an event's content. */
export function contentHash(data: unknown): string {
  return createHash('sha1').update(JSON.stringify(data)).digest('base64url').slice(0, 12);
}
