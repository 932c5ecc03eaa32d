import { createQueueFeed, type QueueFeedOptions } from '../../src/broker/queue-feed.js';
import { waitingClock } from '../support/clock.js';
import type { Feed } from '../../src/connection/feed.js';
import { uniqueName } from '../support/rabbitmq.js';
import type { Decode } from '../../src/broker/intake.js';
import {
  decode as decodeForReal,
  type RecordingLogger,
  type RecordingReport,
  type RecordingSink,
  recordingLogger,
  recordingReport,
  recordingSink,
} from './recording.js';

export interface OpenQueueFeed {
  readonly feed: Feed;
  readonly options: QueueFeedOptions;
  /** Begins the names of all that the feed declares for itself. */
  readonly prefix: string;
  readonly sink: RecordingSink;
  readonly report: RecordingReport;
  readonly logger: RecordingLogger;
}

export type QueueFeedChanges = Partial<QueueFeedOptions> & {
  readonly random?: () => number;
  readonly decode?: Decode;
};

/** A queue feed with names of its own, quick at noticing and at coming back. */
export function openQueueFeed(
  url: string,
  { random = () => 0.1, decode = decodeForReal, ...changes }: QueueFeedChanges = {},
): OpenQueueFeed {
  const prefix = uniqueName('push.pod');
  const options: QueueFeedOptions = {
    urls: [url],
    tls: null,
    exchange: uniqueName('push.events'),
    controlExchange: uniqueName('push.control'),
    declare: true,
    queuePrefix: prefix,
    queueMaxLength: 50_000,
    queueMaxBytes: 256 * 2 ** 20,
    prefetch: 1000,
    reconnectDeadlineMs: -1,
    podName: 'pod-1',
    heartbeatSeconds: 10,
    connectTimeoutMs: 5000,
    confirmTimeoutMs: 5000,
    soundIntervalMs: 50,
    probeIntervalMs: 100,
    markIntervalMs: 50,
    ...changes,
  };
  const sink = recordingSink();
  const report = recordingReport();
  const logger = recordingLogger();
  const feed = createQueueFeed(options, {
    clock: waitingClock,
    logger,
    decode,
    report,
    random,
  });
  return { feed, options, prefix: options.queuePrefix, sink, report, logger };
}
