import { LOSS_CAUSES, type FeedReport } from './broker/report.js';
import { REJECTIONS, type RejectionReason } from './broker/rejections.js';
import { TOKEN_FAULTS } from './connection/authenticate.js';
import { PAST_OUTCOMES } from './connection/past.js';
import type { ConnectionReport } from './connection/report.js';
import { ENDINGS } from './protocol/endings.js';
import { ERRORS } from './protocol/errors.js';

/** What is counted, by label value. The values are closed lists: no tenant, user or topic ever becomes a label. */
class Counts {
  readonly label: string;
  readonly #counts: Map<string, number>;

  constructor(label: string, values: readonly string[]) {
    this.label = label;
    this.#counts = new Map(values.map(value => [value, 0]));
  }

  add(value: string): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + 1);
  }

  entries(): Iterable<[string, number]> {
    return this.#counts;
  }
}

/** Figures of the moment, read when somebody asks. */
export interface Gauges {
  readonly connections: number;
  readonly unauthenticated: number;
  readonly tenantsConnected: number;
  readonly unsentBytes: number;
  readonly historyEvents: number;
  readonly historyBytes: number;
  readonly historyTenants: number;
  /** Clients that wait for what lies before the log, or read it. */
  readonly pastClients: number;
  readonly feedAttached: boolean;
  /** The feed is asked to wait, because more comes in than goes out. */
  readonly feedHeld: boolean;
  /** Seconds since the feed last proved that nothing is held back. */
  readonly feedLagSeconds: number;
  readonly ready: boolean;
}

type Sample = number | Counts;

interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly sample: Sample;
}

/** Counters as plain numbers, and their Prometheus text. docs/operations.md lists them; a test compares. */
export class Metrics {
  #opened = 0;
  #deliveries = 0;
  #sentBytes = 0;
  #refreshed = 0;
  #connecting = 0;
  #failed = 0;
  readonly #closed = new Counts('how', [...Object.keys(ENDINGS), 'peer']);
  readonly #authenticated = new Counts('resume', ['new', 'resumed', 'resync']);
  readonly #refused = new Counts('fault', TOKEN_FAULTS);
  readonly #clientErrors = new Counts('code', Object.keys(ERRORS));
  readonly #resyncs = new Counts('reason', ['unknown_position', 'evicted', 'feed_gap']);
  readonly #received = new Counts('outcome', ['appended', 'duplicate', 'conflict', 'expired']);
  readonly #pastRuns = new Counts('outcome', PAST_OUTCOMES);
  readonly #rejected = new Counts('reason', Object.keys(REJECTIONS));
  readonly #lost = new Counts('cause', LOSS_CAUSES);

  readonly connections: ConnectionReport = {
    opened: () => void this.#opened++,
    closed: how => this.#closed.add(how),
    authenticated: resume => this.#authenticated.add(resume),
    refused: fault => this.#refused.add(fault),
    refreshed: () => void this.#refreshed++,
    clientError: code => this.#clientErrors.add(code),
    resync: reason => this.#resyncs.add(reason),
    delivered: (events, bytes) => {
      this.#deliveries += events;
      this.#sentBytes += bytes;
    },
    received: outcome => this.#received.add(outcome),
    pastRead: outcome => this.#pastRuns.add(outcome),
  };

  /** For the feed; `log` is told about each rejection and failure, to log it at a limited rate. */
  feed(log: { rejected(reason: RejectionReason): void; failed(error: unknown): void }): FeedReport {
    return {
      rejected: reason => {
        this.#rejected.add(reason);
        log.rejected(reason);
      },
      failed: error => {
        this.#failed++;
        log.failed(error);
      },
      connecting: () => void this.#connecting++,
      lost: cause => this.#lost.add(cause),
    };
  }

  /** Everything as an object of plain numbers, for `GET /stats`. */
  snapshot(gauges: Gauges): Record<string, number | Record<string, number>> {
    return Object.fromEntries(
      this.#families(gauges).map(({ name, sample }) => [
        name,
        typeof sample === 'number' ? sample : Object.fromEntries(sample.entries()),
      ]),
    );
  }

  /** Prometheus text exposition format 0.0.4. */
  text(gauges: Gauges): string {
    const lines: string[] = [];
    for (const { name, type, help, sample } of this.#families(gauges)) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
      if (typeof sample === 'number') lines.push(`${name} ${sample}`);
      else
        for (const [value, count] of sample.entries())
          lines.push(`${name}{${sample.label}="${value}"} ${count}`);
    }
    return `${lines.join('\n')}\n`;
  }

  #families(gauges: Gauges): Family[] {
    const counter = (name: string, help: string, sample: Sample): Family => ({
      name: `warren_${name}`,
      type: 'counter',
      help,
      sample,
    });
    const gauge = (name: string, help: string, sample: number): Family => ({
      name: `warren_${name}`,
      type: 'gauge',
      help,
      sample,
    });
    const usage = process.resourceUsage();
    return [
      gauge('ready', '1 while new connections are welcome', Number(gauges.ready)),
      gauge('connections', 'Open connections', gauges.connections),
      gauge(
        'connections_unauthenticated',
        'Open connections without a valid token yet',
        gauges.unauthenticated,
      ),
      gauge('tenants_connected', 'Tenants with at least one connection', gauges.tenantsConnected),
      counter('connections_opened_total', 'Connections accepted', this.#opened),
      counter('connections_closed_total', 'Connections ended, by ending', this.#closed),
      counter(
        'connections_authenticated_total',
        'Good first tokens, by how the session began',
        this.#authenticated,
      ),
      counter('tokens_refused_total', 'Tokens refused, by fault', this.#refused),
      counter('tokens_refreshed_total', 'Tokens replaced on an open connection', this.#refreshed),
      counter('client_errors_total', 'Errors told to clients, by code', this.#clientErrors),
      counter('resyncs_total', 'Clients told to fetch their state anew, by reason', this.#resyncs),
      counter('events_received_total', 'Valid events from the feed, by what became of them', this.#received),
      counter(
        'events_rejected_total',
        'Messages from the feed that were no valid event, by reason',
        this.#rejected,
      ),
      counter('events_failed_total', 'Messages that met a bug; should stay 0', this.#failed),
      counter('deliveries_total', 'Events sent to connections', this.#deliveries),
      counter('sent_bytes_total', 'Bytes sent to connections', this.#sentBytes),
      gauge('unsent_bytes', 'Bytes that wait in the process for slow clients', gauges.unsentBytes),
      gauge('history_events', 'Events in the log', gauges.historyEvents),
      gauge('history_bytes', 'Memory of the log, indexes included', gauges.historyBytes),
      gauge('history_tenants', 'Tenants with events in the log', gauges.historyTenants),
      gauge('past_clients', 'Clients that are brought up from before the log', gauges.pastClients),
      counter('past_runs_total', 'Readings of the stream from before the log, by outcome', this.#pastRuns),
      gauge('feed_attached', '1 while events are being consumed', Number(gauges.feedAttached)),
      gauge(
        'feed_held',
        '1 while the backlog is kept at the broker because of overload',
        Number(gauges.feedHeld),
      ),
      gauge(
        'feed_lag_seconds',
        'Age of the last proof that the feed holds nothing back',
        gauges.feedLagSeconds,
      ),
      counter('feed_attempts_total', 'Tries to attach to the broker', this.#connecting),
      counter('feed_lost_total', 'Losses of the feed, by cause', this.#lost),
      gauge('memory_rss_bytes', 'Resident memory of the process', process.memoryUsage.rss()),
      counter('cpu_user_seconds_total', 'CPU time of the process, user', usage.userCPUTime / 1e6),
      counter('cpu_system_seconds_total', 'CPU time of the process, system', usage.systemCPUTime / 1e6),
    ];
  }
}
