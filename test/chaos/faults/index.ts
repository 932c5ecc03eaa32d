import { BROKER_FAULTS } from './broker.js';
import { CLIENT_FAULTS } from './clients.js';
import { CLUSTER_FAULTS } from './cluster.js';
import type { Fault, Feed } from './fault.js';
import { POD_FAULTS } from './pods.js';
import { PUBLISHER_FAULTS } from './publishers.js';

/** All faults there are. */
export const FAULTS: readonly Fault[] = [
  ...BROKER_FAULTS,
  ...CLUSTER_FAULTS,
  ...POD_FAULTS,
  ...CLIENT_FAULTS,
  ...PUBLISHER_FAULTS,
];

/** Those that make sense with a feed. */
export function faultsOf(feed: Feed): readonly Fault[] {
  return FAULTS.filter(({ feeds }) => feeds.includes(feed));
}
