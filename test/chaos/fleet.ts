import { ChaosClient, type Door } from './client.js';
import type { Random } from './random.js';
import type { Recorder } from './recorder.js';
import { person, WISHES } from './world.js';

export interface FleetOptions {
  readonly clients: number;
  readonly resumes: boolean;
}

/** All clients of a run. */
export interface Fleet {
  readonly clients: readonly ChaosClient[];
  start(): void;
  /** Subscriptions change all the time until then. */
  settle(): void;
  stop(): void;
}

const TOGGLE_EVERY_MS = 100;
/** Some tokens run out within a run, and are refreshed. */
const SHORT_TOKEN_SHARE = 0.1;
const TOKEN_SECONDS = { short: 25, long: 3600 };
/** All at once would be a fault of its own. */
const CONNECT_EVERY_MS = 6;

export function createFleet(
  options: FleetOptions,
  random: Random,
  recorder: Recorder,
  door: (avoid: string | null) => Door | null,
): Fleet {
  const clients = Array.from({ length: options.clients }, (_, index) => {
    const chance = random.fork(`client ${index}`);
    const who = person(index, chance);
    return new ChaosClient(who, {
      door,
      record: seen => recorder.record({ k: 'cli', c: who.c, ...seen }),
      chance: () => chance.next(),
      resumes: options.resumes,
      tokenSeconds: chance.next() < SHORT_TOKEN_SHARE ? TOKEN_SECONDS.short : TOKEN_SECONDS.long,
    });
  });
  const toggles = random.fork('toggles');
  let toggling: NodeJS.Timeout | null = null;
  return {
    clients,
    start() {
      clients.forEach((client, index) => {
        const { c, tenant, user } = client.who;
        recorder.record({ k: 'who', c, tenant, user });
        setTimeout(() => client.connect(), index * CONNECT_EVERY_MS);
      });
      toggling = setInterval(() => {
        const client = clients[toggles.between(0, clients.length - 1)];
        client?.toggle(WISHES[toggles.between(0, WISHES.length - 1)] ?? 'rooms.0');
      }, TOGGLE_EVERY_MS);
    },
    settle() {
      if (toggling !== null) clearInterval(toggling);
    },
    stop() {
      if (toggling !== null) clearInterval(toggling);
      for (const client of clients) client.stop();
    },
  };
}
