import type { Audience, HistoryRecord } from '../records.js';

/** An event as its publishers know it. */
export interface Publication {
  readonly id: string;
  readonly to: Audience;
  readonly hash: string;
  /** Line and time of the first try: it can't have reached a queue before. */
  readonly invoked: number;
  readonly invokedAt: number;
  /** Line and time of the first confirm: it was in every queue by then. Infinity: never confirmed. */
  confirmed: number;
  confirmedAt: number;
  /** Tries to publish it: with more than one its place in an order isn't known. */
  tries: number;
  readonly channel: string;
  readonly n: number;
  /** Its place in the broker's stream, if that was read. */
  offset: number | null;
}

/** By id, in the order in which they were first tried. */
export type Publications = ReadonlyMap<string, Publication>;

export function collectPublications(history: readonly HistoryRecord[]): Publications {
  const byId = new Map<string, Publication>();
  history.forEach((record, line) => {
    if (record.k === 'ord') {
      const publication = byId.get(record.id);
      if (publication !== undefined) publication.offset ??= record.offset;
    }
    if (record.k !== 'pub') return;
    const known = byId.get(record.id);
    if (record.phase === 'invoke') {
      if (known === undefined) byId.set(record.id, begin(record, line));
      else known.tries++;
    } else if (record.phase === 'ok' && known !== undefined && known.confirmed === Infinity) {
      known.confirmed = line;
      known.confirmedAt = record.t;
    }
  });
  return byId;
}

function begin(
  record: Extract<HistoryRecord, { readonly k: 'pub'; readonly phase: 'invoke' }>,
  line: number,
): Publication {
  const { id, to, hash, channel, n } = record;
  return {
    id,
    to,
    hash,
    channel,
    n,
    invoked: line,
    invokedAt: record.t,
    confirmed: Infinity,
    confirmedAt: Infinity,
    tries: 1,
    offset: null,
  };
}
