import type { Treatment } from '../proxy.js';
import { BOTH, every, type Fault, type Heal, NEVER, nothing, type Rig } from './fault.js';

/** Something that proxies do to a share of the connections while the fault lasts. */
function treated(name: string, what: string, treatment: Treatment, share: number, seconds: number): Fault {
  return {
    name,
    what,
    part: 'clients',
    needs: null,
    feeds: BOTH,
    resyncs: NEVER,
    holdMs: [seconds * 500, seconds * 1000],
    takesMs: 0,
    async start({ pods, random }) {
      const chance = () => random.next();
      for (const pod of pods.all) pod.proxy.treat(treatment, share, chance);
      return async () => {
        for (const pod of pods.all) pod.proxy.treat({ kind: 'pass' }, 1, chance);
      };
    },
  };
}

const BOUNCE_MS = 2000;

/** Every client changes pods every 2 s. */
export function bounce({ fleet, random }: Rig): Heal {
  return every(100, () => {
    const now = performance.now();
    for (const client of fleet.clients) {
      if (client.isConnected && now - client.cameAt > BOUNCE_MS) client.cut(random.between(0, 200), true);
    }
  });
}

const LIFE_MS = 30_000;

/** The profile of published comparisons: each socket is cut about every 15 s and stays away for 2 s. */
const JITTER_MS = { every: 15_000, away: 2000, look: 100 };

function jitter({ fleet, random }: Rig): () => void {
  const due = new Map(
    fleet.clients.map(client => [client, performance.now() + random.next() * JITTER_MS.every]),
  );
  return () => {
    const now = performance.now();
    for (const [client, at] of due) {
      if (at > now || !client.isConnected) continue;
      client.cut(JITTER_MS.away);
      due.set(client, now + JITTER_MS.every * (0.8 + 0.4 * random.next()));
    }
  };
}

export const CLIENT_FAULTS: readonly Fault[] = [
  {
    name: 'client-reset',
    what: 'all connections are reset at once, and all clients come back within a second',
    part: 'clients',
    needs: null,
    feeds: BOTH,
    resyncs: NEVER,
    holdMs: [0, 0],
    takesMs: 0,
    async start({ fleet, random }) {
      for (const client of fleet.clients) client.cut(random.between(0, 1000));
      return nothing;
    },
  },
  {
    name: 'client-offline',
    what: 'a third of the clients go away and come back',
    part: 'clients',
    needs: null,
    feeds: BOTH,
    resyncs: NEVER,
    holdMs: [2000, 8000],
    takesMs: 0,
    async start({ fleet, random }) {
      const gone = random.some(fleet.clients, Math.ceil(fleet.clients.length / 3));
      for (const client of gone) client.goOffline();
      return async () => {
        for (const client of gone) client.comeOnline();
      };
    },
  },
  {
    name: 'client-bounce',
    what: 'every client changes pods every 2 s',
    part: 'clients',
    needs: null,
    feeds: BOTH,
    resyncs: NEVER,
    holdMs: [10_000, 20_000],
    takesMs: 0,
    start: async rig => bounce(rig),
  },
  treated(
    'client-blackhole',
    'nothing goes through half of the connections, and nobody is told',
    { kind: 'blackhole' },
    0.5,
    15,
  ),
  treated('client-slices', 'bytes come one by one on 3 % of the connections', { kind: 'slices' }, 0.03, 15),
  treated(
    'client-slow',
    'a tenth of the connections take 1 kB/s',
    { kind: 'slow', bytesPerSecond: 1000 },
    0.1,
    20,
  ),
  {
    name: 'proxy-lifetime',
    what: 'a proxy cuts every connection 30 s after it was opened',
    part: 'clients',
    needs: null,
    feeds: BOTH,
    resyncs: NEVER,
    holdMs: [45_000, 60_000],
    takesMs: 0,
    async start({ pods, fleet, random }) {
      for (const pod of pods.all) pod.proxy.limitLife(LIFE_MS);
      // Through the proxies anew, each at a time of its own.
      for (const client of fleet.clients) client.cut(random.between(0, 5000));
      return async () => {
        for (const pod of pods.all) pod.proxy.limitLife(null);
      };
    },
  },
  {
    name: 'jitter',
    what: 'each connection is reset about every 15 s, and its client stays away for 2 s, eight times',
    part: 'clients',
    needs: null,
    feeds: BOTH,
    resyncs: NEVER,
    holdMs: [8 * 17_000, 8 * 17_000],
    takesMs: 0,
    start: async rig => every(JITTER_MS.look, jitter(rig)),
  },
];
