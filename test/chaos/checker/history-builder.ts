import type { Seen } from '../client.js';
import type { Audience, HistoryRecord } from '../records.js';
import type { Unstamped } from '../recorder.js';

const EVERYBODY: Audience = { kind: 'all' };

/** Hand-made histories: 10 ms between records unless time is let pass. */
export class HistoryBuilder {
  readonly #records: HistoryRecord[] = [];
  #t = 0;
  #n = 0;

  constructor(feed: 'queue' | 'stream' = 'queue', faults: readonly string[] = []) {
    this.add({
      k: 'run',
      ev: 'begin',
      seed: 1,
      feed,
      faults,
      plannedMs: 60_000,
      overlapMs: 1000,
      mayEvict: false,
    });
    this.add({ k: 'pod', ev: 'start', pod: 'a#1' });
    this.add({ k: 'pod', ev: 'start', pod: 'b#1' });
    this.pass(10_000);
  }

  add(record: Unstamped): this {
    this.#t += 10;
    this.#records.push({ ...record, t: this.#t });
    return this;
  }

  pass(ms: number): this {
    this.#t += ms;
    return this;
  }

  /** User `u1` of `acme`. */
  who(c: string): this {
    return this.add({ k: 'who', c, tenant: 'acme', user: 'u1' });
  }

  sees(c: string, seen: Seen): this {
    return this.add({ k: 'cli', c, ...seen });
  }

  /** Connects, presents what is given, and is answered as is right. */
  connects(
    c: string,
    conn: number,
    how: { pod?: string; cursor?: string; resume?: string; subscribe?: string[] },
  ): this {
    const { pod = 'a#1', cursor = null, subscribe = [] } = how;
    const resume = how.resume ?? (cursor === null ? 'new' : 'resumed');
    const answer = cursor !== null && resume === 'resumed' ? cursor : `${pod}:${conn}`;
    this.sees(c, { conn, ev: 'open', pod, cursor, subscribe });
    const reason = resume === 'resync' ? 'unknown_position' : null;
    return this.sees(c, { conn, ev: 'connected', resume, reason, cursor: answer, subscribed: subscribe });
  }

  cut(c: string, conn: number): this {
    return this.sees(c, { conn, ev: 'close', code: 1006 });
  }

  invokes(id: string, to: Audience = EVERYBODY, channel = 'p'): this {
    return this.add({ k: 'pub', phase: 'invoke', id, channel, n: this.#n++, to, hash: `hash of ${id}` });
  }

  confirms(id: string): this {
    return this.add({ k: 'pub', phase: 'ok', id });
  }

  publishes(id: string, to: Audience = EVERYBODY): this {
    return this.invokes(id, to).confirms(id);
  }

  gets(
    c: string,
    conn: number,
    id: string,
    also: { seen?: boolean; hash?: string; cursor?: string } = {},
  ): this {
    const { seen = false, hash = `hash of ${id}`, cursor = `cursor of ${id}` } = also;
    return this.sees(c, { conn, ev: 'event', id, hash, cursor, seen });
  }

  fault(fault: string, ev: 'start' | 'heal', mayResync = false): this {
    return this.add({ k: 'nem', fault, ev, mayResync });
  }

  /** As a run ends. */
  over(): HistoryRecord[] {
    this.add({ k: 'run', ev: 'quiesce' });
    this.add({ k: 'run', ev: 'lag', p99: 3, loopP99: 12, loopMax: 40 });
    this.add({ k: 'left', queues: [], exchanges: [] });
    this.add({ k: 'run', ev: 'end' });
    return this.#records;
  }

  /** As a run ends that breaks down in the middle. */
  brokenOff(): HistoryRecord[] {
    this.add({ k: 'run', ev: 'crash', what: 'no broker' });
    return this.#records;
  }
}
