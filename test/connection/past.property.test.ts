import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Audience } from '../../src/log/event.js';
import { at, codec } from './stream-rig.js';
import { offsetOf, type PastRig, pastRig } from './past-rig.js';
import { type Client, forTopic, forUser } from './rig.js';

const AUDIENCES: readonly (Audience | null)[] = [
  forUser('7'),
  forUser('7'),
  forUser('8'),
  forUser('7', 'other'),
  forTopic('a'),
  forTopic('b.c'),
  { kind: 'tenant', tenant: 'acme' },
  { kind: 'all' },
  null,
];

type Step =
  | { readonly kind: 'publish'; readonly audiences: readonly number[] }
  | { readonly kind: 'give'; readonly count: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'back'; readonly share: number; readonly subscribe: readonly string[] }
  | { readonly kind: 'block' | 'release' | 'subscribe' | 'ping' | 'cut' | 'drain'; readonly who: number }
  | { readonly kind: 'trim' | 'fail' | 'outage' | 'gap' };

const who = fc.nat(9);
const plain = { noNullPrototype: true } as const;
const step = fc.oneof<{ weight: number; arbitrary: fc.Arbitrary<Step> }[]>(
  {
    weight: 6,
    arbitrary: fc.record(
      {
        kind: fc.constant('publish' as const),
        audiences: fc.array(fc.nat(AUDIENCES.length - 1), { minLength: 1, maxLength: 6 }),
      },
      plain,
    ),
  },
  {
    weight: 8,
    arbitrary: fc.record(
      { kind: fc.constant('give' as const), count: fc.constantFrom(1, 2, 5, 20, 200) },
      plain,
    ),
  },
  {
    weight: 8,
    arbitrary: fc.record(
      { kind: fc.constant('pass' as const), ms: fc.constantFrom(0, 40, 60, 60, 300, 1200, 2500) },
      plain,
    ),
  },
  {
    weight: 5,
    arbitrary: fc.record(
      {
        kind: fc.constant('back' as const),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
        subscribe: fc.subarray(['a', 'b.*']),
      },
      plain,
    ),
  },
  {
    weight: 8,
    arbitrary: fc.record(
      {
        kind: fc.constantFrom('block', 'release', 'release', 'subscribe', 'ping', 'ping', 'cut', 'drain'),
        who,
      },
      plain,
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('trim', 'fail', 'outage', 'gap') }, plain),
  },
);

const story = fc.record({
  before: fc.array(fc.nat(AUDIENCES.length - 1), { minLength: 30, maxLength: 200, size: 'max' }),
  /** From before the pod. */
  unseen: fc.constantFrom(0, 0, 10, 30, 100),
  maxBytes: fc.constantFrom(2 ** 20, 2 ** 20, 150_000, 80_000),
  steps: fc.array(step, { maxLength: 60, size: 'max' }),
});

/** A client, and what may be held against what it was told. */
class Witness {
  readonly client: Client;
  readonly from: number;
  readonly subscribe: readonly string[];
  leaves = false;
  gone = false;
  asked = 0;

  constructor(client: Client, from: number, subscribe: readonly string[]) {
    this.client = client;
    this.from = from;
    this.subscribe = subscribe;
  }

  /** All that it was told is right; with `isAll`, nothing is missing up to the stream's end either. */
  check(published: readonly (Audience | null)[], gaps: readonly number[], isAll: boolean): void {
    let up = -1;
    let last = -1;
    const since = new Map<string, number>();
    /** It has subscribed to `a` at a place that can't be told from outside. */
    let isUncertain = false;
    const isOfA = (offset: number) => {
      const audience = published[offset];
      return audience?.kind === 'some' && audience.topics.includes('a');
    };
    const isOwed = (offset: number): boolean => {
      const audience = published[offset];
      if (!audience) return false;
      if (audience.kind === 'all') return true;
      if (audience.tenant !== 'acme') return false;
      if (audience.kind === 'tenant' || audience.users.includes('7')) return true;
      const topic = audience.topics[0] ?? '';
      return (since.get(topic === 'b.c' ? 'b.*' : topic) ?? Infinity) < offset;
    };
    const passTo = (offset: number) => {
      for (; up < offset; up++) {
        assert.ok(!isOwed(up + 1), `e${up + 1} is missing`);
        assert.ok(!gaps.includes(up + 1) || up < 0, `a gap before ${up + 1} wasn't told`);
      }
    };
    for (const message of this.client.wire.messages) {
      if (message.event === 'connected') {
        up = last = offsetOf(message);
        for (const topic of this.subscribe) since.set(topic, up);
        if (message.resume === 'resumed') assert.equal(up, this.from);
      } else if (message.type === 'event') {
        const offset = Number((message.id ?? '').slice(1));
        assert.ok(offset > last, `${message.id} comes after ${last}`);
        assert.ok(isOwed(offset) || (isUncertain && isOfA(offset)), `${message.id} leaks`);
        assert.equal(offsetOf(message), offset);
        passTo(offset - 1);
        up = last = offset;
      } else if (message.event === 'resync') {
        up = last = Math.max(last, offsetOf(message));
        if (isUncertain) since.set('a', up);
        isUncertain = false;
      } else if (message.cursor !== undefined && codec.open(message.cursor)?.kind === 'pod') {
        // From before a gap that it hasn't come to yet, of which no place is known any more.
        isUncertain ||= message.type === 'reply' && !since.has('a');
      } else if (message.cursor !== undefined) {
        assert.ok(offsetOf(message) >= last, 'a cursor goes back behind what was sent');
        passTo(offsetOf(message));
        if (message.type === 'reply' && !isUncertain)
          since.set('a', Math.min(since.get('a') ?? Infinity, offsetOf(message)));
      }
    }
    if (isAll && up >= 0) passTo(published.length - 1);
  }
}

type Story = typeof story extends fc.Arbitrary<infer T> ? T : never;

async function play(r: PastRig, { before, unseen, steps }: Story): Promise<void> {
  const published: (Audience | null)[] = [];
  const gaps: number[] = [];
  const witnesses: Witness[] = [];
  let lost = false;
  const publish = (kinds: readonly number[]) => {
    for (const kind of kinds) {
      const audience = AUDIENCES[kind] ?? null;
      published.push(audience);
      r.next(audience);
    }
  };
  const some = (who: number): Witness | undefined => {
    const there = witnesses.filter(({ gone }) => !gone);
    return there[who % there.length];
  };
  const arrive = ({ client, gone }: Witness) => {
    if (!gone && client.wire.isWriting) client.wire.release();
  };
  const cut = (witness: Witness) => {
    if (!witness.gone) witness.client.connection.closed();
    witness.gone = true;
  };
  const obey = () => {
    for (const one of witnesses) if (one.client.wire.ending !== null || one.client.wire.terminated) cut(one);
  };
  for (const kind of before.slice(0, unseen)) {
    const audience = AUDIENCES[kind] ?? null;
    published.push(audience);
    r.skip(audience);
  }
  // By one message a pod knows where in the stream it is.
  publish([0, ...before.slice(unseen)]);
  for (const step of steps) {
    switch (step.kind) {
      case 'publish':
        if (!lost) publish(step.audiences);
        break;
      case 'give':
        r.reads.at(-1)?.give(step.count);
        break;
      case 'pass':
        await r.pass(step.ms);
        break;
      case 'back': {
        const from = Math.floor(step.share * (published.length - 1));
        witnesses.push(
          new Witness(await r.back(from, {}, { subscribe: step.subscribe }), from, step.subscribe),
        );
        break;
      }
      case 'trim':
        r.trim(Math.floor(published.length / 2));
        break;
      case 'fail':
        r.reads.at(-1)?.end();
        break;
      case 'outage':
      case 'gap':
        if (lost) r.hub.attached('unbroken', null);
        else {
          r.reads.at(-1)?.end();
          r.hub.lost('test');
        }
        lost = !lost;
        if (!lost && step.kind === 'gap') {
          r.hub.lost('test');
          // Nobody stands there, so that its cursor says that the gap has been told.
          const behind = r.skip();
          r.hub.attached('gap', at(behind));
          gaps.push(behind);
          published.push(null);
        }
        break;
      case 'block':
      case 'release':
      case 'subscribe':
      case 'ping':
      case 'cut':
      case 'drain': {
        const witness = some(step.who);
        if (witness === undefined) break;
        const { client } = witness;
        if (step.kind === 'block') client.wire.takes = false;
        else if (step.kind === 'release') arrive(witness);
        else if (step.kind === 'cut') cut(witness);
        else if (step.kind === 'drain') {
          witness.leaves = true;
          client.connection.drain(0);
        } else if (client.wire.ending === null && ++witness.asked < 50)
          client.send(step.kind === 'ping' ? { ping: true } : { subscribe: ['a'], ref: 1 });
      }
    }
    obey();
  }
  if (lost) r.hub.attached('unbroken', null);
  for (let i = 0; i < 200 && (i < 3 || r.hub.size.pastClients > 0); i++) {
    for (const one of witnesses) {
      one.client.wire.takes = true;
      arrive(one);
    }
    r.reads.at(-1)?.give();
    await r.pass(120);
    obey();
  }
  assert.equal(r.hub.size.pastClients, 0, 'everybody has come to the present');
  for (const one of witnesses) one.check(published, gaps, !one.gone && !one.leaves);
  for (const one of witnesses) cut(one);
  const { routes, ...rest } = r.hub.size;
  assert.deepEqual(new Set(Object.values(rest)), new Set([0]));
  assert.equal(routes.connections, 0);
  for (const read of r.reads.slice(0, -1)) assert.ok(read.stopped || read.ends > 0, 'one at a time');
  r.hub.stop();
}

test('whoever comes back gets exactly what it is owed, each once and in order, or a resync first', async () => {
  await fc.assert(
    fc.asyncProperty(story, async told => {
      const { maxBytes } = told;
      const r = pastRig({
        log: { maxBytes, maxEvents: 10 },
        limits: { pongTimeoutMs: 10_000_000, pingIntervalMs: 5000, clientMessagesPerSecond: 1000 },
      });
      await play(r, told);
    }),
    { numRuns: Number(process.env['WARREN_CASES'] ?? 500), seed: 20_261_122, includeErrorInReport: true },
  );
});
