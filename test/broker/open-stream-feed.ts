import { createStreamFeed, type StreamFeedOptions } from '../../src/broker/stream-feed.js';
import type { Decode } from '../../src/broker/intake.js';
import type { Feed } from '../../src/connection/feed.js';
import { waitingClock } from '../support/clock.js';
import { onChannel, uniqueName } from '../support/rabbitmq.js';
import {
  decode as decodeForReal,
  type RecordingLogger,
  type RecordingReport,
  type RecordingSink,
  recordingLogger,
  recordingReport,
  recordingSink,
} from './recording.js';

export interface OpenStreamFeed {
  readonly feed: Feed;
  readonly options: StreamFeedOptions;
  readonly sink: RecordingSink;
  readonly report: RecordingReport;
  readonly logger: RecordingLogger;
}

export type StreamFeedChanges = Partial<StreamFeedOptions> & {
  readonly random?: () => number;
  readonly decode?: Decode;
};

/** A stream feed with names of its own unless given, quick at noticing and at coming back. */
export function openStreamFeed(
  url: string,
  { random = () => 0.1, decode = decodeForReal, ...changes }: StreamFeedChanges = {},
): OpenStreamFeed {
  const options: StreamFeedOptions = {
    urls: [url],
    tls: null,
    exchange: uniqueName('push.events'),
    controlExchange: 'push.control',
    declare: true,
    stream: uniqueName('push.history'),
    streamMaxBytes: 64 * 2 ** 20,
    streamMaxAgeMs: 3_600_000,
    historyMaxEvents: 100_000,
    historyMaxAgeMs: 600_000,
    prefetch: 1000,
    reconnectDeadlineMs: -1,
    podName: 'pod-1',
    heartbeatSeconds: 10,
    connectTimeoutMs: 5000,
    confirmTimeoutMs: 5000,
    soundIntervalMs: 50,
    probeIntervalMs: 100,
    lookGraceMs: 300,
    ...changes,
  };
  const sink = recordingSink();
  const report = recordingReport();
  const logger = recordingLogger();
  const feed = createStreamFeed(options, { clock: waitingClock, logger, decode, report, random });
  return { feed, options, sink, report, logger };
}

/** Takes away what outlives the feed. */
export async function removeStream(url: string, { exchange, stream }: StreamFeedOptions): Promise<void> {
  await onChannel(url, async channel => {
    await channel.deleteQueue(stream);
    await channel.deleteExchange(exchange);
  });
}
