import assert from 'node:assert/strict';
import type { BroadcastLimits } from '../../src/connection/broadcasts.js';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { AuthOutcome, Identity, TokenFault } from '../../src/connection/authenticate.js';
import type { Connection } from '../../src/connection/connection.js';
import type { PastSource } from '../../src/connection/feed.js';
import { FLOOD, type FloodLimits } from '../../src/connection/flood.js';
import { Hub, type HubOptions } from '../../src/connection/hub.js';
import { CursorCodec } from '../../src/log/cursor.js';
import type { Audience, Event } from '../../src/log/event.js';
import { EventLog, type LogLimits } from '../../src/log/log.js';
import { silentLogger } from '../../src/logger.js';
import { Metrics } from '../../src/metrics.js';
import { type ManualClock, manualClock } from '../support/clock.js';
import { EMPTY_GAUGES } from '../support/gauges.js';
import { ScriptedWire } from '../support/wire.js';

export const LIMITS = {
  authTimeoutMs: 10_000,
  pingIntervalMs: 25_000,
  pongTimeoutMs: 10_000,
  maxSubscriptions: 3,
  clientMessagesPerSecond: 10,
  maxUnauthenticated: 100,
};

/** Of the cursors. */
export const RIG_SECRET = 'a key for tests and nothing else';

const LOG: LogLimits = { maxBytes: 2 ** 20, maxEvents: 1000, maxAgeMs: 600_000, resumeOverlapMs: 5000 };

export interface RigOptions {
  readonly limits?: Partial<typeof LIMITS>;
  readonly log?: Partial<LogLimits>;
  readonly clock?: ManualClock;
  /** 0 unless given. */
  readonly random?: () => number;
  readonly past?: PastSource | undefined;
  /** False: the feed has not been attached yet. */
  readonly attached?: boolean;
  /** Not `openToken`'s own. */
  readonly authenticate?: HubOptions['authenticate'];
  /** No event is one unless given. */
  readonly broadcast?: BroadcastLimits;
  /** The usual one unless given. */
  readonly flood?: FloodLimits;
  /** Numbers of the epochs; those of two rigs must differ. */
  readonly firstEpoch?: number;
}

/** One process's connections without network and in no time: what is deferred runs when `settle` says so. */
export interface Rig {
  readonly hub: Hub;
  readonly log: EventLog;
  readonly clock: ManualClock;
  /** What was logged as an error: a bug of ours, and a failure in `settle` unless it is taken away first. */
  readonly errors: string[];
  /** Runs everything that is due until nothing is left, token checks included. */
  settle(): Promise<void>;
  /** The same for what needs no token check. */
  flush(): void;
  /** A new connection that has said nothing yet. */
  open(): Client;
  /** One that has been let in. */
  enter(wishes?: TokenWishes, first?: object): Promise<Client>;
  publish(id: string, audience?: Audience, data?: string, expiresAt?: number): void;
  /** What the hub has asked of the feed: true to keep the backlog, false to go on. */
  readonly holds: readonly boolean[];
  /** A counter by its name and label value, as in /stats. */
  count(name: string, label?: string): number;
}

export interface Client {
  readonly wire: ScriptedWire;
  readonly connection: Connection;
  readonly send: (message: string | object) => void;
}

export interface TokenWishes extends Partial<Omit<Identity, 'expiresAt'>> {
  readonly expiresInMs?: number;
}

/** Tokens of the rig: who it is, in plain text; or `refused:` and why; or `throws`. */
export function token(clock: ManualClock, wishes: TokenWishes = {}): string {
  const identity: Identity = {
    user: wishes.user ?? '7',
    tenant: wishes.tenant ?? 'acme',
    grants: wishes.grants ?? ['#'],
    expiresAt: clock.wall() + (wishes.expiresInMs ?? 3_600_000),
  };
  return JSON.stringify(identity);
}

export const refused = (fault: TokenFault): string => `refused:${fault}`;

/** Reads the tokens of the rig. */
export function openToken(text: string): Promise<AuthOutcome> {
  if (text === 'throws') return Promise.reject(new Error('a bug in checking tokens'));
  if (text.startsWith('refused:')) {
    const outcome: AuthOutcome = JSON.parse(`{"kind":"refused","fault":"${text.slice('refused:'.length)}"}`);
    return Promise.resolve(outcome);
  }
  const identity: Identity = JSON.parse(text);
  return Promise.resolve({ kind: 'identity', identity });
}

export const forUser = (user: string, tenant = 'acme'): Audience => ({
  kind: 'some',
  tenant,
  users: [user],
  topics: [],
});
export const forTopic = (topic: string, tenant = 'acme'): Audience => ({
  kind: 'some',
  tenant,
  users: [],
  topics: [topic],
});

export function makeEvent(id: string, audience = forUser('7'), data = '1', expiresAt?: number): Event {
  return { id, type: null, audience, data: Buffer.from(data), expiresAt: expiresAt ?? null };
}

export function rig(options: RigOptions = {}): Rig {
  const clock = options.clock ?? manualClock();
  const metrics = new Metrics();
  const errors: string[] = [];
  const holds: boolean[] = [];
  const tasks: (() => void)[] = [];
  let sessions = 0;
  let epoch = options.firstEpoch ?? 1;
  const log = new EventLog({ ...LOG, ...options.log }, new CursorCodec([RIG_SECRET]), () => epoch++);
  const hub = new Hub({
    limits: { ...LIMITS, ...options.limits },
    clock,
    log,
    authenticate: options.authenticate ?? openToken,
    report: metrics.connections,
    logger: {
      ...silentLogger,
      error: (fields, message) =>
        void errors.push(`${message}: ${'err' in fields ? String(fields.err) : ''}`),
    },
    random: options.random ?? (() => 0),
    newSessionId: () => `session-${++sessions}`,
    turns: { defer: task => void tasks.push(task), clock, flood: options.flood ?? FLOOD },
    broadcast: options.broadcast ?? { ms: 0, least: Infinity, leastInOne: 0 },
    past: options.past ?? null,
    holdFeed: held => void holds.push(held),
    onGivenUp: () => {},
  });
  if (options.attached ?? true) {
    hub.attached('first', null);
    hub.covered(clock.wall(), clock.wall());
    hub.caughtUp();
  }

  function flush(): void {
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) task();
    assert.deepEqual(errors, [], 'nothing went wrong inside');
  }
  async function settle(): Promise<void> {
    do {
      flush();
      await turnOfTheLoop();
    } while (tasks.length > 0);
  }
  function open(): Client {
    const wire = new ScriptedWire();
    const connection = hub.open(wire);
    wire.owner = connection;
    return {
      wire,
      connection,
      send: message => connection.text(typeof message === 'string' ? message : JSON.stringify(message)),
    };
  }
  return {
    hub,
    log,
    clock,
    errors,
    holds,
    settle,
    flush,
    open,
    async enter(wishes = {}, first = {}) {
      const client = open();
      client.send({ access_token: token(clock, wishes), ...first });
      await settle();
      return client;
    },
    publish: (id, audience, data, expiresAt) => hub.event(makeEvent(id, audience, data, expiresAt), null),
    count(name, label) {
      const sample = metrics.snapshot(EMPTY_GAUGES)[`warren_${name}`];
      const value = typeof sample === 'object' && label !== undefined ? sample[label] : sample;
      assert.ok(typeof value === 'number', `a counter ${name} ${label ?? ''}`);
      return value;
    },
  };
}
