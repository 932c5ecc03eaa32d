import type { ClientRecord, HistoryRecord } from '../records.js';
import { topicMatches } from './topics.js';

/** A record and its line. */
export type Lined = ClientRecord & { readonly line: number };

/** From when to when (lines) a subscription certainly held: from its reply to the request that ended it. */
export interface Span {
  readonly from: number;
  to: number;
}

/** Where and when a client handled an event for the first time. */
export interface Sighting {
  readonly line: number;
  readonly t: number;
  readonly conn: number;
}

/** All that one client did and saw. */
export interface Story {
  readonly c: string;
  readonly tenant: string;
  readonly user: string;
  readonly records: readonly Lined[];
  /** Line of its first `connected`: what is published later is owed to it. Infinity: never. */
  readonly begun: number;
  /** By id of the event. */
  readonly handled: ReadonlyMap<string, Sighting>;
  readonly subscriptions: ReadonlyMap<string, readonly Span[]>;
  /** Lines at which it was told to resync, ascending. */
  readonly resyncs: readonly number[];
}

/** Each client's story, from the lines of the history that are its own. */
export function collectStories(history: readonly HistoryRecord[]): Story[] {
  const clients = new Map<string, { tenant: string; user: string; records: Lined[] }>();
  history.forEach((record, line) => {
    if (record.k === 'who') {
      clients.set(record.c, { tenant: record.tenant, user: record.user, records: [] });
    } else if (record.k === 'cli') {
      const client = clients.get(record.c);
      if (client === undefined) throw new Error(`Line ${line + 1}: client ${record.c} was never introduced.`);
      client.records.push({ ...record, line });
    }
  });
  return [...clients].map(([c, { tenant, user, records }]) => tell(c, tenant, user, records));
}

function tell(c: string, tenant: string, user: string, records: readonly Lined[]): Story {
  const handled = new Map<string, Sighting>();
  const resyncs: number[] = [];
  let begun = Infinity;
  for (const record of records) {
    const { line, t, conn } = record;
    if (record.ev === 'event' && !record.seen && !handled.has(record.id))
      handled.set(record.id, { line, t, conn });
    if (record.ev === 'connected') begun = Math.min(begun, line);
    if (isResync(record)) resyncs.push(line);
  }
  return { c, tenant, user, records, begun, handled, subscriptions: subscriptionsOf(records), resyncs };
}

export function isResync(record: Lined): boolean {
  return record.ev === 'resync' || (record.ev === 'connected' && record.resume === 'resync');
}

function subscriptionsOf(records: readonly Lined[]): Map<string, Span[]> {
  const spans = new Map<string, Span[]>();
  const held = new Map<string, Span>();
  const begin = (pattern: string, from: number) => {
    if (held.has(pattern)) return;
    const span: Span = { from, to: Infinity };
    held.set(pattern, span);
    spans.set(pattern, [...(spans.get(pattern) ?? []), span]);
  };
  const end = (pattern: string, to: number) => {
    const span = held.get(pattern);
    if (span === undefined) return;
    span.to = to;
    held.delete(pattern);
  };
  for (const record of records) {
    if (record.ev === 'ask') for (const pattern of record.unsubscribe) end(pattern, record.line);
    if (record.ev === 'reply') {
      for (const pattern of record.unsubscribed) end(pattern, record.line);
      for (const pattern of record.subscribed) begin(pattern, record.line);
    }
    if (record.ev === 'connected') {
      // A resumed session's subscriptions count from the position presented, so those that held go on unbroken.
      for (const pattern of held.keys()) if (!record.subscribed.includes(pattern)) end(pattern, record.line);
      for (const pattern of record.subscribed) begin(pattern, record.line);
    }
  }
  return spans;
}

/** Whether one of the patterns matches one of the topics. */
export function matchesAny(patterns: Iterable<string>, topics: readonly string[]): boolean {
  for (const pattern of patterns) if (topics.some(topic => topicMatches(pattern, topic))) return true;
  return false;
}
