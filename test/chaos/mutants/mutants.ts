import type { FaultKind } from '../checker/findings.js';

/** What is done to a service while it carries a bug. */
export interface Scenario {
  readonly name: string;
  readonly faults: readonly string[];
  readonly pods: number;
  readonly env: Readonly<Record<string, string>>;
  /** 60 a second, for 14 s of faults, unless given. */
  readonly load?: { readonly eventsPerSecond: number; readonly forMs: number };
}

/** A bug that a checker worth its name has to find. */
export interface Mutant {
  readonly name: string;
  readonly scenario: Scenario;
  /** Below the compiled src/. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly put: string;
  /** One of these is what it has to be found out by. */
  readonly caughtBy: readonly FaultKind[];
}

/** Everybody comes back to where they were. */
const RESETS: Scenario = { name: 'resets, one pod', faults: ['client-reset'], pods: 1, env: {} };
/** Hundreds of thousands of deliveries, for what goes wrong with a few of them. */
const BUSY: Scenario = {
  ...RESETS,
  name: 'resets, one pod, busy',
  load: { eventsPerSecond: 400, forMs: 40_000 },
};
/** Being one event out shows only if the next one is due to that client: it takes many resumes. */
const RETURNS: Scenario = { name: 'bouncing on one pod', faults: ['client-bounce'], pods: 1, env: {} };
const BOUNCES: Scenario = { name: 'bouncing between two pods', faults: ['client-bounce'], pods: 2, env: {} };
const GAPS: Scenario = { name: 'a deleted queue, one pod', faults: ['queue-deleted'], pods: 1, env: {} };
/** What one side of a cluster has, and the other not yet. */
const LINKS: Scenario = { name: 'a stalled link, three pods', faults: ['link-stall'], pods: 3, env: {} };
/** A fifth of a second of events: about as long as clients are away. */
const SHORT: Scenario = {
  name: 'bouncing on one pod, short history',
  faults: ['client-bounce'],
  pods: 1,
  env: { HISTORY_MAX_EVENTS: '12' },
};

/** Every so many events: so rare that most clients never meet it, often enough for a run of some seconds. */
const RARE = 150;
const everyRare = (then: string, otherwise: string): string =>
  `if ((globalThis.chaos = (globalThis.chaos ?? 0) + 1) % ${RARE} === 0) ${then} else ${otherwise}`;

export const MUTANTS: readonly Mutant[] = [
  {
    name: `one event in ${RARE} is dropped`,
    scenario: RESETS,
    file: 'broker/intake.js',
    find: 'sink.event(event, place);',
    put: everyRare('void 0;', 'sink.event(event, place);'),
    caughtBy: ['lost'],
  },
  {
    name: `one event in ${RARE} changes places with the next`,
    scenario: RESETS,
    file: 'broker/intake.js',
    find: 'sink.event(event, place);',
    put: `{
      const held = globalThis.held;
      globalThis.held = undefined;
      ${everyRare('globalThis.held = event;', 'sink.event(event, place);')}
      if (held !== undefined) sink.event(held, place);
    }`,
    caughtBy: ['misordered'],
  },
  {
    name: `one event in ${RARE} goes to another tenant`,
    scenario: RESETS,
    file: 'broker/intake.js',
    find: 'sink.event(event, place);',
    put: everyRare(
      "sink.event({ ...event, audience: { kind: 'tenant', tenant: 'acme' } }, place);",
      'sink.event(event, place);',
    ),
    caughtBy: ['leaked'],
  },
  {
    name: `one event in ${RARE} has a byte changed`,
    scenario: RESETS,
    file: 'log/entry.js',
    find: 'target.set(parts.data, data);',
    put: `target.set(parts.data, data);
      ${everyRare("target[data + parts.data.indexOf('-')] = 0x5f;", ';')}`,
    caughtBy: ['unexpected'],
  },
  {
    name: 'one delivery in 10,000 is dropped',
    scenario: BUSY,
    file: 'connection/outlet.js',
    find: 'this.#addEvent(track, entry, batch);',
    put: `if ((globalThis.chaos = (globalThis.chaos ?? 0) + 1) % 10_000 !== 0) this.#addEvent(track, entry, batch);`,
    caughtBy: ['lost'],
  },
  {
    name: 'one delivery in 50,000 is an event of another tenant',
    scenario: BUSY,
    file: 'connection/outlet.js',
    find: 'this.#addEvent(track, entry, batch);',
    put: `{
      const { other } = globalThis;
      const isDue = (globalThis.chaos = (globalThis.chaos ?? 0) + 1) >= 50_000;
      if (entry.audience.kind !== 'all') globalThis.other = entry;
      if (isDue && other !== undefined && entry.audience.tenant !== undefined && other.audience.tenant !== entry.audience.tenant) {
        globalThis.chaos = 0;
        this.#addEvent(track, other, batch);
      } else this.#addEvent(track, entry, batch);
    }`,
    caughtBy: ['leaked'],
  },
  {
    name: 'a resume begins one event too late',
    scenario: RETURNS,
    file: 'log/positions.js',
    find: 'const { sequence, coveredUntil } = position;',
    put: `const { coveredUntil } = position;
      const sequence = Math.min(this.#head, position.sequence + 1);`,
    caughtBy: ['lost'],
  },
  {
    name: 'a resume begins one event too early',
    scenario: RESETS,
    file: 'log/positions.js',
    find: 'const { sequence, coveredUntil } = position;',
    put: `const { coveredUntil } = position;
      const sequence = Math.max(this.boundary, evicted, position.sequence - 1);`,
    caughtBy: ['duplicated'],
  },
  {
    name: 'a replay is not authorized',
    scenario: RESETS,
    file: 'log/reader.js',
    find: '!reader.entitled(entry)',
    put: '(range.to - range.from < 2 && !reader.entitled(entry))',
    caughtBy: ['leaked'],
  },
  {
    name: 'the cursor of a ping is stale',
    scenario: RESETS,
    file: 'connection/track.js',
    find: 'const place = Math.max(this.#anchor, log.coveredHead);',
    put: 'const place = Math.max(log.boundary, Math.max(this.#anchor, log.coveredHead) - 3);',
    caughtBy: ['duplicated', 'regressed'],
  },
  {
    name: 'an ended subscription goes on',
    scenario: RESETS,
    file: 'connection/open-session.js',
    find: 'if (this.session.entitlement.remove(pattern))',
    put: 'if (pattern === null)',
    caughtBy: ['leaked'],
  },
  {
    name: 'a resume on another pod goes back too little',
    scenario: BOUNCES,
    file: 'log/positions.js',
    find: 'sequence: Math.min(from, further),',
    put: 'sequence: this.#timeline.atOrBefore(coveredUntil + 3000) ?? from,',
    caughtBy: ['lost'],
  },
  {
    name: 'the log admits its evictions one event late',
    scenario: SHORT,
    file: 'log/ring.js',
    find: 'this.evictedUpTo = entry.sequence;',
    put: '{ this.evictedUpTo = this.late ?? this.evictedUpTo; this.late = entry.sequence; }',
    caughtBy: ['lost'],
  },
  {
    name: 'a resync is swallowed',
    scenario: GAPS,
    file: 'connection/outlet.js',
    find: 'onResync(reason);',
    put: 'if (reason === "feed_gap") return;',
    caughtBy: ['lost'],
  },
  {
    name: 'a new attachment begins no new epoch',
    scenario: GAPS,
    file: 'connection/hub.js',
    find: "if (continuity === 'unbroken')",
    put: "if (continuity !== 'first')",
    caughtBy: ['lost'],
  },
  {
    name: 'positions do not wait for the marks of other pods',
    scenario: LINKS,
    file: 'control/marks.js',
    find: 'stalest = Math.min(stalest, at);',
    put: 'void at;',
    caughtBy: ['lost'],
  },
  {
    name: 'closed connections are not forgotten',
    scenario: RESETS,
    file: 'connection/hub.js',
    find: 'this.#connections.delete(connection);',
    put: '',
    caughtBy: ['leftover'],
  },
];

/** The scenarios, each once: without a bug each has to be valid, or finding one means nothing. */
export const SCENARIOS: readonly Scenario[] = [...new Set(MUTANTS.map(({ scenario }) => scenario))];
