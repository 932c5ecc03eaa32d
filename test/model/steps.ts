import assert from 'node:assert/strict';
import * as fc from 'fast-check';

/** Look-alikes, names of the prototype, numbers as strings, and the longest there can be. */
const NAMES = [
  'a',
  'A',
  '\u0430',
  '\u00e9',
  'e\u0301',
  '__proto__',
  'constructor',
  '7',
  '07',
  'x'.repeat(255),
];
export const TOPICS = ['a', 'a.b', 'a.b.a', 'b.b', '7', '__proto__', '__proto__.a'];
const PATTERNS = ['a', 'a.b', '7', '__proto__', '#', 'a.*', 'a.#', '*', '*.b', 'a..b'];
const GRANTS: readonly (readonly string[])[] = [
  ['#'],
  ['#'],
  ['a.#', '7'],
  ['a', '*.b'],
  ['*', '__proto__.#'],
  ['a.*'],
  [],
];

/** What differs between cases from the beginning. */
export interface Setting {
  readonly tenants: readonly string[];
  readonly users: readonly string[];
  readonly limits: 'roomy' | 'fewEvents' | 'fewBytes' | 'shortAge';
  /** What each pod reads: a queue of its own, or the one stream. */
  readonly feeds: readonly ['queue' | 'stream', 'queue' | 'stream'];
  /** How far the second pod's clock is ahead. */
  readonly skewMs: number;
  /** How long a tenant's next broadcast waits after it had one. */
  readonly lingerMs: number;
  /** How long each visit of the scheduler takes. */
  readonly lookMs: number;
  /** From how many connections on an event is a broadcast. */
  readonly leastBroadcast: number;
}

/** A number that picks one of what there is, whatever there is. */
type Pick = number;
type Pod = 0 | 1;

/** `any`: whoever had it. */
export type CursorWish =
  | { readonly kind: 'none' | 'garbled' | 'foreign' }
  | { readonly kind: 'any'; readonly of: Pick };

export type Wanted = 'all' | 'tenant' | 'user' | 'topic' | 'both' | 'crowd';

export type Step =
  | {
      readonly kind: 'connect';
      readonly pod: Pod;
      readonly tenant: Pick;
      readonly user: Pick;
      readonly grants: readonly string[];
      readonly subscribe: readonly string[];
      readonly cursor: CursorWish;
      readonly token: 'good' | 'slow' | 'short' | 'bad';
    }
  | { readonly kind: 'resume'; readonly who: Pick; readonly moves: boolean; readonly back: number }
  | {
      readonly kind: 'request';
      readonly who: Pick;
      readonly subscribe: readonly string[];
      readonly unsubscribe: readonly string[];
      readonly ping: boolean;
    }
  | {
      readonly kind: 'refresh';
      readonly who: Pick;
      readonly grants: readonly string[];
      readonly subscribe: readonly string[];
      readonly token: 'good' | 'slow' | 'short' | 'bad' | 'other';
    }
  | {
      readonly kind: 'publish';
      readonly to: Wanted;
      readonly tenant: Pick;
      readonly user: Pick;
      readonly topics: readonly string[];
      readonly ttl: number | null;
      readonly size: number;
      /** An id that was there before, with the same content or not. */
      readonly again: { readonly of: Pick; readonly same: boolean } | null;
      /** Pods to which it comes later: past others, if they read a queue. */
      readonly late: readonly [boolean, boolean];
      /** Offsets of the stream that are left out before it. */
      readonly skips: number;
    }
  | { readonly kind: 'reject'; readonly late: readonly [boolean, boolean] }
  | { readonly kind: 'recreate' }
  | { readonly kind: 'answer' | 'block' | 'release' | 'unblock' | 'cut'; readonly who: Pick }
  | { readonly kind: 'deliver' | 'cover' | 'lose' | 'run' | 'settle'; readonly pod: Pod }
  | { readonly kind: 'attach' | 'blink'; readonly pod: Pod; readonly unbroken: boolean }
  | { readonly kind: 'advance'; readonly ms: number; readonly covers: boolean }
  | { readonly kind: 'drain'; readonly pod: Pod; readonly ms: number };

const pick = fc.nat(99);
/** Mostly the same few, or hardly anybody would be concerned by anything. */
const few = fc.constantFrom(0, 0, 0, 1, 2);
const pod = fc.constantFrom<Pod>(0, 1);
const grants = fc.constantFrom(...GRANTS);
const subscribe = fc.uniqueArray(fc.constantFrom(...PATTERNS), { maxLength: 5 });
const flag = (oneIn: number) => fc.nat(oneIn - 1).map(n => n === oneIn - 1);
const plain = { noNullPrototype: true } as const;
const kind = <K extends string>(...kinds: K[]) => fc.constantFrom(...kinds);

const cursor: fc.Arbitrary<CursorWish> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ kind: 'none' as const }) },
  { weight: 3, arbitrary: pick.map(of => ({ kind: 'any' as const, of })) },
  { weight: 1, arbitrary: kind('garbled', 'foreign').map(kind => ({ kind })) },
);

const connect: fc.Arbitrary<Step> = fc.record(
  {
    kind: fc.constant('connect' as const),
    pod,
    tenant: few,
    user: few,
    grants,
    subscribe,
    cursor,
    token: kind('good', 'good', 'good', 'good', 'good', 'good', 'good', 'slow', 'slow', 'short', 'bad'),
  },
  plain,
);

const late = fc.tuple(flag(12), flag(6));

const publish: fc.Arbitrary<Step> = fc.record(
  {
    kind: fc.constant('publish' as const),
    to: kind<Wanted>('all', 'tenant', 'user', 'user', 'topic', 'topic', 'topic', 'both', 'crowd'),
    tenant: few,
    user: few,
    topics: fc.uniqueArray(fc.constantFrom(...TOPICS), { minLength: 1, maxLength: 3 }),
    ttl: fc.constantFrom(null, null, null, null, 5, 500, 3000),
    size: fc.constantFrom(0, 0, 0, 0, 0, 0, 200, 200, 200, 2000, 2000, 40_000),
    again: fc.oneof(
      { weight: 8, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: fc.record({ of: pick, same: flag(2) }, plain) },
    ),
    late,
    skips: fc.constantFrom(0, 0, 0, 0, 1, 5),
  },
  plain,
);

const steps: readonly [number, fc.Arbitrary<Step>][] = [
  [4, connect],
  [30, publish],
  [3, fc.record({ kind: kind('reject'), late }, plain)],
  [1, fc.record({ kind: kind('recreate') }, plain)],
  [
    10,
    fc.record(
      {
        kind: fc.constant('resume' as const),
        who: pick,
        moves: flag(2),
        back: fc.constantFrom(0, 0, 0, 1, 2, 5),
      },
      plain,
    ),
  ],
  [
    6,
    fc.record(
      {
        kind: fc.constant('request' as const),
        who: pick,
        subscribe,
        unsubscribe: fc.uniqueArray(fc.constantFrom(...PATTERNS), { maxLength: 2 }),
        ping: flag(3),
      },
      plain,
    ),
  ],
  [
    3,
    fc.record(
      {
        kind: fc.constant('refresh' as const),
        who: pick,
        grants,
        subscribe,
        token: kind('good', 'good', 'good', 'slow', 'slow', 'short', 'bad', 'other'),
      },
      plain,
    ),
  ],
  [3, fc.record({ kind: kind('answer'), who: pick }, plain)],
  [
    6,
    fc.record(
      { kind: kind('block', 'block', 'release', 'release', 'unblock', 'unblock', 'cut'), who: pick },
      plain,
    ),
  ],
  [6, fc.record({ kind: kind('deliver', 'cover', 'cover'), pod }, plain)],
  [2, fc.record({ kind: kind('lose'), pod }, plain)],
  [5, fc.record({ kind: kind('attach', 'attach', 'blink'), pod, unbroken: flag(3) }, plain)],
  [6, fc.record({ kind: kind('settle'), pod }, plain)],
  [8, fc.record({ kind: kind('run'), pod }, plain)],
  [
    6,
    fc.record(
      {
        kind: kind('advance'),
        ms: fc.constantFrom(1, 10, 10, 300, 300, 1100, 1100, 2600, 6000),
        covers: flag(2),
      },
      plain,
    ),
  ],
  [1, fc.record({ kind: kind('drain'), pod, ms: fc.constantFrom(0, 500, 3000) }, plain)],
];

const step = fc.oneof(...steps.map(([weight, arbitrary]) => ({ weight, arbitrary })));
const names = fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 2, maxLength: 3 });

/** A case: what it begins with, and what happens. A few connections are there from the start. */
export const story: fc.Arbitrary<{ readonly setting: Setting; readonly steps: readonly Step[] }> = fc
  .record(
    {
      setting: fc.record(
        {
          tenants: names,
          users: names,
          limits: kind('roomy', 'roomy', 'fewEvents', 'fewBytes', 'shortAge'),
          feeds: fc.constantFrom<Setting['feeds']>(
            ['queue', 'queue'],
            ['queue', 'queue'],
            ['stream', 'stream'],
            ['stream', 'stream'],
            ['stream', 'queue'],
          ),
          skewMs: fc.constantFrom(0, 400, -1000, 1000, -3000, 3000),
          lingerMs: fc.constantFrom(0, 25),
          lookMs: fc.constantFrom(0, 0.1, 0.6),
          leastBroadcast: fc.constantFrom(1, 2, 1000),
        },
        plain,
      ),
      before: fc.array(connect, { maxLength: 5, size: 'max' }),
      after: fc.array(step, { maxLength: 80, size: 'max' }),
    },
    plain,
  )
  .map(({ setting, before, after }) => ({ setting, steps: [...before, ...after] }));

/** One of those, by a number. */
export function pickFrom<T>(list: readonly T[], pick: Pick): T {
  const one = list[pick % list.length];
  assert.ok(one !== undefined);
  return one;
}
