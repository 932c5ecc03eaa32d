import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toDocument } from '../../../scripts/bench/document.mjs';
import { toSvg } from '../../../scripts/bench/plot.mjs';
import { SCENARIOS } from '../../../scripts/bench/scenarios/index.mjs';
import { results } from './figures.js';

const RESULTS = results({ warren: [5], nchan: [10] });

test('the page holds machine, versions, bars and figures', () => {
  const page = toDocument(RESULTS, SCENARIOS, '');
  for (const part of ['2 × a processor', 'warren 1', '2026-01-02', '| 0.50 × nchan | ≤ 1.20 × nchan | ok |'])
    assert.ok(page.includes(part), part);
  assert.match(page, /^### \(a\) Broadcast/m);
  assert.doesNotMatch(page, /^### \(b\)/m);
});

test('findings that somebody wrote outlive a new page', () => {
  const first = toDocument(RESULTS, SCENARIOS, '');
  assert.ok(first.includes('None yet.'));
  const written = first.replace('None yet.', '- What was slow is fast.\n- So is this.');
  const second = toDocument(results({ warren: [6], nchan: [10] }), SCENARIOS, written);
  assert.ok(second.includes('- What was slow is fast.\n- So is this.'));
  assert.ok(second.includes('0.60 × nchan'));
  assert.equal(toDocument(RESULTS, SCENARIOS, toDocument(RESULTS, SCENARIOS, written)), written);
});

test('measurements that did not count are said', () => {
  const { a } = RESULTS.scenarios;
  assert.ok(a !== undefined);
  const page = toDocument({ ...RESULTS, scenarios: { a: { ...a, repeated: 3 } } }, SCENARIOS, '');
  assert.match(page, /^1 run, and 3 measurements that didn't count/m);
});

test('the longest bar of a plot is as much longer as its figure is larger', () => {
  const svg = toSvg(RESULTS, SCENARIOS);
  const widths = [...svg.matchAll(/<rect x="\d+" y="\d+" width="([\d.]+)"/g)].map(([, width]) =>
    Number(width),
  );
  assert.equal(widths.length, 2);
  assert.ok(Math.abs((widths[1] ?? 0) / (widths[0] ?? 1) - 2) < 0.01);
});

test('a plot is well-formed, whatever a variant is called', () => {
  const odd = SCENARIOS.map(scenario => ({
    ...scenario,
    variants: [{ key: 'a <b> & c', peer: 'warren', measure: () => Promise.resolve({}) }],
  }));
  const svg = toSvg(results({ 'a <b> & c': [1] }), odd);
  assert.ok(svg.includes('a &lt;b> &amp; c'));
  assert.equal(svg.match(/<text/g)?.length, svg.match(/<\/text>/g)?.length);
});

test('a curve has a point for each size', () => {
  const runs = Object.fromEntries(
    [10, 1000, 15_000].map(clients => [`${clients.toLocaleString('en')} connections`, [{ cpu: clients }]]),
  );
  const k = { id: 'k', when: '', runs, skipped: {}, repeated: 0 };
  const svg = toSvg({ ...RESULTS, scenarios: { k } }, SCENARIOS);
  assert.equal(svg.match(/<circle/g)?.length, 3);
  const [, points = ''] = /<polyline points="([^"]+)"/.exec(svg) ?? [];
  const places = points.split(' ').map(point => point.split(',').map(Number));
  assert.ok(
    places.every(
      ([x, y], index) =>
        index === 0 || ((x ?? 0) > (places[index - 1]?.[0] ?? 0) && (y ?? 0) < (places[index - 1]?.[1] ?? 0)),
    ),
  );
});
