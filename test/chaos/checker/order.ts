import type { Debt } from './debts.js';
import type { Finding } from './findings.js';
import type { Publication, Publications } from './publications.js';
import type { Story } from './story.js';

/** Misordered on the wire: on each connection, against the order in which events must stand in any queue. */
export function checkWireOrder(story: Story, publications: Publications): Finding[] {
  const findings: Finding[] = [];
  let order = new WireOrder();
  for (const record of story.records) {
    if (record.ev === 'open') order = new WireOrder();
    if (record.ev !== 'event') continue;
    const publication = publications.get(record.id);
    const before = publication === undefined ? null : order.take(publication);
    if (before !== null)
      findings.push({
        kind: 'misordered',
        line: record.line + 1,
        text: `${story.c}: ${record.id} came behind ${before}`,
      });
  }
  return findings;
}

/** The events of one connection so far, as far as they tell what may come next. */
class WireOrder {
  readonly #channels = new Map<string, Publication>();
  #newest: Publication | null = null;
  #furthest = { id: '', offset: -1 };

  /** The id of an event that should have come behind this one, but came ahead of it. */
  take(publication: Publication): string | null {
    if (publication.offset !== null) {
      if (publication.offset < this.#furthest.offset) return this.#furthest.id;
      this.#furthest = { id: publication.id, offset: publication.offset };
    }
    if (publication.tries > 1) return null;
    const previous = this.#channels.get(publication.channel);
    if (previous !== undefined && previous.n >= publication.n) return previous.id;
    this.#channels.set(publication.channel, publication);
    if (this.#newest !== null && publication.confirmed < this.#newest.invoked) return this.#newest.id;
    if (this.#newest === null || publication.invoked > this.#newest.invoked) this.#newest = publication;
    return null;
  }
}

/**
 * Misordered at the application, over all connections: an event handled after one that stands behind it, with no
 * resync in between that would explain it.
 */
export function checkHandlingOrder(story: Story, debts: readonly Debt[]): Finding[] {
  const findings: Finding[] = [];
  const furthest = new Map<string, { n: number; id: string }>();
  const paid = debts
    .flatMap(({ publication, outcome }) =>
      outcome.kind === 'paid' ? [{ publication, ...outcome.sighting }] : [],
    )
    .filter(({ publication }) => publication.tries === 1)
    .sort((a, b) => a.line - b.line);
  for (const { publication, line } of paid) {
    const { channel, n, id, invoked } = publication;
    const ahead = furthest.get(channel);
    if (ahead === undefined || ahead.n < n) {
      furthest.set(channel, { n, id });
    } else if (!story.resyncs.some(resync => resync > invoked && resync < line)) {
      findings.push({
        kind: 'misordered',
        line: line + 1,
        text: `${story.c}: ${id} was handled after ${ahead.id}`,
      });
    }
  }
  return findings;
}

/**
 * Regressed: a cursor from before the last event or the last subscription, though a later one had come; and pings that
 * name an event that hasn't come. In an overlap the cursor presented is repeated, with no other in between.
 */
export function checkPositions(story: Story): Finding[] {
  const findings: Finding[] = [];
  let firstSeen = new Map<string, number>();
  let current = '';
  let notBefore = -1;
  let lastEvent: string | null = null;
  let announced: string | null = null;
  for (const record of story.records) {
    const { line } = record;
    const find = (text: string) =>
      findings.push({ kind: 'regressed', line: line + 1, text: `${story.c}: ${text}` });
    if (record.ev === 'open') {
      firstSeen = new Map();
      current = '';
      notBefore = -1;
      lastEvent = null;
      announced = null;
    }
    if (record.ev === 'event') lastEvent = record.id;
    if (record.ev === 'ping' || record.ev === 'reply') {
      if (record.last !== null && record.last !== lastEvent && record.last !== announced)
        find(`lastEventId ${record.last} after ${lastEvent ?? 'no event'}`);
      announced = record.last;
    }
    if (record.ev === 'open' || !('cursor' in record)) continue;
    const seen = firstSeen.get(record.cursor) ?? line;
    if (record.cursor !== current && seen < notBefore) find(`the cursor went back to ${record.cursor}`);
    firstSeen.set(record.cursor, seen);
    current = record.cursor;
    if (record.ev === 'event' || (record.ev === 'reply' && record.subscribed.length > 0)) notBefore = line;
  }
  return findings;
}
