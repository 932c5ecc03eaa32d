import assert from 'node:assert/strict';
import { Hub } from '../../src/connection/hub.js';
import type { ConnectionReport } from '../../src/connection/report.js';
import { CursorCodec } from '../../src/log/cursor.js';
import type { Audience } from '../../src/log/event.js';
import { type Appended, EventLog, type LogLimits } from '../../src/log/log.js';
import { silentLogger } from '../../src/logger.js';
import type { Clock } from '../../src/clock.js';
import { type ManualClock, manualClock } from '../support/clock.js';
import { authenticate, type Checks, type Client, MAX_SUBSCRIPTIONS } from './client.js';
import type { StreamPlace } from '../../src/connection/feed.js';
import type { PodView, Standing } from './judge.js';
import { Order } from './model.js';
import type { Setting } from './steps.js';
import type { Arrival } from './stream.js';

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
  pastRead() {},
};

const codec = new CursorCodec(['the key that all pods of the model share']);

/** One process: the hub with all that is behind it, and what is on its way there. */
export class Pod implements PodView {
  readonly reads: 'queue' | 'stream';
  readonly order = new Order();
  readonly clock: ManualClock;
  readonly hub: Hub;
  readonly log: EventLog;
  readonly roomy: boolean;
  readonly limits: LogLimits;
  /** Published and not here yet. */
  readonly arriving: Arrival[] = [];
  readonly tasks: (() => void)[] = [];
  readonly failures: unknown[] = [];
  lost = false;
  held = false;
  /** The stream that it has read from isn't there any more. */
  isOld = false;
  /** Messages that came, events or not. */
  taken = 0;
  draining = false;
  readonly #spreadMs: number;
  #outcome: Appended | null = null;
  /** By place in the order: its sequence number in the log. */
  readonly #sequences: number[] = [];
  /** The messages of the stream that this epoch knows, by offset, and how long the order was then. */
  readonly #places = new Map<number, { readonly digest: number; readonly position: number }>();
  #newest = -1;
  /** A message of a stream, in whatever epoch. */
  #hasRead = false;

  constructor(
    reads: 'queue' | 'stream',
    setting: Setting,
    skew: { own: number; spread: number },
    firstEpoch: number,
    checks: Checks,
  ) {
    this.reads = reads;
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
      turns: {
        defer: task => void this.tasks.push(task),
        clock: this.#working(setting.lookMs),
        // So that there are pauses among three clients.
        flood: { times: 0.02, waiting: 1, windowMs: 1, visits: 1, visitMs: Infinity },
      },
      broadcast: { ms: setting.lingerMs, least: setting.leastBroadcast, leastInOne: 1 },
      past: null,
      // What was on its way comes nevertheless, so nothing here depends on it.
      holdFeed: held => {
        assert.notEqual(held, this.held);
        this.held = held;
      },
      onGivenUp() {},
    });
  }

  /** Sending takes its time, so that a turn ends in the middle of a broadcast; for all else time stands still. */
  #working(lookMs: number): Clock {
    const { clock } = this;
    let worked = 0;
    return { ...clock, monotonic: () => clock.monotonic() + (worked += lookMs) };
  }

  begin(continuity: 'first' | 'gap', published: number, at: StreamPlace | null): void {
    this.isOld = false;
    this.order.begin(published);
    this.hub.attached(continuity, at);
    if (continuity === 'first') this.hub.caughtUp();
    if (this.reads === 'queue') this.hub.covered(this.clock.wall(), this.clock.wall());
    this.#sequences.push(this.log.head);
    this.#places.clear();
    this.#newest = -1;
    if (at !== null) this.#know(at);
  }

  take({ one, place }: Arrival): void {
    this.taken++;
    if (one === null) {
      if (place !== null) this.hub.passed(place);
    } else {
      const { id, audience, content } = one;
      const repeated = this.order.slots.some(
        before => before?.id === id && scopeOf(before.audience) === scopeOf(audience),
      );
      const data = Buffer.from(JSON.stringify({ n: content, pad: 'x'.repeat(one.size) }));
      const expiresAt = one.expiresAt === Infinity ? null : one.expiresAt;
      this.hub.event({ id, type: null, audience, data, expiresAt }, place);
      if (one.expiresAt <= this.clock.wall()) assert.equal(this.#outcome, 'expired');
      else if (!repeated) assert.equal(this.#outcome, 'appended');
      else if (this.roomy) assert.notEqual(this.#outcome, 'appended', `${id} is in the log already`);
      this.order.add(one, this.#outcome !== 'appended');
      if (this.#outcome === 'appended') this.#sequences.push(this.log.head);
    }
    if (place === null) assert.equal(this.log.head, this.order.head);
    else this.#know(place);
    const { events, bytes } = this.log.size;
    assert.ok(
      events <= this.limits.maxEvents && bytes <= this.limits.maxBytes,
      'the log keeps to its bounds',
    );
  }

  #know({ offset, digest }: StreamPlace): void {
    this.#places.set(offset, { digest, position: this.order.head });
    this.#newest = offset;
    this.#hasRead = true;
  }

  get isSending(): boolean {
    const { waiting, broadcasts } = this.hub.size;
    return this.tasks.length > 0 || waiting > 0 || broadcasts > 0;
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
    const until = clock.wall() - clock.monotonic() + first;
    this.hub.covered(until, until);
  }

  sequenceOf(cursor: string): number | null {
    const stands = this.standing(cursor);
    if (stands !== 'elsewhere') return typeof stands === 'number' ? stands : null;
    const position = codec.open(cursor);
    const own = codec.open(this.log.cursorAt(0, 0));
    if (position?.kind !== 'pod' || own?.kind !== 'pod' || position.epoch !== own.epoch) return null;
    return this.#sequences.findLastIndex(sequence => sequence <= position.sequence) + 1;
  }

  standing(cursor: string): Standing {
    const position = codec.open(cursor);
    if (position?.kind !== 'stream' || !this.#hasRead) return 'elsewhere';
    if (position.offset > this.#newest) return 'ahead';
    const known = this.#places.get(position.offset);
    return known?.digest === position.digest ? known.position : 'unknown';
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
