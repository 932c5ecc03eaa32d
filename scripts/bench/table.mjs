import { BARS } from './bars.mjs';
import { FIGURES, heading, write } from './figures.mjs';
import { medianOf } from './results.mjs';

/** @typedef {import('./results.mjs').Result} Result */

/**
 * Medians, a line for each variant; behind the first figure how it compares with Warren's.
 *
 * @param {import('./scenarios/scenario.mjs').Scenario} scenario
 * @param {Result} result
 * @returns {string[][]} rows, the headings first
 */
export function rowsOf(scenario, result) {
  const [main = '', ...others] = scenario.figures;
  const shown = scenario.variants.filter(({ key }) => key in result.runs || key in result.skipped);
  const peers = new Set(shown.map(({ peer }) => peer));
  const isComparison = peers.size > 1;
  const first = shown.find(({ peer }) => peer === 'warren');
  const base = first === undefined ? Number.NaN : medianOf(result, first.key, main);
  const ratio = (/** @type {string} */ key) => write('', medianOf(result, key, main) / base);
  /** @param {string} key @returns {string[]} */
  const rowOf = key => {
    if (!(key in result.runs)) return [key, result.skipped[key] ?? ''];
    const own = `${write(main, medianOf(result, key, main))}${spread(result, key, main)}`;
    const rest = others.map(figure => write(figure, medianOf(result, key, figure)));
    return isComparison ? [key, own, ratio(key), ...rest] : [key, own, ...rest];
  };
  const head = [heading(main), ...(isComparison ? ['× Warren'] : []), ...others.map(heading)];
  return [['', ...head], ...shown.map(({ key }) => rowOf(key))];
}

/** The least and the most. @param {Result} result @param {string} key @param {string} figure */
function spread(result, key, figure) {
  const values = (result.runs[key] ?? []).map(figures => figures[figure] ?? Number.NaN);
  if (values.length < 2) return '';
  return ` (${write(figure, Math.min(...values))}–${write(figure, Math.max(...values))})`;
}

/** @param {readonly import('./bars.mjs').Judged[]} judged @returns {string[][]} */
export function rowsOfBars(judged) {
  return [
    ['', 'figure', 'measured', 'bar', ''],
    ...judged.map(({ bar: { scenario, figure, of, most, times }, value, verdict }) => {
      const unit = times === undefined ? ` ${FIGURES[figure]?.unit ?? ''}` : ' ×';
      const isSame = times !== undefined && times.variant === of;
      const against = times === undefined ? '' : ` ${isSame ? heading(times.figure) : times.variant}`;
      return [
        scenario,
        `${FIGURES[figure]?.title ?? figure}, ${of}`,
        verdict === 'not measured' ? '–' : `${write('', value)}${unit}${against}`,
        `≤ ${write('', most)}${unit}${against}`,
        verdict,
      ];
    }),
  ];
}

/** For the terminal. @param {readonly string[][]} rows */
export function align(rows) {
  const columns = Math.max(...rows.map(row => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map(row => (row.length === 2 && column === 1 ? 0 : (row[column]?.length ?? 0)))),
  );
  return rows
    .map(row =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  '),
    )
    .join('\n');
}

/** For the docs. @param {readonly string[][]} rows */
export function toMarkdown(rows) {
  const [head = [], ...body] = rows;
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [
    line(head),
    `|${head.map((_, column) => (column === 0 ? '---' : '---:')).join('|')}|`,
    ...body.map(row => line([...row, ...Array.from({ length: head.length - row.length }, () => '')])),
  ].join('\n');
}

/** Whether a scenario has bars at all. @param {string} id */
export const hasBars = id => BARS.some(({ scenario }) => scenario === id);
