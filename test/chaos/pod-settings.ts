import type { ChaosBroker } from './broker.js';
import type { Feed, Names } from './faults/fault.js';

/** `RESUME_OVERLAP_MS`: shorter than shipped, so that a run is short. */
export const OVERLAP_MS = 2000;
/** What the stream keeps: some minutes, as little as `MAX_EVENT_BYTES` lets it be. */
export const STREAM_BYTES = 8 * 2 ** 20;

/** The settings of each pod of a run, by its number. */
export function podSettings(
  broker: ChaosBroker,
  names: Names,
  feed: Feed,
  further: Readonly<Record<string, string>>,
): (index: number) => Readonly<Record<string, string>> {
  return index => ({
    FEED: feed,
    AMQP_URL: broker.podUrl(index),
    AMQP_EXCHANGE: names.exchange,
    AMQP_CONTROL_EXCHANGE: names.control,
    AMQP_QUEUE_PREFIX: names.queuePrefix,
    ...(feed === 'stream'
      ? { AMQP_STREAM: names.stream, AMQP_STREAM_MAX_BYTES: String(STREAM_BYTES), MAX_EVENT_BYTES: '65536' }
      : { AMQP_DECLARE: 'false' }),
    FEED_RECONNECT_DEADLINE_MS: '-1',
    RESUME_OVERLAP_MS: String(OVERLAP_MS),
    PING_INTERVAL_MS: '2000',
    PONG_TIMEOUT_MS: '2000',
    DRAIN_MS: '2000',
    CLIENT_MESSAGES_PER_SECOND: '100',
    ...further,
  });
}
