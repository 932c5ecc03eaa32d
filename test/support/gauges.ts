import type { Gauges } from '../../src/metrics.js';

/** The figures of a process with nothing in it. */
export const EMPTY_GAUGES: Gauges = {
  connections: 0,
  unauthenticated: 0,
  tenantsConnected: 0,
  unsentBytes: 0,
  historyEvents: 0,
  historyBytes: 0,
  historyTenants: 0,
  pastClients: 0,
  feedAttached: true,
  feedHeld: false,
  feedLagSeconds: 0,
  ready: true,
};
