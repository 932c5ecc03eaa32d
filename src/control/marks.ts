import type { Clock } from '../clock.js';
import type { Mark } from './mark.js';

/**
 * How far the other broker nodes have come through to this pod's queue, by the marks that were published on them.
 *
 * A pod proves by itself what reached its own queue. Events held up between two nodes of a cluster haven't; but then
 * the marks behind them are missing too, and no position may name a later time than the last one that came. A source
 * counts until it says `bye`, until the broker says that its connection is gone, or until it has been silent for so
 * long that RabbitMQ has given up the link itself.
 */
export interface Marks {
  /** In the order in which they stood in the queue. */
  heard(mark: Mark): void;
  /**
   * The latest time that a position may name.
   *
   * @param until everything that reached the own queue before (wall clock, ms) is here
   */
  stalest(until: number): number;
  /** Sources to ask the broker about; each at most every five seconds. */
  toAsk(): string[];
  /** The broker says that the source's connection is gone. */
  gone(source: string): void;
}

interface Source {
  at: number;
  heardAt: number;
  askedAt: number;
  /** Wall clock, ms. */
  goneAt: number | null;
}

/** Five marks are missing. */
export const SILENT_MS = 5000;
/** Longer than `net_ticktime` lets a link between nodes stand still: 60 s and a quarter, unless set otherwise. */
export const FORGOTTEN_MS = 90_000;

export function trackMarks(clock: Pick<Clock, 'wall' | 'monotonic'>): Marks {
  const sources = new Map<string, Source>();
  return {
    heard({ kind, source, at }) {
      if (kind === 'bye') {
        sources.delete(source);
        return;
      }
      const now = clock.monotonic();
      const known = sources.get(source);
      if (known === undefined) sources.set(source, { at, heardAt: now, askedAt: now, goneAt: null });
      else Object.assign(known, { at, heardAt: now });
    },
    stalest(until) {
      const now = clock.monotonic();
      let stalest = until;
      for (const [name, { at, heardAt, goneAt }] of sources) {
        // What it published last may still wait in the queue when the broker says that it is gone: it counts until all
        // that had reached the queue by then is here.
        const isOver = goneAt !== null && until >= goneAt;
        if (isOver || now - heardAt >= FORGOTTEN_MS) sources.delete(name);
        else stalest = Math.min(stalest, at);
      }
      return stalest;
    },
    toAsk() {
      const now = clock.monotonic();
      const silent: string[] = [];
      for (const [name, source] of sources) {
        const since = now - Math.max(source.heardAt, source.askedAt);
        if (source.goneAt !== null || since < SILENT_MS) continue;
        source.askedAt = now;
        silent.push(name);
      }
      return silent;
    },
    gone(source) {
      const known = sources.get(source);
      if (known !== undefined) known.goneAt ??= clock.wall();
    },
  };
}
