import assert from 'node:assert/strict';
import { decodeDelivery } from '../../src/broker/envelope.js';
import type { Decode } from '../../src/broker/intake.js';
import type { RejectionReason } from '../../src/broker/rejections.js';
import type { FeedReport, LossCause } from '../../src/broker/report.js';
import type { FeedSink, StreamPlace } from '../../src/connection/feed.js';
import type { Logger } from '../../src/logger.js';

export type Heard =
  | { readonly kind: 'attached'; readonly continuity: 'first' | 'unbroken' | 'gap' }
  | { readonly kind: 'event'; readonly id: string; readonly data: string }
  | { readonly kind: 'lost'; readonly why: string }
  | { readonly kind: 'givenUp'; readonly why: string };

export interface RecordingSink extends FeedSink {
  /** The next thing that was heard, in order; waits for it. */
  next(): Promise<Heard>;
  /** Takes the next, which must be of this kind. */
  expect<K extends Heard['kind']>(kind: K): Promise<Extract<Heard, { kind: K }>>;
  /** Ids of the next events, so many. */
  ids(count: number): Promise<string[]>;
  /** Resolves to the first proof that everything before `until` has come. */
  coveredBy(until: number): Promise<void>;
  /** Resolves once clients could be served. */
  whenCaughtUp(): Promise<void>;
  readonly isCaughtUp: boolean;
  /** Of a stream: what each `attached`, each event and each message that is none came with. */
  readonly places: {
    readonly attached: (StreamPlace | null)[];
    readonly events: (StreamPlace | null)[];
    readonly passed: StreamPlace[];
  };
  /** Heard and not taken yet. */
  readonly rest: readonly Heard[];
  /** Called for each event, before it is recorded. */
  onEvent: () => void;
}

/** A sink that keeps what it hears until the test asks, so that nothing can be missed. */
export function recordingSink(): RecordingSink {
  const heard: Heard[] = [];
  const waiting: ((next: Heard) => void)[] = [];
  const hear = (next: Heard): void => {
    const waiter = waiting.shift();
    if (waiter) waiter(next);
    else heard.push(next);
  };
  let coveredUntil = 0;
  let isCaughtUp = false;
  let catchUp = (): void => {};
  const caughtUp = new Promise<void>(resolve => {
    catchUp = resolve;
  });
  const places: RecordingSink['places'] = { attached: [], events: [], passed: [] };
  const onCovered = new Set<() => void>();
  const sink: RecordingSink = {
    covered(until) {
      coveredUntil = until;
      for (const check of onCovered) check();
    },
    coveredBy(until) {
      return new Promise(resolve => {
        const check = (): void => {
          if (coveredUntil < until) return;
          onCovered.delete(check);
          resolve();
        };
        onCovered.add(check);
        check();
      });
    },
    attached(continuity, at) {
      places.attached.push(at);
      hear({ kind: 'attached', continuity });
    },
    caughtUp() {
      assert.ok(!isCaughtUp, 'caught up twice');
      isCaughtUp = true;
      catchUp();
    },
    whenCaughtUp: () => caughtUp,
    get isCaughtUp() {
      return isCaughtUp;
    },
    places,
    passed: place => places.passed.push(place),
    event(event, place) {
      places.events.push(place);
      sink.onEvent();
      hear({ kind: 'event', id: event.id, data: Buffer.from(event.data).toString() });
    },
    lost: why => hear({ kind: 'lost', why }),
    givenUp: why => hear({ kind: 'givenUp', why }),
    onEvent() {},
    next() {
      const next = heard.shift();
      return next ? Promise.resolve(next) : new Promise(resolve => waiting.push(resolve));
    },
    async expect(kind) {
      const next = await sink.next();
      if (!isKind(next, kind)) assert.fail(`expected ${kind}, heard ${JSON.stringify(next)}`);
      return next;
    },
    async ids(count) {
      const ids: string[] = [];
      while (ids.length < count) ids.push((await sink.expect('event')).id);
      return ids;
    },
    get rest() {
      return heard;
    },
  };
  return sink;
}

function isKind<K extends Heard['kind']>(heard: Heard, kind: K): heard is Extract<Heard, { kind: K }> {
  return heard.kind === kind;
}

export interface RecordingReport extends FeedReport {
  readonly rejections: RejectionReason[];
  readonly failures: unknown[];
  readonly losses: LossCause[];
  attempts: number;
}

export function recordingReport(): RecordingReport {
  const report: RecordingReport = {
    rejections: [],
    failures: [],
    losses: [],
    attempts: 0,
    rejected: reason => report.rejections.push(reason),
    failed: error => report.failures.push(error),
    lost: cause => report.losses.push(cause),
    connecting: () => report.attempts++,
  };
  return report;
}

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  readonly fields: object;
  readonly message: string;
}

export interface RecordingLogger extends Logger {
  readonly lines: readonly LogLine[];
  /** Lines that an operator sees with `LOG_LEVEL=info`. */
  readonly loud: readonly LogLine[];
  /** Resolves to the first line whose text, fields included, matches. */
  line(pattern: RegExp): Promise<LogLine>;
}

export function recordingLogger(): RecordingLogger {
  const lines: LogLine[] = [];
  const waiting = new Set<{ pattern: RegExp; resolve: (line: LogLine) => void }>();
  const matches = (line: LogLine, pattern: RegExp) => pattern.test(JSON.stringify(line));
  const at = (level: LogLine['level']) => (fields: object, message: string) => {
    const line: LogLine = { level, fields, message };
    lines.push(line);
    for (const waiter of waiting) {
      if (!matches(line, waiter.pattern)) continue;
      waiting.delete(waiter);
      waiter.resolve(line);
    }
  };
  return {
    lines,
    get loud() {
      return lines.filter(({ level }) => level !== 'debug');
    },
    line(pattern) {
      const found = lines.find(line => matches(line, pattern));
      if (found) return Promise.resolve(found);
      return new Promise(resolve => waiting.add({ pattern, resolve }));
    },
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
  };
}

/** The real decoder with generous limits. */
export const decode: Decode = (delivery, place) =>
  decodeDelivery(delivery, {
    now: () => 1_800_000_000_000,
    maxEventBytes: 262_144,
    maxRecipients: 1000,
    newId: () => (place === null ? 'assigned' : `assigned-${place.offset}`),
  });

/** A valid event for everybody. */
export function eventBody(id: string, data: unknown = id): string {
  return JSON.stringify({ id, send_to_all: true, data });
}
