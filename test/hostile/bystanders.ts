import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { inspect } from 'node:util';
import type { TestClient } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { mintToken } from '../support/tokens.js';
import type { WarrenInProcess } from '../support/warren.js';

const TENANTS = ['acme', 'globex'] as const;
const PER_TENANT = 10;
/** In every event; must never be in a log line. */
const PAYLOAD = 'what-bystanders-read';

/** More than the log indexes an event by, so that readers must look who it is for. */
const STRANGERS = Array.from({ length: 40 }, (_, i) => `stranger-${i}`);

/** Loose: pages that the allocator keeps, and this process is the clients' too. */
const MAX_RSS_GROWTH = 200 * 2 ** 20;
const MAX_HEAP_GROWTH = 32 * 2 ** 20;

interface Bystander {
  readonly client: TestClient;
  readonly tenant: string;
  readonly user: string;
  readonly token: string;
  readonly owed: string[];
}

/**
 * Twenty well-behaved clients of two tenants beside somebody hostile: none may lose an event, see one that isn't its
 * own, be closed or be told of trouble.
 */
export class Bystanders {
  readonly #warren: WarrenInProcess;
  readonly #all: readonly Bystander[];
  readonly #before = memory();
  #published = 0;
  #round: Promise<void> | null = null;

  private constructor(warren: WarrenInProcess, all: readonly Bystander[]) {
    this.#warren = warren;
    this.#all = all;
  }

  static async gather(warren: WarrenInProcess): Promise<Bystanders> {
    const all: Bystander[] = [];
    for (const tenant of TENANTS) {
      for (let i = 0; i < PER_TENANT; i++) {
        const user = `bystander-${i}`;
        const token = mintToken({ tenant, user, topics: ['#'] });
        const client = await warren.connect({ token, subscribe: i % 2 === 0 ? ['news.#'] : ['news.today'] });
        await client.system('connected');
        all.push({ client, tenant, user, token, owed: [] });
      }
    }
    return new Bystanders(warren, all);
  }

  /** Does something hostile while events are published and received. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#round ??= this.#publish().finally(() => (this.#round = null));
    const [result] = await Promise.all([work(), this.#round]);
    return result;
  }

  /** To be asked at the end. `secrets` are what no log line may contain. */
  async check(secrets: readonly string[]): Promise<void> {
    await this.#publish();
    for (const { client, owed, tenant, user } of this.#all) {
      const who = `${user} of ${tenant}`;
      assert.deepEqual(
        client.events().map(({ id }) => id),
        owed,
        who,
      );
      const others = new Set(client.story.filter(line => !line.startsWith('event ') && line !== 'ping'));
      assert.deepEqual([...others], ['hello', 'connected'], who);
    }
    this.#checkLog([...secrets, ...this.#all.map(({ token }) => token), PAYLOAD]);
    await eventually(
      () => this.#warren.metric('warren_connections'),
      count => count === this.#all.length,
    );
    assert.equal(await this.#warren.metric('warren_connections_unauthenticated'), 0);
    assert.equal(await this.#warren.metric('warren_tenants_connected'), TENANTS.length);
    assertReturned(this.#before);
  }

  async leave(): Promise<void> {
    await Promise.all(this.#all.map(({ client }) => client.close()));
  }

  /** To each tenant, a topic and a user of each, and a user among many; resolves when all have theirs. */
  async #publish(): Promise<void> {
    for (const tenant of TENANTS) {
      const lucky = `bystander-${this.#published % PER_TENANT}`;
      await this.#send({ tenant, send_to_tenant: true }, one => one.tenant === tenant);
      await this.#send({ tenant, topic: 'news.today' }, one => one.tenant === tenant);
      const isLucky = (one: Bystander) => one.tenant === tenant && one.user === lucky;
      await this.#send({ tenant, user: lucky }, isLucky);
      await this.#send({ tenant, users: [lucky, ...STRANGERS] }, isLucky);
    }
    await Promise.all(this.#all.map(({ client, owed }) => client.event(owed.at(-1))));
  }

  async #send(audience: object, isFor: (one: Bystander) => boolean): Promise<void> {
    const id = `round-${this.#published++}`;
    for (const one of this.#all) if (isFor(one)) one.owed.push(id);
    const { status } = await this.#warren.publish({ ...audience, id, data: PAYLOAD });
    assert.equal(status, 202);
  }

  #checkLog(secrets: readonly string[]): void {
    const { lines } = this.#warren;
    const bad = lines.filter(({ level }) => level === 'error' || level === 'fatal');
    assert.deepEqual(bad, [], 'what a client does is no error of the service');
    const text = inspect(lines, { depth: Infinity, maxArrayLength: null, maxStringLength: null });
    for (const secret of secrets) assert.ok(!text.includes(secret), `a log line contains ${secret}`);
  }
}

export interface Memory {
  readonly heap: number;
  readonly rss: number;
}

/** What is really in use, so after collecting what isn't. */
export function memory(): Memory {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}

/** Whether memory is about where it was. */
export function assertReturned(before: Memory): void {
  const after = memory();
  assert.ok(after.heap - before.heap < MAX_HEAP_GROWTH, `heap ${before.heap} → ${after.heap}`);
  assert.ok(after.rss - before.rss < MAX_RSS_GROWTH, `memory ${before.rss} → ${after.rss}`);
}
