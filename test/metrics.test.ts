import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Gauges, Metrics } from '../src/metrics.js';
import { ENDINGS } from '../src/protocol/endings.js';

const GAUGES: Gauges = {
  connections: 3,
  unauthenticated: 1,
  tenantsConnected: 2,
  historyEvents: 10,
  historyBytes: 1000,
  historyTenants: 4,
  pastClients: 5,
  feedAttached: true,
  feedHeld: false,
  unsentBytes: 0,
  feedLagSeconds: 0.25,
  ready: true,
};

function sample(metrics: Metrics, name: string): number {
  const line = metrics
    .text(GAUGES)
    .split('\n')
    .find(one => one.startsWith(`${name} `));
  assert.ok(line !== undefined, name);
  return Number(line.slice(name.length));
}

describe('metrics', () => {
  it('are in the Prometheus text format: HELP and TYPE once a family, then its samples', () => {
    const text = new Metrics().text(GAUGES);
    assert.ok(text.endsWith('\n'));
    const lines = text.trimEnd().split('\n');
    let family = '';
    const seen = new Set<string>();
    for (const line of lines) {
      const help = /^# HELP (\S+) \S.*$/.exec(line)?.[1];
      const type = /^# TYPE (\S+) (?:counter|gauge)$/.exec(line)?.[1];
      if (help !== undefined) {
        assert.ok(!seen.has(help), help);
        seen.add(help);
        family = help;
      } else if (type !== undefined) assert.equal(type, family);
      else {
        const name = /^([a-z_]+)(?:\{[a-z]+="\w+"\})? -?\d+(?:\.\d+)?(?:e[+-]\d+)?$/.exec(line)?.[1];
        assert.equal(name, family, line);
      }
    }
    for (const name of seen) assert.match(name, /^warren_[a-z_]+$/);
  });

  it('name counters with _total and have no tenant, user or topic as a label', () => {
    const text = new Metrics().text(GAUGES);
    for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\w+)$/gm)) {
      assert.equal(type === 'counter', name?.endsWith('_total'), name);
    }
    const labels = new Set([...text.matchAll(/\{(\w+)=/g)].map(match => match[1]));
    for (const label of labels) assert.ok(!/tenant|user|topic/.test(label ?? ''), label);
  });

  it('have all label values from the start, so that a rate has a beginning', () => {
    const text = new Metrics().text(GAUGES);
    for (const how of [...Object.keys(ENDINGS), 'peer'])
      assert.ok(text.includes(`warren_connections_closed_total{how="${how}"} 0\n`), how);
  });

  it('count what connections report', () => {
    const metrics = new Metrics();
    const report = metrics.connections;
    report.opened();
    report.authenticated('resumed');
    report.refused('expired');
    report.refreshed();
    report.clientError('malformed');
    report.resync('evicted');
    report.delivered(3, 200);
    report.delivered(1, 50);
    report.received('duplicate');
    report.closed('fellOff');
    report.closed('peer');
    const expected = {
      warren_connections_opened_total: 1,
      'warren_connections_authenticated_total{resume="resumed"}': 1,
      'warren_tokens_refused_total{fault="expired"}': 1,
      warren_tokens_refreshed_total: 1,
      'warren_client_errors_total{code="malformed"}': 1,
      'warren_resyncs_total{reason="evicted"}': 1,
      warren_deliveries_total: 4,
      warren_sent_bytes_total: 250,
      'warren_events_received_total{outcome="duplicate"}': 1,
      'warren_connections_closed_total{how="fellOff"}': 1,
      'warren_connections_closed_total{how="peer"}': 1,
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(sample(metrics, name), value, name);
  });

  it('count what a feed reports, and pass its rejections and failures on to the log', () => {
    const metrics = new Metrics();
    const logged: unknown[] = [];
    const report = metrics.feed({
      rejected: reason => void logged.push(reason),
      failed: error => void logged.push(error),
    });
    report.rejected('not_json');
    report.failed('a bug');
    report.connecting();
    report.lost('overflow');
    assert.deepEqual(logged, ['not_json', 'a bug']);
    const expected = [
      'warren_events_rejected_total{reason="not_json"}',
      'warren_events_failed_total',
      'warren_feed_attempts_total',
      'warren_feed_lost_total{cause="overflow"}',
    ];
    for (const name of expected) assert.equal(sample(metrics, name), 1, name);
  });

  it('show the gauges of the moment', () => {
    const metrics = new Metrics();
    assert.equal(sample(metrics, 'warren_connections'), 3);
    assert.equal(sample(metrics, 'warren_ready'), 1);
    assert.equal(sample(metrics, 'warren_feed_lag_seconds'), 0.25);
    assert.ok(sample(metrics, 'warren_memory_rss_bytes') > 1e6);
  });

  it('are the same numbers in the snapshot', () => {
    const metrics = new Metrics();
    metrics.connections.closed('peer');
    const { warren_connections_closed_total: closed, warren_connections: open } = metrics.snapshot(GAUGES);
    assert.equal(open, 3);
    assert.ok(typeof closed === 'object' && closed['peer'] === 1 && closed['drain'] === 0);
  });
});
