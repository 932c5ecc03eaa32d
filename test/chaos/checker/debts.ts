import type { Publication, Publications } from './publications.js';
import { matchesAny, type Sighting, type Span, type Story } from './story.js';

/** What became of an event that was owed to a client. */
export interface Debt {
  readonly publication: Publication;
  /** Paid and `isExtra`: it came although a resync had said before that it may be missing. */
  readonly outcome:
    | { readonly kind: 'paid'; readonly sighting: Sighting; readonly isExtra: boolean }
    /** A resync says that it may be missing. */
    | { readonly kind: 'covered' }
    /** `by`: the line by which it should have come, that of an event which stands behind it. */
    | { readonly kind: 'lost'; readonly by: number };
}

/**
 * What was owed to a client: confirmed events for its tenant or user that were first tried after it was connected, and
 * those for topics whose subscription certainly held. An event at the edge of a subscription is neither owed nor
 * forbidden.
 */
export function debtsOf(story: Story, publications: Publications): Debt[] {
  const successors = new Successors(story, publications);
  const debts: Debt[] = [];
  for (const publication of publications.values()) {
    if (publication.confirmed === Infinity || publication.invoked < story.begun) continue;
    if (!isOwed(story, publication, successors)) continue;
    debts.push({ publication, outcome: outcomeOf(story, publication, successors) });
  }
  return debts;
}

function outcomeOf(story: Story, publication: Publication, successors: Successors): Debt['outcome'] {
  const sighting = story.handled.get(publication.id);
  const resync = story.resyncs.find(line => line > publication.invoked);
  if (sighting !== undefined) {
    return { kind: 'paid', sighting, isExtra: resync !== undefined && resync < sighting.line };
  }
  const by = successors.first(publication);
  return resync !== undefined && resync < by ? { kind: 'covered' } : { kind: 'lost', by };
}

function isOwed(story: Story, publication: Publication, successors: Successors): boolean {
  const { to, invoked } = publication;
  if (to.kind === 'all') return true;
  if (to.tenant !== story.tenant) return false;
  if (to.kind === 'tenant' || to.users.includes(story.user)) return true;
  const held = (spans: readonly Span[]) =>
    spans.some(
      ({ from, to: until }) =>
        from < invoked && (until === Infinity || (invoked < until && successors.first(publication) < until)),
    );
  for (const [pattern, spans] of story.subscriptions) {
    if (matchesAny([pattern], to.topics) && held(spans)) return true;
  }
  return false;
}

/** The smallest line among the sightings from one on. */
interface Mark {
  readonly key: number;
  line: number;
}

/**
 * When a client had, for the first time, an event that stands behind a given one in every queue: published later on
 * the same channel, or tried after the given one was confirmed. By then the given one must have come.
 */
class Successors {
  readonly #byInvocation: readonly Mark[];
  readonly #byChannel = new Map<string, readonly Mark[]>();

  constructor(story: Story, publications: Publications) {
    const all: Mark[] = [];
    const channels = new Map<string, Mark[]>();
    for (const publication of publications.values()) {
      const sighting = story.handled.get(publication.id);
      if (sighting === undefined) continue;
      all.push({ key: publication.invoked, line: sighting.line });
      if (publication.tries > 1) continue;
      const marks = channels.get(publication.channel) ?? [];
      marks.push({ key: publication.n, line: sighting.line });
      channels.set(publication.channel, marks);
    }
    this.#byInvocation = withMinima(all);
    for (const [channel, marks] of channels) this.#byChannel.set(channel, withMinima(marks));
  }

  first(publication: Publication): number {
    const later = after(this.#byInvocation, publication.confirmed);
    if (publication.tries > 1) return later;
    return Math.min(later, after(this.#byChannel.get(publication.channel) ?? [], publication.n));
  }
}

/** Ascending by key already: publications are in the order of their first tries, and so are a channel's numbers. */
function withMinima(marks: Mark[]): readonly Mark[] {
  let least = Infinity;
  for (const mark of marks.toReversed()) {
    least = Math.min(least, mark.line);
    mark.line = least;
  }
  return marks;
}

function after(marks: readonly Mark[], key: number): number {
  let low = 0;
  let high = marks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((marks[middle]?.key ?? Infinity) > key) high = middle;
    else low = middle + 1;
  }
  return marks[low]?.line ?? Infinity;
}
