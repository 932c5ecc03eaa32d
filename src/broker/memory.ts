import type { Clock } from '../clock.js';
import type { Feed, FeedSink } from '../connection/feed.js';
import { type Decode, takeIn } from './intake.js';
import type { FeedReport } from './report.js';

const SOUND_INTERVAL_MS = 1000;

/** A feed without a broker: what is published through it comes out of it, in this process only. */
export function createMemoryFeed(deps: {
  readonly clock: Clock;
  readonly decode: Decode;
  readonly report: FeedReport;
}): Feed {
  let sink: FeedSink | null = null;
  let stopped = false;
  let stopSounding = (): void => {};

  /** Nothing is ever held back here. */
  function sound(): void {
    const now = deps.clock.wall();
    sink?.covered(now, now);
    stopSounding = deps.clock.after(SOUND_INTERVAL_MS, sound);
  }

  return {
    start(given) {
      if (sink === null && !stopped) {
        sink = given;
        sink.attached('first', null);
        sink.caughtUp();
        sound();
      }
      return Promise.resolve();
    },
    stop() {
      stopped = true;
      stopSounding();
      sink = null;
      return Promise.resolve();
    },
    hold() {},
    past: null,
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
        streamOffset: null,
      };
      takeIn(delivery, null, { ...deps, sink });
      return Promise.resolve({ kind: 'confirmed' });
    },
  };
}
