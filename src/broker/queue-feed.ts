import { randomBytes } from 'node:crypto';
import type { Feed } from '../connection/feed.js';
import { type BrokerFeedDeps, type BrokerFeedOptions, createBrokerFeed } from './broker-feed.js';
import { createControl } from './control.js';
import type { Fault } from './fault.js';
import { createMarkSender } from './mark-sender.js';
import { attachQueue, type QueueAttachment } from './queue-attachment.js';
import { type QueueTopologyOptions, queueTopology } from './topology.js';

export interface QueueFeedOptions extends BrokerFeedOptions, QueueTopologyOptions {
  /** How often to tell the other pods that what was published before has come through. */
  readonly markIntervalMs: number;
}

export const QUEUE_FEED_DEFAULTS = { markIntervalMs: 1000 } as const satisfies Partial<QueueFeedOptions>;

/**
 * The feed of `FEED=queue`: a queue of this pod's own at the broker, gone with each connection. So events are missed
 * between two attachments, and each but the first begins with a gap.
 */
export function createQueueFeed(options: QueueFeedOptions, deps: BrokerFeedDeps): Feed {
  const leftovers = new Set<string>();
  return createBrokerFeed({ ...options, stream: null }, deps, (output, address) => {
    let current: QueueAttachment | null = null;
    const control = createControl({
      clock: deps.clock,
      isGone: queue => current?.isGone(queue) ?? Promise.resolve(false),
    });
    const onRefused = (fault: Fault) => output.refused('marks', fault);
    const markSender = createMarkSender(options, { clock: deps.clock, address, onRefused });
    return {
      attach(attachment, handlers) {
        current = attachQueue(
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
            told: delivery => control.told(delivery),
            covered: until => output.covered(control.coveredUntil(until), until),
            controlRefused: onRefused,
            canaryRefused: fault => output.refused('canary', fault),
          },
        );
        return current;
      },
      begin(first) {
        markSender.start();
        return { continuity: first ? 'first' : 'gap', at: null, isCaughtUp: true };
      },
      lost() {},
      past: null,
      stop: () => markSender.stop(),
    };
  });
}
