import type { Finding } from './findings.js';
import { isResync, type Story } from './story.js';

/** Where a client first had a cursor: whose it is. */
interface Origin {
  readonly pod: string;
  readonly line: number;
}

/**
 * Duplicated: handled twice; or sent again where nothing may come twice, that is on one connection, and after a resume
 * with a cursor which the same pod gave out at or behind that event. With a stream that holds for all pods, but not
 * beyond a resync on a pod that hadn't come as far as the client: it gives out a cursor from before what the client had,
 * or reads a stream that was created anew from the beginning.
 */
export function checkRepeats(
  story: Story,
  feed: 'queue' | 'stream',
): { findings: Finding[]; onWire: number } {
  const findings: Finding[] = [];
  const handled = new Set<string>();
  const sent = new Map<string, { conn: number; pod: string; line: number }>();
  const origins = new Map<string, Origin>();
  let presented: Origin | null = null;
  let pod = '';
  let knownFrom = -1;
  let onWire = 0;
  for (const record of story.records) {
    const { line, conn } = record;
    if (record.ev === 'open') {
      pod = record.pod;
      presented = record.cursor === null ? null : (origins.get(record.cursor) ?? null);
      continue;
    }
    if (isResync(record) && 'reason' in record) {
      const isAnew = feed === 'stream' && record.reason === 'feed_gap';
      if (isAnew || record.reason === 'unknown_position') knownFrom = line;
    }
    if (record.ev === 'event') {
      const find = (text: string) =>
        findings.push({ kind: 'duplicated', line: line + 1, text: `${story.c}: ${record.id} ${text}` });
      if (!record.seen && handled.has(record.id)) find('was handled twice');
      handled.add(record.id);
      const earlier = sent.get(record.id);
      if (earlier !== undefined) {
        onWire++;
        const isBehind = presented !== null && earlier.line <= presented.line && earlier.line > knownFrom;
        const isExact = feed === 'stream' || (presented?.pod === pod && earlier.pod === pod);
        if (earlier.conn === conn) find('came twice on one connection');
        else if (isBehind && isExact) find('came again after a resume from behind it');
      }
      sent.set(record.id, { conn, pod, line });
    }
    if ('cursor' in record && !origins.has(record.cursor)) origins.set(record.cursor, { pod, line });
  }
  return { findings, onWire };
}
