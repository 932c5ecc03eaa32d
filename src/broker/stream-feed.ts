import type { Feed, StreamPlace } from '../connection/feed.js';
import { type BrokerFeedDeps, type BrokerFeedOptions, createBrokerFeed } from './broker-feed.js';
import { attachStream } from './stream-attachment.js';
import { type StreamTopologyOptions, streamTopology } from './topology.js';

export interface StreamFeedOptions extends BrokerFeedOptions, StreamTopologyOptions {
  /** How far back to begin: no more events than these, and none from before that time. */
  readonly historyMaxEvents: number;
  readonly historyMaxAgeMs: number;
  /** How long a broker may take to send the first message of what was asked for, before it counts as not there. */
  readonly lookGraceMs: number;
}

export const STREAM_FEED_DEFAULTS = { lookGraceMs: 1000 } as const satisfies Partial<StreamFeedOptions>;

/**
 * The feed of `FEED=stream`: one stream at the broker that all pods read. It outlives connections, so an attachment
 * goes on behind the last message that was taken, once the broker has shown that very message again.
 */
export function createStreamFeed(options: StreamFeedOptions, deps: BrokerFeedDeps): Feed {
  const topology = streamTopology(options);
  /** The last message taken. */
  let last: StreamPlace | null = null;
  let isUnbroken = false;
  let wasUnbound = false;

  return createBrokerFeed(options, deps, output => ({
    attach: (attachment, handlers) =>
      attachStream({ ...options, ...attachment, topology, after: last }, deps.clock, {
        ...handlers,
        began(continuity) {
          isUnbroken = continuity === 'unbroken';
          if (!isUnbroken) last = null;
        },
        delivered(delivery, place) {
          last = place;
          output.delivered(delivery, place);
        },
        covered: until => output.covered(until, until),
        canaryRefused: fault => output.refused('canary', fault),
      }),
    begin(first) {
      const continuity = first ? 'first' : isUnbroken && !wasUnbound ? 'unbroken' : 'gap';
      wasUnbound = false;
      // After a gap not the last one taken: who stands there would be told that nothing is missing behind it.
      return { continuity, at: continuity === 'unbroken' ? last : null, isCaughtUp: false };
    },
    lost(cause) {
      // The binding went with the exchange: what was published until it was bound again isn't in the stream.
      if (cause === 'exchange') wasUnbound = true;
    },
    stop: () => Promise.resolve(),
  }));
}
