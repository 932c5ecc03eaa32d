import { medianOf } from './results.mjs';

/**
 * A figure must be at most so much, or at most so many times another one.
 *
 * @typedef {object} Bar
 * @property {string} scenario
 * @property {string} figure
 * @property {string} of variant
 * @property {number} most
 * @property {{ variant: string, figure: string }} [times] of what; else it is in the figure's unit
 */

/** @typedef {{ bar: Bar, value: number, verdict: 'ok' | 'missed' | 'not measured' }} Judged `value`: what is compared with the bar */

/** @param {string} scenario @param {string} of @param {string} figure @param {Record<string, number>} against @returns {Bar[]} */
const comparedWith = (scenario, of, figure, against) =>
  Object.entries(against).map(([variant, most]) => ({
    scenario,
    figure,
    of,
    most,
    times: { variant, figure },
  }));

/** Two measurements of the same differ by so much here. */
const SAME = 1.15;

/** @type {readonly Bar[]} */
export const BARS = [
  ...comparedWith('a', 'warren', 'cpu', { 'socket-io': 0.7, nchan: 1.2, 'web-stomp': 0.1 }),
  ...comparedWith('b', 'warren', 'cpu', { nchan: 0.15, 'socket-io': 0.08 }),
  ...comparedWith('c', 'warren', 'cpu', { 'socket-io': 0.65, nchan: 1.25 }),
  ...comparedWith('d', 'warren', 'cpu', { nchan: 0.3, 'socket-io': 0.18 }),
  { scenario: 'e', figure: 'rss', of: 'warren', most: 10 },
  ...comparedWith('e', 'warren', 'rss', { nchan: 1, 'socket-io': 1 }),
  { scenario: 'f', figure: 'accept', of: 'warren HS256', most: 250 },
  ...comparedWith('f', 'warren HS256', 'accept', { 'socket-io': 1 }),
  { scenario: 'g', figure: 'resume', of: 'log of 100,000', most: 400 },
  {
    scenario: 'g',
    figure: 'p99',
    of: 'log of 100,000',
    most: 2,
    times: { variant: 'log of 100,000', figure: 'quiet' },
  },
  ...comparedWith('g', 'log of 100,000', 'resume', { 'log of 10,000': SAME }),
  { scenario: 'h', figure: 'ingest', of: 'warren', most: 12 },
  { scenario: 'i', figure: 'p99', of: 'warren', most: 10 },
  { scenario: 'j', figure: 'extra', of: 'warren', most: 30 },
];

/**
 * Medians against the bars.
 *
 * @param {Record<string, import('./results.mjs').Result>} scenarios
 * @returns {Judged[]} of those that were run
 */
export function judge(scenarios) {
  return BARS.filter(({ scenario }) => scenario in scenarios).map(bar => {
    const result = scenarios[bar.scenario];
    const own = medianOf(result, bar.of, bar.figure);
    const value = bar.times === undefined ? own : own / medianOf(result, bar.times.variant, bar.times.figure);
    const verdict = Number.isNaN(value) ? 'not measured' : value <= bar.most ? 'ok' : 'missed';
    return { bar, value, verdict };
  });
}
