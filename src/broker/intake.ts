import type { FeedSink, StreamPlace } from '../connection/feed.js';
import type { Decoded, Delivery } from './delivery.js';
import type { FeedReport } from './report.js';

/** @param place `null`: the message comes from no stream */
export type Decode = (delivery: Delivery, place: StreamPlace | null) => Decoded;

export interface Intake {
  readonly decode: Decode;
  readonly report: Pick<FeedReport, 'rejected' | 'failed'>;
  readonly sink: Pick<FeedSink, 'event' | 'passed'>;
}

/**
 * Decodes one message and hands the event on. Never throws: no message, and no bug behind this point, may end the
 * consumer. A rejected message is done with; to refuse it to the broker would only bring it back.
 */
export function takeIn(
  delivery: Delivery,
  place: StreamPlace | null,
  { decode, report, sink }: Intake,
): void {
  try {
    const event = decoded();
    if (event !== null) sink.event(event, place);
    else if (place !== null) sink.passed(place);
  } catch (error) {
    report.failed(error);
  }

  function decoded() {
    try {
      const outcome = decode(delivery, place);
      if (outcome.kind === 'event') return outcome.event;
      report.rejected(outcome.reason);
    } catch (error) {
      report.failed(error);
    }
    return null;
  }
}
