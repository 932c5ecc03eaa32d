import { write } from './figures.mjs';
import { medianOf } from './results.mjs';

const WIDTH = 760;
const LABEL = 120;
const ROW = 20;
const BAR = 14;
const CHART = { width: 205, height: 130, gap: 40, left: 30 };
const COLOURS = /** @type {Record<string, string>} */ ({
  warren: '#b5541c',
  bare: '#c3c6cc',
  'plain-loop': '#8a8f98',
  'socket-io': '#5b6f8f',
  nchan: '#4f8a6b',
  'web-stomp': '#9a7fb0',
});
const OTHER = '#777';
/** Scenarios of which peers are compared by a bar each, with the figure. */
const COMPARED = [
  ['a', 'cpu'],
  ['b', 'cpu'],
  ['c', 'cpu'],
  ['d', 'cpu'],
  ['e', 'rss'],
  ['f', 'accept'],
];
const CURVES = [
  { ends: ' connections', title: 'connections' },
  { ends: ' B', title: 'bytes of an event' },
  { starts: 'log of ', title: 'events in the log' },
];

/**
 * Bars for the peers, each scenario on a scale of its own, and below them how Warren's cost grows.
 *
 * @param {import('./results.mjs').Results} results
 * @param {readonly import('./scenarios/scenario.mjs').Scenario[]} scenarios
 */
export function toSvg(results, scenarios) {
  /** @type {string[]} */
  const parts = [];
  let y = 10;
  for (const [id = '', figure = ''] of COMPARED) {
    const scenario = scenarios.find(one => one.id === id);
    const result = results.scenarios[id];
    if (scenario === undefined || result === undefined) continue;
    const bars = scenario.variants
      .map(({ key, peer }) => ({ key, peer, value: medianOf(result, key, figure) }))
      .filter(({ value }) => !Number.isNaN(value));
    const unit = figure === 'rss' ? 'kB' : 'µs';
    const what = { cpu: 'CPU per delivery', rss: 'memory per connection', accept: 'CPU per accept' }[figure];
    parts.push(text(0, y + 12, `(${id}) ${scenario.title}: ${what}, ${unit}`, 'head'));
    y += 22;
    const most = Math.max(...bars.map(({ value }) => value));
    for (const { key, peer, value } of bars) {
      const width = Math.max(1, (value / most) * (WIDTH - LABEL - 70));
      parts.push(
        text(LABEL - 8, y + 11, key, 'right'),
        `<rect x="${LABEL}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${COLOURS[peer] ?? OTHER}"/>`,
        text(LABEL + width + 6, y + 11, write(figure, value), ''),
      );
      y += ROW;
    }
    y += 14;
  }
  const curves = results.scenarios['k'];
  if (curves !== undefined) {
    parts.push(text(0, y + 12, '(k) Warren: CPU per delivery, µs (both axes logarithmic)', 'head'));
    for (const [index, curve] of CURVES.entries())
      parts.push(chart(curves, curve, CHART.left + index * (CHART.width + CHART.gap), y + 28));
    y += CHART.height + 70;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" font-family="system-ui, sans-serif" font-size="12">
<style>text{fill:#333}.head{font-weight:600}.right{text-anchor:end}.middle{text-anchor:middle}</style>
<rect width="100%" height="100%" fill="#fff"/>
${parts.join('\n')}
</svg>
`;
}

/**
 * @param {import('./results.mjs').Result} result
 * @param {{ starts?: string, ends?: string, title: string }} curve
 * @param {number} left
 * @param {number} top
 */
function chart(result, { starts = '', ends = '', title }, left, top) {
  const points = Object.keys(result.runs)
    .filter(key => key.startsWith(starts) && key.endsWith(ends))
    .map(key => ({ x: Number(key.replaceAll(/\D/g, '')), y: medianOf(result, key, 'cpu') }))
    .toSorted((a, b) => a.x - b.x);
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || first === last) return '';
  const least = Math.min(...points.map(point => point.y)) / 1.5;
  const most = Math.max(...points.map(point => point.y)) * 1.5;
  const across = (/** @type {number} */ x) =>
    left + (Math.log(x / first.x) / Math.log(last.x / first.x)) * CHART.width;
  const down = (/** @type {number} */ y) =>
    top + CHART.height - (Math.log(y / least) / Math.log(most / least)) * CHART.height;
  const line = points.map(({ x, y }) => `${across(x).toFixed(1)},${down(y).toFixed(1)}`).join(' ');
  return [
    `<path d="M${left} ${top}V${top + CHART.height}H${left + CHART.width}" fill="none" stroke="#aaa"/>`,
    `<polyline points="${line}" fill="none" stroke="${COLOURS['warren']}" stroke-width="2"/>`,
    ...points.map(
      ({ x, y }) =>
        `<circle cx="${across(x).toFixed(1)}" cy="${down(y).toFixed(1)}" r="3" fill="${COLOURS['warren']}"/>` +
        text(across(x), down(y) - 7, write('cpu', y), 'middle') +
        text(across(x), top + CHART.height + 15, short(x), 'middle'),
    ),
    text(left + CHART.width / 2, top + CHART.height + 32, title, 'middle'),
  ].join('\n');
}

/** @param {number} value */
function short(value) {
  if (value >= 1e6) return `${value / 1e6} M`;
  return value >= 1000 ? `${value / 1000} k` : String(value);
}

/** @param {number} x @param {number} y @param {string} content @param {string} kind */
function text(x, y, content, kind) {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${kind === '' ? '' : ` class="${kind}"`}>${escaped}</text>`;
}
