import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { Feed, FeedSink } from '../connection/feed.js';
import type { Logger } from '../logger.js';
import { type BrokerAddress, parseBrokerAddress } from './address.js';
import { createFeedLog } from './feed-log.js';
import { type Decode, takeIn } from './intake.js';
import { createPublisher } from './publisher.js';
import {
  attachQueue,
  type Ending,
  type QueueAttachment,
  type QueueAttachmentHandlers,
} from './queue-attachment.js';
import type { FeedReport } from './report.js';
import { type AttachmentHandlers, supervise } from './supervisor.js';
import type { FeedTls } from './tls-files.js';
import { type QueueTopologyOptions, queueTopology } from './topology.js';

export interface QueueFeedOptions extends QueueTopologyOptions {
  /** `amqp://` or `amqps://`, tried in turn. */
  readonly urls: readonly string[];
  readonly tls: FeedTls | null;
  readonly prefetch: number;
  /** 0: give up at once; -1: never. */
  readonly reconnectDeadlineMs: number;
  /** 0: none. RabbitMQ advises 5 to 20; a dead broker is noticed after two to three. */
  readonly heartbeatSeconds: number;
  readonly connectTimeoutMs: number;
  /** How long a published message may wait for its confirm. */
  readonly confirmTimeoutMs: number;
  /** How often to ask up to when everything has come. */
  readonly soundIntervalMs: number;
  /** How often to ask whether the exchange is still there. */
  readonly probeIntervalMs: number;
}

export const QUEUE_FEED_DEFAULTS = {
  heartbeatSeconds: 10,
  connectTimeoutMs: 5000,
  confirmTimeoutMs: 5000,
  soundIntervalMs: 1000,
  probeIntervalMs: 5000,
} as const satisfies Partial<QueueFeedOptions>;

export interface QueueFeedDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly decode: Decode;
  readonly report: FeedReport;
  /** 0 ≤ x < 1 */
  readonly random?: () => number;
}

/**
 * The feed of `FEED=queue`: a queue of this pod's own at the broker, gone with each connection. So events are missed
 * between two attachments, and each but the first begins with a gap.
 */
export function createQueueFeed(options: QueueFeedOptions, deps: QueueFeedDeps): Feed {
  const { clock, decode, report } = deps;
  const addresses = options.urls.map(readAddress);
  const addressAt = (endpoint: number): BrokerAddress => {
    const address = addresses[endpoint];
    if (address === undefined) throw new Error('AMQP_URL names no broker.');
    return address;
  };
  let current = addressAt(0);
  let sink: FeedSink | null = null;
  let attachment: QueueAttachment | null = null;
  /** When the attachment began, wall clock: before its queue was there. */
  let begunAt = 0;
  const leftovers = new Set<string>();
  const log = createFeedLog(options, deps, () => current);
  const publisher = createPublisher(
    { ...options, addresses, name: `warren ${options.podName} publisher` },
    deps,
  );

  const supervisor = supervise<Ending>(
    { endpoints: addresses.length, deadlineMs: options.reconnectDeadlineMs },
    {
      clock,
      random: deps.random ?? Math.random,
      attach(endpoint, handlers) {
        current = addressAt(endpoint);
        begunAt = clock.wall();
        report.connecting();
        attachment = attachQueue(
          {
            ...options,
            address: current,
            name: `warren ${options.podName} feed`,
            topology: queueTopology(options, randomBytes(6).toString('hex')),
            leftovers,
          },
          clock,
          withDeliveries(handlers),
        );
        return attachment;
      },
      onAttached(outage) {
        log.attached(outage);
        toSink(sink => {
          sink.attached(outage.first ? 'first' : 'gap', null);
          // What came before is no business of this epoch.
          sink.covered(begunAt);
        });
      },
      onLost(ending) {
        report.lost(ending.cause);
        const why = log.lost(ending);
        toSink(sink => sink.lost(why));
      },
      onFailed(ending, outage, retryInMs) {
        log.failed(ending, outage, retryInMs);
      },
      onGivenUp(ending, outage) {
        const why = log.givenUp(ending, outage);
        toSink(sink => sink.givenUp(why));
      },
    },
  );

  function withDeliveries(handlers: AttachmentHandlers<Ending>): QueueAttachmentHandlers {
    return {
      ...handlers,
      delivered(delivery) {
        if (sink !== null) takeIn(delivery, decode, report, sink);
      },
      covered(until) {
        toSink(sink => sink.covered(until));
      },
    };
  }

  /** The sink's bugs must not reach the AMQP library, whose listeners we are in. */
  function toSink(tell: (sink: FeedSink) => void): void {
    if (sink === null) return;
    try {
      tell(sink);
    } catch (error) {
      report.failed(error);
    }
  }

  return {
    start(given) {
      sink ??= given;
      return supervisor.start();
    },
    async stop() {
      await Promise.all([supervisor.stop(), publisher.stop()]);
    },
    hold: held => attachment?.hold(held),
    publish: message => publisher.publish(message),
  };
}

function readAddress(url: string, index: number): BrokerAddress {
  const address = parseBrokerAddress(url);
  // The address itself may hold a password wherever it went wrong.
  if (address === null)
    throw new Error(`AMQP_URL: address ${index + 1} is not amqp://user:password@host:port/vhost`);
  return address;
}
