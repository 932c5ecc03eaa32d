import type { FeedSink } from '../connection/feed.js';
import type { Decoded, Delivery } from './delivery.js';
import type { FeedReport } from './report.js';

export type Decode = (delivery: Delivery) => Decoded;

/**
 * Decodes one message and hands the event on. Never throws: no message, and no bug behind this point, may end the
 * consumer. A rejected message is done with; to refuse it to the broker would only bring it back.
 */
export function takeIn(delivery: Delivery, decode: Decode, report: FeedReport, sink: FeedSink): void {
  try {
    const decoded = decode(delivery);
    if (decoded.kind === 'event') sink.event(decoded.event, null);
    else report.rejected(decoded.reason);
  } catch (error) {
    report.failed(error);
  }
}
