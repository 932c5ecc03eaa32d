/**
 * What is measured, and how it is written.
 *
 * @type {Record<string, { title: string, unit: string }>}
 */
export const FIGURES = {
  cpu: { title: 'CPU per delivery', unit: 'µs' },
  rate: { title: 'deliveries per second', unit: '' },
  p50: { title: 'p50', unit: 'ms' },
  p99: { title: 'p99', unit: 'ms' },
  p999: { title: 'p99.9', unit: 'ms' },
  max: { title: 'longest', unit: 'ms' },
  quiet: { title: 'p99 when quiet', unit: 'ms' },
  crowd: { title: 'p99 of the crowd', unit: 'ms' },
  server: { title: 'server, share of its core', unit: '' },
  clients: { title: 'clients, share of a core', unit: '' },
  loadCore: { title: 'second core busy', unit: '' },
  rss: { title: 'memory per connection', unit: 'kB' },
  accept: { title: 'CPU per accept', unit: 'µs' },
  accepts: { title: 'accepts per second', unit: '' },
  resume: { title: 'CPU per resumed client', unit: 'µs' },
  seconds: { title: 'until all were complete', unit: 's' },
  ingest: { title: 'CPU per event', unit: 'µs' },
  events: { title: 'events per second', unit: '' },
  extra: { title: 'extra memory', unit: 'MB' },
  cpuSeconds: { title: 'CPU meanwhile', unit: 's' },
};

/** Above it, the clients were what held up the rest: rates and latencies say little about the server. */
export const CLIENTS_ARE_THE_LIMIT = 0.9;

/** @param {string} figure @param {number | undefined} value */
export function write(figure, value) {
  if (value === undefined || Number.isNaN(value)) return '–';
  const text =
    Math.abs(value) >= 100
      ? Math.round(value).toLocaleString('en')
      : value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
  return `${text}${figure === 'clients' && value > CLIENTS_ARE_THE_LIMIT ? ' (!)' : ''}`;
}

/** @param {string} figure */
export function heading(figure) {
  const { title, unit } = FIGURES[figure] ?? { title: figure, unit: '' };
  return unit === '' ? title : `${title} (${unit})`;
}
