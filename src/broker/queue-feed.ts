import { randomBytes } from 'node:crypto';
import type { Feed } from '../connection/feed.js';
import { type BrokerFeedDeps, type BrokerFeedOptions, createBrokerFeed } from './broker-feed.js';
import { attachQueue } from './queue-attachment.js';
import { type QueueTopologyOptions, queueTopology } from './topology.js';

export interface QueueFeedOptions extends BrokerFeedOptions, QueueTopologyOptions {}

/**
 * The feed of `FEED=queue`: a queue of this pod's own at the broker, gone with each connection. So events are missed
 * between two attachments, and each but the first begins with a gap.
 */
export function createQueueFeed(options: QueueFeedOptions, deps: BrokerFeedDeps): Feed {
  const leftovers = new Set<string>();
  return createBrokerFeed(options, deps, {
    stream: null,
    attach: (attachment, handlers, output) =>
      attachQueue(
        {
          ...attachment,
          prefetch: options.prefetch,
          topology: queueTopology(options, randomBytes(6).toString('hex')),
          leftovers,
        },
        deps.clock,
        {
          ...handlers,
          delivered: delivery => output.delivered(delivery, null),
          covered: until => output.covered(until),
        },
      ),
    begin: first => ({ continuity: first ? 'first' : 'gap', at: null, isCaughtUp: true }),
    lost() {},
  });
}
