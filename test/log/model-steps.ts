import * as fc from 'fast-check';
import type { Audience, Event } from '../../src/log/event.js';
import { toAll, toTenant } from '../support/events.js';

const NAMES = ['a', '__proto__', 'constructor', '7', '07', 'é', 'e\u0301', 'x'.repeat(255)];
const CROWD = Array.from({ length: 40 }, (_, i) => `crowd-${i}`);
const TOPICS = ['a', 'a.b', 'a.b.c', 'b.b', '7', '__proto__', 'constructor.x', ...CROWD.slice(0, 2)];
const PATTERNS = [
  'a',
  'a.b',
  '7',
  '__proto__',
  'crowd-1',
  '#',
  '*',
  'a.*',
  'a.#',
  '*.b',
  '*.#',
  'constructor.*',
];

/** What may happen to a log and its readers. */
export type Step =
  | { readonly kind: 'append'; readonly event: Event; readonly ttl: number | null }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'epoch' }
  | { readonly kind: 'join'; readonly tenant: string; readonly user: string }
  | { readonly kind: 'subscribe' | 'unsubscribe'; readonly who: number; readonly pattern: string }
  | {
      readonly kind: 'read';
      readonly who: number;
      readonly bytes: number;
      readonly looks: number;
      readonly to: number;
    };

const name = fc.constantFrom(...NAMES);
const who = fc.nat(20);
/** More than 32 names make an event wide. */
function listed(
  tenant: string,
  users: string[],
  topics: string[],
  wide: 'no' | 'users' | 'topics',
): Audience {
  if (users.length + topics.length === 0) return toTenant(tenant);
  return {
    kind: 'some',
    tenant,
    users: wide === 'users' ? users.concat(CROWD) : users,
    topics: wide === 'topics' ? [...new Set(topics.concat(CROWD))] : topics,
  };
}

const audience: fc.Arbitrary<Audience> = fc.oneof(
  { weight: 1, arbitrary: fc.constant(toAll) },
  { weight: 2, arbitrary: name.map(toTenant) },
  {
    weight: 8,
    arbitrary: fc
      .tuple(
        name,
        fc.uniqueArray(name, { maxLength: 3 }),
        fc.uniqueArray(fc.constantFrom(...TOPICS), { maxLength: 3 }),
        fc.constantFrom('no' as const, 'no' as const, 'users' as const, 'topics' as const),
      )
      .map(([tenant, users, topics, wide]) => listed(tenant, users, topics, wide)),
  },
);
const event: fc.Arbitrary<Event> = fc
  .tuple(
    fc.nat(60),
    audience,
    fc.option(fc.constantFrom('t', 'deal.updated')),
    fc.constantFrom('1', '{"n":12345678901234567890}', `"${'x'.repeat(300)}"`, `"${'x'.repeat(3000)}"`),
  )
  .map(([id, audience, type, data]) => ({
    id: `e${id}`,
    type,
    audience,
    data: Buffer.from(data),
    expiresAt: null,
  }));
export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record(
      { kind: fc.constant('append' as const), event, ttl: fc.option(fc.nat(40), { freq: 3 }) },
      { noNullPrototype: true },
    ),
  },
  { weight: 2, arbitrary: fc.nat(30).map(ms => ({ kind: 'wait' as const, ms })) },
  { weight: 1, arbitrary: fc.constant({ kind: 'epoch' as const }) },
  {
    weight: 2,
    arbitrary: fc.tuple(name, name).map(([tenant, user]) => ({ kind: 'join' as const, tenant, user })),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom('subscribe' as const, 'subscribe' as const, 'unsubscribe' as const), who)
      .chain(([kind, who]) => fc.constantFrom(...PATTERNS).map(pattern => ({ kind, who, pattern }))),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(who, fc.constantFrom(1, 500, 1e6), fc.constantFrom(1, 5, 1000), fc.constantFrom(1, 3, 1e6))
      .map(([who, bytes, looks, to]) => ({ kind: 'read' as const, who, bytes, looks, to })),
  },
);
