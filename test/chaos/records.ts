/**
 * The history of a run, a JSON object a line, in the order in which things happened: one process writes it, so the line
 * number is the clock by which before and after are judged, and `t` (ms since the run began) only measures lengths.
 *
 * It says what was done and seen, never what should have been: that is the checker's, who reads nothing else.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** Whom an event is for. */
export type Audience =
  | { readonly kind: 'all' }
  | { readonly kind: 'tenant'; readonly tenant: string }
  | {
      readonly kind: 'some';
      readonly tenant: string;
      readonly users: readonly string[];
      readonly topics: readonly string[];
    };

/** What the run was meant to be, and how it went as a run. */
export type RunRecord = { readonly k: 'run'; readonly t: number } & (
  | {
      readonly ev: 'begin';
      readonly seed: number;
      readonly feed: 'queue' | 'stream';
      readonly faults: readonly string[];
      readonly plannedMs: number;
      /** `RESUME_OVERLAP_MS` of the pods. */
      readonly overlapMs: number;
      /** The pods' history is so small that clients may fall off it. */
      readonly mayEvict: boolean;
    }
  /** All faults are healed, and the last events are being published. */
  | { readonly ev: 'quiesce' }
  /**
   * How late the publishers were against their own schedule, 99th percentile, and how long the event loop that they
   * share with all clients stood still, ms.
   */
  | { readonly ev: 'lag'; readonly p99: number; readonly loopP99: number; readonly loopMax: number }
  /** Something of the rig itself failed. */
  | { readonly ev: 'crash'; readonly what: string }
  | { readonly ev: 'end' }
);

/** One try to publish. `channel`: the order of `n` on it is the order in every queue. */
export type PublisherRecord = { readonly k: 'pub'; readonly t: number; readonly id: string } & (
  | {
      readonly phase: 'invoke';
      readonly channel: string;
      readonly n: number;
      readonly to: Audience;
      readonly hash: string;
    }
  | { readonly phase: 'ok' }
  | { readonly phase: 'fail' }
  /** The connection went before the confirm: it may have arrived, or not. */
  | { readonly phase: 'info' }
);

/** A client's identity, once, before anything else of it. */
export interface WhoRecord {
  readonly k: 'who';
  readonly t: number;
  readonly c: string;
  readonly tenant: string;
  readonly user: string;
}

/** What one client did and saw. `conn` numbers its connections. */
export type ClientRecord = {
  readonly k: 'cli';
  readonly t: number;
  readonly c: string;
  readonly conn: number;
} /** Its first message goes out. */ & (
  | {
      readonly ev: 'open';
      readonly pod: string;
      readonly cursor: string | null;
      readonly subscribe: readonly string[];
    }
  | {
      readonly ev: 'connected';
      readonly resume: string;
      readonly reason: string | null;
      readonly cursor: string;
      readonly subscribed: readonly string[];
    }
  /** `seen`: among the last 1,000 ids, so it wasn't handled again. */
  | {
      readonly ev: 'event';
      readonly id: string;
      readonly hash: string;
      readonly cursor: string;
      readonly seen: boolean;
    }
  | { readonly ev: 'ping'; readonly last: string | null; readonly cursor: string }
  | { readonly ev: 'resync'; readonly reason: string; readonly cursor: string }
  | { readonly ev: 'ask'; readonly subscribe: readonly string[]; readonly unsubscribe: readonly string[] }
  | {
      readonly ev: 'reply';
      readonly subscribed: readonly string[];
      readonly unsubscribed: readonly string[];
      readonly last: string | null;
      readonly cursor: string;
    }
  | { readonly ev: 'stale'; readonly stale: boolean }
  | { readonly ev: 'reconnect'; readonly delayMs: number; readonly cursor: string }
  | { readonly ev: 'error'; readonly code: string }
  | { readonly ev: 'close'; readonly code: number }
);

/** What was done to the system. */
export interface NemesisRecord {
  readonly k: 'nem';
  readonly t: number;
  readonly fault: string;
  readonly ev: 'start' | 'heal';
  /** Whether clients may be told to resync because of it. */
  readonly mayResync: boolean;
}

/** One life of a pod, `pod-1#2` being the second process of that name. */
export type PodRecord = { readonly k: 'pod'; readonly t: number; readonly pod: string } & (
  | { readonly ev: 'start' }
  /** It was asked to end, and to send its clients away. */
  | { readonly ev: 'drain' }
  | { readonly ev: 'ready' }
  | { readonly ev: 'unready' }
  | { readonly ev: 'sample'; readonly rss: number }
  /** Nobody is connected any more. */
  | { readonly ev: 'idle'; readonly rss: number; readonly left: number; readonly handles: number }
  | { readonly ev: 'exit'; readonly code: number | null; readonly asked: boolean }
);

/** What is left at the broker once all pods have ended. */
export interface LeftoversRecord {
  readonly k: 'left';
  readonly t: number;
  readonly queues: readonly string[];
  readonly exchanges: readonly string[];
}

/** The place of an event in the broker's stream, read independently at the end. */
export interface OrderRecord {
  readonly k: 'ord';
  readonly t: number;
  readonly id: string;
  readonly offset: number;
}

export type HistoryRecord =
  | RunRecord
  | PublisherRecord
  | WhoRecord
  | ClientRecord
  | NemesisRecord
  | PodRecord
  | LeftoversRecord
  | OrderRecord;

/**
 * Reads a history back, a line at a time, for a long one is more than a string can hold. Throws if a line isn't JSON: a
 * torn history proves nothing.
 */
export async function readHistory(file: string): Promise<HistoryRecord[]> {
  const history: HistoryRecord[] = [];
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    if (line === '') continue;
    const record: HistoryRecord = JSON.parse(line);
    history.push(record);
  }
  return history;
}
