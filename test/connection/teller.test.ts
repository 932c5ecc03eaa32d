import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Teller, type Told } from '../../src/connection/teller.js';
import type { Audience } from '../../src/log/event.js';
import { Router } from '../../src/router/router.js';

interface Named extends Told {
  readonly name: string;
}

/** Connections as `tenant/user`, each with topics or patterns. */
function rig(members: Readonly<Record<string, readonly string[]>>, limits = { least: 100, leastInOne: 100 }) {
  const router = new Router<Named>();
  const connections = new Set<Named>();
  const woken: string[] = [];
  const told: [tenant: string, count: number][] = [];
  const crowds: [turn: string, size: number, mayWait: boolean][] = [];
  for (const [name, patterns] of Object.entries(members)) {
    const [tenant = '', user = ''] = name.split('/');
    const member: Named = {
      name,
      tenant,
      user,
      turn: tenant,
      waitsSince: null,
      visit: () => false,
      told: () => true,
      wake: () => void woken.push(name),
    };
    connections.add(member);
    router.add(member);
    for (const pattern of patterns) router.subscribe(member, pattern);
  }
  const teller = new Teller({
    limits: { ms: 33, ...limits },
    connections,
    router,
    broadcasts: { tell: (turn, { size }, mayWait) => void crowds.push([turn, size, mayWait]) },
    scheduler: { told: (tenant, count) => void told.push([tenant, count]) },
  });
  return {
    tell: (audience: Audience, mayWait = true) => teller.tell(audience, mayWait),
    woken,
    told,
    crowds,
  };
}

const some = (users: readonly string[], topics: readonly string[]): Audience => ({
  kind: 'some',
  tenant: 'acme',
  users,
  topics,
});

describe('the teller', () => {
  it('wakes whom an event concerns, and says how many', () => {
    const r = rig({ 'acme/1': ['deals.1'], 'acme/2': ['deals.2'], 'acme/3': [], 'other/1': ['deals.1'] });
    r.tell(some(['3'], ['deals.1']));
    assert.deepEqual(r.woken, ['acme/3', 'acme/1']);
    assert.deepEqual(r.told, [['acme', 2]]);
    r.tell({ kind: 'tenant', tenant: 'acme' });
    assert.deepEqual(r.told.at(-1), ['acme', 3]);
    assert.deepEqual(r.crowds, []);
  });

  it('counts once whom an event concerns in several ways', () => {
    const r = rig({ 'acme/1': ['deals.*', 'deals.#', 'deals.1'], 'acme/2': ['deals.#'] });
    r.tell(some(['1'], ['deals.1']));
    assert.deepEqual(r.told, [['acme', 2]]);
  });

  it('says nothing of an event that concerns nobody here', () => {
    const r = rig({ 'acme/1': [] });
    for (const audience of [some(['2'], []), { kind: 'tenant', tenant: 'nobody' } as const]) r.tell(audience);
    assert.deepEqual([r.woken, r.told, r.crowds], [[], [], []]);
  });

  it('counts an event for everybody for each tenant', () => {
    const r = rig({ 'acme/1': [], 'acme/2': [], 'other/1': [] });
    r.tell({ kind: 'all' });
    assert.deepEqual(r.woken, ['acme/1', 'acme/2', 'other/1']);
    assert.deepEqual(r.told, [
      ['acme', 2],
      ['other', 1],
    ]);
  });

  it('leaves a crowd to the broadcasts, and does not count it, but wakes smaller sets at once', () => {
    const r = rig(
      { 'acme/1': ['deals.#'], 'acme/2': ['deals.#'], 'acme/3': [] },
      { least: 3, leastInOne: 2 },
    );
    r.tell(some(['3'], ['deals.1']), false);
    assert.deepEqual([r.woken, r.told], [['acme/3'], [['acme', 1]]]);
    assert.deepEqual(r.crowds, [['acme', 2, false]]);
    r.tell({ kind: 'all' });
    assert.deepEqual(r.crowds.at(-1), ['', 3, true]);
  });
});
