import type { HistoryRecord } from '../records.js';
import type { Finding } from './findings.js';

/** A pod's history may take 64 MiB (`HISTORY_MAX_BYTES`), and a heap that has just been busy is not given back at once. */
const GROWTH_BYTES = 160 * 2 ** 20;

/** Leftover and crashed: what pods and broker look like once all clients have gone, and how pods ended. */
export function checkRemains(history: readonly HistoryRecord[]): Finding[] {
  const findings: Finding[] = [];
  const first = new Map<string, number>();
  history.forEach((record, index) => {
    const find = (kind: 'leftover' | 'crashed', text: string) =>
      findings.push({ kind, line: index + 1, text });
    if (record.k === 'left') {
      for (const name of [...record.queues, ...record.exchanges]) find('leftover', `at the broker: ${name}`);
    }
    if (record.k !== 'pod') return;
    const { pod } = record;
    if (record.ev === 'sample' && !first.has(pod)) first.set(pod, record.rss);
    if (record.ev === 'idle') {
      const grown = record.rss - (first.get(pod) ?? record.rss);
      if (record.left > 0) find('leftover', `${pod}: ${record.left} connections, timers or routes`);
      if (grown > GROWTH_BYTES) find('leftover', `${pod}: memory grew by ${Math.round(grown / 2 ** 20)} MiB`);
    }
    if (record.ev === 'exit') {
      if (!record.asked) find('crashed', `${pod} ended by itself with ${record.code ?? 'a signal'}`);
      else if (record.code !== 0 && record.code !== null) find('crashed', `${pod} ended with ${record.code}`);
    }
  });
  return findings;
}
