/**
 * @typedef {object} Line
 * @property {string} what
 * @property {number} value
 * @property {string} unit
 * @property {string} bar empty: for information
 * @property {boolean} ok
 * @property {boolean} instrument whether it says that the scenario did what it claims to do
 */

/** @typedef {{ scenario: string, seconds: number, error: string | null, lines: Line[] }} Result */
/** @typedef {ReturnType<typeof openReport>} Report */

/**
 * Prints each figure with its verdict as soon as it is known, and keeps all.
 *
 * @param {string} scenario
 */
export function openReport(scenario) {
  /** @type {Line[]} */
  const lines = [];
  /** @param {Line} line */
  const add = line => {
    lines.push(line);
    console.log(`  ${line.instrument ? '· ' : ''}${line.what} … ${verdict(line)}`);
  };
  /** @param {string} sign @param {(value: number, bar: number) => boolean} holds @param {boolean} instrument */
  const judge =
    (sign, holds, instrument) =>
    /** @param {string} what @param {number} value @param {number} bar @param {string} [unit] */
    (what, value, bar, unit = '') =>
      add({ what, value, unit, bar: `${sign} ${figure(bar)}`, ok: holds(value, bar), instrument });

  return {
    scenario,
    lines,
    atMost: judge('≤', (value, bar) => value <= bar, false),
    atLeast: judge('≥', (value, bar) => value >= bar, false),
    exactly: judge('=', (value, bar) => value === bar, false),
    /** Only where these hold have the other figures a meaning. */
    instrument: {
      atMost: judge('≤', (value, bar) => value <= bar, true),
      atLeast: judge('≥', (value, bar) => value >= bar, true),
      exactly: judge('=', (value, bar) => value === bar, true),
    },
    /** @param {string} what @param {number} value @param {string} [unit] */
    info: (what, value, unit = '') => add({ what, value, unit, bar: '', ok: true, instrument: false }),
  };
}

/** @param {readonly Result[]} results */
export const passed = results =>
  results.every(({ error, lines }) => error === null && lines.every(({ ok }) => ok));

/** @param {readonly Result[]} results */
export function toMarkdown(results) {
  const rows = results.flatMap(({ scenario, error, lines }) => [
    ...lines.map(({ what, value, unit, bar, ok, instrument }) => {
      const word = bar === '' ? '' : ok ? 'ok' : '**missed**';
      return `| ${scenario} | ${instrument ? '· ' : ''}${what} | ${figure(value)}${unit && ` ${unit}`} | ${bar} | ${word} |`;
    }),
    ...(error === null ? [] : [`| ${scenario} | ${error.split('\n')[0]} | | | **failed** |`]),
  ]);
  return ['| scenario | figure | value | bar | |', '|---|---|---:|---:|---|', ...rows].join('\n');
}

/** @param {Line} line */
function verdict({ value, unit, bar, ok }) {
  const text = `${figure(value)}${unit && ` ${unit}`}`;
  return bar === '' ? text : `${text} (bar ${bar}) ${ok ? 'ok' : 'MISSED'}`;
}

/** @param {number} value */
function figure(value) {
  if (Number.isNaN(value)) return 'nothing measured';
  if (Number.isInteger(value)) return value.toLocaleString('en');
  return Math.abs(value) >= 100
    ? Math.round(value).toLocaleString('en')
    : value.toFixed(Math.abs(value) < 10 ? 2 : 1);
}
