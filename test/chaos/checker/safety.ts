import type { Finding } from './findings.js';
import type { Publication, Publications } from './publications.js';
import { matchesAny, type Story } from './story.js';

/** Leaked and unexpected: what came although it mustn't have. */
export function checkSafety(story: Story, publications: Publications): Finding[] {
  const findings: Finding[] = [];
  // What the server may take for subscribed: from the moment of asking, until it has said that it is over.
  let possible = new Set<string>();
  for (const record of story.records) {
    const { line } = record;
    const find = (kind: 'leaked' | 'unexpected', text: string) =>
      findings.push({ kind, line: line + 1, text: `${story.c}: ${text}` });
    if (record.ev === 'open') possible = new Set(record.subscribe);
    if (record.ev === 'connected') possible = new Set(record.subscribed);
    if (record.ev === 'ask') for (const pattern of record.subscribe) possible.add(pattern);
    if (record.ev === 'reply') for (const pattern of record.unsubscribed) possible.delete(pattern);
    if (record.ev !== 'event') continue;
    const publication = publications.get(record.id);
    if (publication === undefined || publication.invoked > line) {
      find('unexpected', `${record.id} was never published`);
    } else if (publication.hash !== record.hash) {
      find('unexpected', `${record.id} came with other content`);
    } else if (!mayHave(story, publication, possible)) {
      find('leaked', `${record.id} is for ${JSON.stringify(publication.to)}`);
    }
  }
  return findings;
}

function mayHave(story: Story, { to }: Publication, possible: ReadonlySet<string>): boolean {
  if (to.kind === 'all') return true;
  if (to.tenant !== story.tenant) return false;
  return to.kind === 'tenant' || to.users.includes(story.user) || matchesAny(possible, to.topics);
}
