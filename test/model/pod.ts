import assert from 'node:assert/strict';
import { Hub } from '../../src/connection/hub.js';
import type { ConnectionReport } from '../../src/connection/report.js';
import { CursorCodec } from '../../src/log/cursor.js';
import type { Audience } from '../../src/log/event.js';
import { type Appended, EventLog, type LogLimits } from '../../src/log/log.js';
import { silentLogger } from '../../src/logger.js';
import { type ManualClock, manualClock } from '../support/clock.js';
import { authenticate, type Checks, type Client, MAX_SUBSCRIPTIONS } from './client.js';
import type { PodView } from './judge.js';
import { Order, type Publication } from './model.js';
import type { Setting } from './steps.js';

export const START = 1_800_000_000_000;
export const OVERLAP_MS = 1000;
const ROOMY: LogLimits = {
  maxBytes: 2 ** 24,
  maxEvents: 10_000,
  maxAgeMs: 3_600_000,
  resumeOverlapMs: OVERLAP_MS,
};
const LIMITS: Readonly<Record<Setting['limits'], LogLimits>> = {
  roomy: ROOMY,
  fewEvents: { ...ROOMY, maxEvents: 8 },
  fewBytes: { ...ROOMY, maxBytes: 16_000 },
  shortAge: { ...ROOMY, maxAgeMs: 2000 },
};
const CONNECTIONS = {
  authTimeoutMs: 3000,
  pingIntervalMs: 1500,
  pongTimeoutMs: 1000,
  maxSubscriptions: MAX_SUBSCRIPTIONS,
  clientMessagesPerSecond: 1000,
  maxUnauthenticated: 4,
};
const NOBODY: ConnectionReport = {
  opened() {},
  closed() {},
  authenticated() {},
  refused() {},
  refreshed() {},
  clientError() {},
  resync() {},
  delivered() {},
  received() {},
};

const codec = new CursorCodec(['the key that all pods of the model share']);

/** One process: the hub with all that is behind it, and what is on its way there. */
export class Pod implements PodView {
  readonly order = new Order();
  readonly clock: ManualClock;
  readonly hub: Hub;
  readonly log: EventLog;
  readonly roomy: boolean;
  readonly limits: LogLimits;
  /** Published and not here yet. */
  readonly arriving: Publication[] = [];
  readonly tasks: (() => void)[] = [];
  readonly failures: unknown[] = [];
  lost = false;
  held = false;
  draining = false;
  readonly #spreadMs: number;
  #outcome: Appended | null = null;

  constructor(setting: Setting, skew: { own: number; spread: number }, firstEpoch: number, checks: Checks) {
    this.clock = manualClock(START + skew.own);
    this.#spreadMs = skew.spread;
    this.roomy = setting.limits === 'roomy';
    this.limits = LIMITS[setting.limits];
    let epoch = firstEpoch;
    this.log = new EventLog(this.limits, codec, () => epoch++);
    let drawn = firstEpoch;
    this.hub = new Hub({
      limits: CONNECTIONS,
      clock: this.clock,
      log: this.log,
      authenticate: authenticate(checks),
      report: { ...NOBODY, received: outcome => void (this.#outcome = outcome) },
      logger: { ...silentLogger, error: fields => void this.failures.push(fields) },
      random: () => (drawn = (drawn * 16_807) % 2_147_483_647) / 2_147_483_647,
      newSessionId: () => 'session',
      defer: task => void this.tasks.push(task),
      // What was on its way comes nevertheless, so nothing here depends on it.
      holdFeed: held => {
        assert.notEqual(held, this.held);
        this.held = held;
      },
      onGivenUp() {},
    });
  }

  begin(continuity: 'first' | 'gap', published: number): void {
    this.arriving.length = 0;
    this.order.begin(published);
    this.hub.attached(continuity);
  }

  take(one: Publication): void {
    const { id, audience, content, expiresAt } = one;
    const repeated = this.order.slots.some(
      before => before?.id === id && scopeOf(before.audience) === scopeOf(audience),
    );
    const data = Buffer.from(JSON.stringify({ n: content, pad: 'x'.repeat(one.size) }));
    this.hub.event({ id, type: null, audience, data, expiresAt: expiresAt === Infinity ? null : expiresAt });
    if (expiresAt <= this.clock.wall()) assert.equal(this.#outcome, 'expired');
    else if (!repeated) assert.equal(this.#outcome, 'appended');
    else if (this.roomy) assert.notEqual(this.#outcome, 'appended', `${id} is in the log already`);
    this.order.add(one, this.#outcome !== 'appended');
    assert.equal(this.log.head, this.order.head);
    const { events, bytes } = this.log.size;
    assert.ok(
      events <= this.limits.maxEvents && bytes <= this.limits.maxBytes,
      'the log keeps to its bounds',
    );
  }

  /** What was to run runs, and nothing that it brings about. */
  run(): void {
    for (const task of this.tasks.splice(0)) task();
  }

  /** The feed tells up to when all is here, on this pod's clock. */
  cover(): void {
    const { clock } = this;
    if (this.lost) return;
    const first = Math.min(clock.monotonic(), ...this.arriving.map(one => one.at));
    this.hub.covered(clock.wall() - clock.monotonic() + first);
  }

  /** Which place on this pod a cursor names; an event that is repeated in an overlap carries the one presented. */
  sequenceOf(cursor: string): number | null {
    const position = codec.open(cursor);
    return position !== null && position.epoch === codec.open(this.log.cursorAt(0, 0))?.epoch
      ? position.sequence
      : null;
  }

  /** By the clock of whichever pod it came from first: the other's may differ that much. */
  timeIn(cursor: string): number {
    return (codec.open(cursor)?.coveredUntil ?? Infinity) - Math.abs(this.#spreadMs);
  }
}

const scopeOf = (audience: Audience): string => (audience.kind === 'all' ? '' : `of ${audience.tenant}`);

/** The routes are those of the sessions that are there. */
export function assertRoutes(pod: Pod, clients: readonly Client[]): void {
  const sessions = clients.flatMap(({ person }) => (person === null ? [] : [person]));
  const distinct = (names: readonly string[]) => new Set(names).size;
  assert.deepEqual(pod.hub.size.routes, {
    tenants: distinct(sessions.map(({ tenant }) => tenant)),
    connections: sessions.length,
    users: distinct(sessions.map(({ tenant, user }) => `${tenant} ${user}`)),
    topics: distinct(
      sessions.flatMap(({ tenant, subscriptions }) =>
        [...subscriptions.keys()].filter(topic => !/[*#]/.test(topic)).map(topic => `${tenant} ${topic}`),
      ),
    ),
  });
}
