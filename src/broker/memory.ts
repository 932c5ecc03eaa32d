import type { Feed, FeedSink } from '../connection/feed.js';
import { type Decode, takeIn } from './intake.js';
import type { FeedReport } from './report.js';

/** A feed without a broker: what is published through it comes out of it, in this process only. */
export function createMemoryFeed(deps: { readonly decode: Decode; readonly report: FeedReport }): Feed {
  let sink: FeedSink | null = null;
  let stopped = false;
  return {
    start(given) {
      if (sink === null && !stopped) {
        sink = given;
        sink.attached('first');
      }
      return Promise.resolve();
    },
    stop() {
      stopped = true;
      sink = null;
      return Promise.resolve();
    },
    publish(message) {
      if (sink === null) {
        return Promise.resolve({ kind: 'unconfirmed', why: 'the embedded feed is not running' });
      }
      const delivery = {
        content: message.body,
        messageId: message.id,
        type: null,
        timestamp: null,
        contentEncoding: null,
        headers: {},
      };
      takeIn(delivery, deps.decode, deps.report, sink);
      return Promise.resolve({ kind: 'confirmed' });
    },
  };
}
