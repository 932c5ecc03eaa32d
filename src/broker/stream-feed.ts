import type { Feed, PastSource, StreamPlace } from '../connection/feed.js';
import { type BrokerFeedDeps, type BrokerFeedOptions, createBrokerFeed } from './broker-feed.js';
import { takeIn } from './intake.js';
import { attachStream, type StreamAttachment } from './stream-attachment.js';
import type { PastHandlers } from './stream-past.js';
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
  /** At the newest look, of whichever attachment: the exchange can also be deleted while there is none. */
  let hadCanary = false;

  let current: StreamAttachment | null = null;
  const { decode, report } = deps;
  const past: PastSource = {
    read(from, sink) {
      // Rejected once already, when it came live.
      const intake = {
        decode,
        sink,
        report: { rejected() {}, failed: (error: unknown) => report.failed(error) },
      };
      const handlers: PastHandlers = {
        delivered: (delivery, place) => takeIn(delivery, place, intake),
        ended: why => sink.ended(why),
      };
      if (current !== null) return current.readPast(from, handlers);
      queueMicrotask(() => sink.ended('not attached'));
      return { hold() {}, stop() {} };
    },
  };

  return createBrokerFeed(options, deps, output => ({
    attach(attachment, handlers) {
      current = attachStream({ ...options, ...attachment, topology, after: last }, deps.clock, {
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
        canaryLooked(isThere) {
          if (hadCanary && !isThere) wasUnbound = true;
          hadCanary = isThere;
        },
        canaryRefused: fault => output.refused('canary', fault),
      });
      return current;
    },
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
    past,
    stop: () => Promise.resolve(),
  }));
}
