import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Audience, Event } from '../../src/log/event.js';
import { aLog, anEvent, moment, toAll, toTenant, toTopics, toUsers } from '../support/events.js';
import { memoryInUse } from '../support/memory.js';

const MB = 2 ** 20;
const BUDGET = 8 * MB;

const list = (length: number, name: (i: number) => string): string[] =>
  Array.from({ length }, (_, i) => name(i));
const text = (length: number): string => `"${'x'.repeat(length)}"`;
const some = (users: string[], topics: string[]): Audience => ({
  kind: 'some',
  tenant: 'acme',
  users,
  topics,
});

/** What publishers might send, and how many events of it are more than enough to fill the budget. */
const SHAPES: Readonly<Record<string, readonly [count: number, event: (i: number) => Event]>> = {
  'one byte to a tenant': [30_000, i => anEvent(`e${i}`, toTenant('acme'))],
  'one byte to everybody': [30_000, i => anEvent(`e${i}`, toAll)],
  'one byte to a tenant with a long name': [30_000, i => anEvent(`e${i}`, toTenant('x'.repeat(255)))],
  'ids of 128 characters': [30_000, i => anEvent(`e${i}`.padEnd(128, 'x'), toTenant('acme'))],
  'one user, always the same': [30_000, i => anEvent(`e${i}`, toUsers('acme', '7'))],
  'a user each': [20_000, i => anEvent(`e${i}`, toUsers('acme', `user-${i}`))],
  'a topic each': [20_000, i => anEvent(`e${i}`, toTopics('acme', `deals.${i}`))],
  '32 users each, all new': [
    2000,
    i =>
      anEvent(
        `e${i}`,
        some(
          list(32, k => `u${i}-${k}`),
          [],
        ),
      ),
  ],
  '33 users each, all new': [
    6000,
    i =>
      anEvent(
        `e${i}`,
        some(
          list(33, k => `u${i}-${k}`),
          [],
        ),
      ),
  ],
  '16 users and 16 topics of 255 bytes': [
    1000,
    i =>
      anEvent(
        `e${i}`,
        some(
          list(16, k => `u${i}-${k}`.padEnd(255, 'x')),
          list(16, k => `t${i}-${k}`.padEnd(255, 'x')),
        ),
      ),
  ],
  '1,000 users of 255 bytes': [
    60,
    i =>
      anEvent(
        `e${i}`,
        some(
          list(1000, k => `u${i}-${k}`.padEnd(255, 'x')),
          [],
        ),
      ),
  ],
  '1,000 users of 85 Chinese characters': [
    150,
    i =>
      anEvent(
        `e${i}`,
        some(
          list(1000, k => `${i}-${k}`.padEnd(85, '日')),
          [],
        ),
      ),
  ],
  '1,000 topics': [
    300,
    i =>
      anEvent(
        `e${i}`,
        some(
          [],
          list(1000, k => `t${i}.${k}`),
        ),
      ),
  ],
  'a tenant each': [20_000, i => anEvent('e', toTenant(`tenant-${i}`))],
  'a tenant with a long name each': [20_000, i => anEvent('e', toTenant(`${i}-`.padEnd(255, 'x')))],
  'a tenant and a topic each': [20_000, i => anEvent('e', toTopics(`tenant-${i}`, 't'))],
  // So that the lists of those who were there before have room left over.
  '32 users of more and more tenants, always the same': [
    8000,
    i =>
      anEvent(`e${i}`, {
        kind: 'some',
        tenant: `t${i % (1 + (i >> 9))}`,
        users: list(32, k => `u${k}`),
        topics: [],
      }),
  ],
  '256 kB of data': [60, i => anEvent(`e${i}`, toTenant('acme'), { data: text(262_000) })],
  '130 kB of data': [120, i => anEvent(`e${i}`, toTenant('acme'), { data: text(133_000) })],
  '20 kB of data in 500 tenants': [
    1000,
    i => anEvent(`e${i}`, toTenant(`t${i % 500}`), { data: text(20_000) }),
  ],
  'much that is small, then little that is huge': [
    22_000,
    i =>
      i < 21_900
        ? anEvent(`e${i}`, toTenant('acme'))
        : anEvent(
            `e${i}`,
            some(
              list(1000, k => `u${i}-${k}`.padEnd(255, 'x')),
              [],
            ),
            { data: text(262_000) },
          ),
  ],
};

const fresh = (event: Event): Event => {
  // Strings of its own for each event, as JSON.parse makes them.
  const copy: { audience: Audience; id: string } = structuredClone({
    audience: event.audience,
    id: event.id,
  });
  return { ...event, ...copy };
};

for (const [name, [count, event]] of Object.entries(SHAPES)) {
  test(`the budget holds for ${name}, and what is claimed is what is used`, () => {
    const log = aLog({ maxBytes: BUDGET, maxEvents: 1_000_000 });
    for (let i = 0; i < 50; i++) aLog().append(fresh(event(i)), moment(i));
    const before = memoryInUse();
    for (let i = 0; i < count; i++) {
      log.append(fresh(event(i)), moment(i));
      const { bytes } = log.size;
      assert.ok(bytes <= BUDGET, `${bytes} after event ${i}`);
    }
    const used = memoryInUse() - before;
    const { bytes, events } = log.size;
    assert.ok(bytes > BUDGET * 0.85, `only ${bytes} are filled`);
    assert.ok(used < bytes * 1.25, `${used} used for ${bytes} claimed by ${events} events`);
  });
}

test('an event larger than the whole budget does not stay, and whoever was owed it is told', () => {
  const log = aLog({ maxBytes: 10_000 });
  log.append(anEvent('e1', toTenant('acme')), moment(1));
  log.append(anEvent('e2', toTenant('acme'), { data: text(20_000) }), moment(1));
  assert.equal(log.size.events, 0);
  assert.equal(log.evictedUpTo('acme'), 3);
  assert.equal(log.evictedUpTo('other'), 0);
});

test('no number of tenants that come and go makes the log grow', () => {
  const log = aLog({ maxBytes: MB, maxAgeMs: 10 });
  for (let i = 0; i < 50_000; i++) {
    log.append(anEvent('e', toTenant(`tenant-${i}`)), moment(i));
    assert.ok(log.size.bytes <= MB);
  }
  assert.ok(log.size.tenants <= 10);
  log.tick(moment(60_000));
  assert.equal(log.size.tenants, 0);
  assert.ok(log.size.bytes <= MB / 16, `${log.size.bytes} for no events at all`);
});

test('whatever was held is let go with the last event', () => {
  for (const [name, [, event]] of Object.entries(SHAPES)) {
    const log = aLog({ maxAgeMs: 10 });
    for (let i = 0; i < 100; i++) log.append(event(i), moment(0));
    log.tick(moment(10));
    const { events, tenants, bytes } = log.size;
    assert.deepEqual([events, tenants], [0, 0], name);
    // What is known of the tenants themselves.
    assert.ok(bytes <= 100 * 600, `${name}: ${bytes}`);
  }
});
