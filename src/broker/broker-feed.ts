import type { Clock } from '../clock.js';
import type { Feed, FeedSink, PastSource, StreamPlace } from '../connection/feed.js';
import type { Logger } from '../logger.js';
import { type BrokerAddress, parseBrokerAddress } from './address.js';
import type { AttachmentOptions, Ending } from './attachment.js';
import type { Delivery } from './delivery.js';
import type { Fault } from './fault.js';
import { createFeedLog, type Optional } from './feed-log.js';
import { type Decode, takeIn } from './intake.js';
import { createPublisher } from './publisher.js';
import type { FeedReport, LossCause } from './report.js';
import { type Attachment, type AttachmentHandlers, supervise } from './supervisor.js';
import type { FeedTls } from './tls-files.js';

export interface BrokerFeedOptions {
  /** `amqp://` or `amqps://`, tried in turn. */
  readonly urls: readonly string[];
  readonly tls: FeedTls | null;
  /** Where publishers publish to. */
  readonly exchange: string;
  /** What pods tell one another goes through this one. */
  readonly controlExchange: string;
  /** Whether the pod declares what lasts or only uses it. */
  readonly declare: boolean;
  readonly podName: string;
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

export const BROKER_FEED_DEFAULTS = {
  heartbeatSeconds: 10,
  connectTimeoutMs: 5000,
  confirmTimeoutMs: 5000,
  soundIntervalMs: 1000,
  probeIntervalMs: 5000,
} as const satisfies Partial<BrokerFeedOptions>;

export interface BrokerFeedDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly decode: Decode;
  readonly report: FeedReport;
  /** 0 ≤ x < 1 */
  readonly random?: () => number;
}

/** What a queue feed and a stream feed differ in. */
export interface FeedKind {
  /** Begins one try to attach. */
  attach(options: AttachmentOptions, handlers: AttachmentHandlers<Ending>): FeedAttachment;
  /** What the attachment that has just become ready means to the log. */
  begin(first: boolean): Beginning;
  lost(cause: LossCause): void;
  readonly past: PastSource | null;
  /** Lets go of what it has besides attachments. Never rejects. */
  stop(): Promise<void>;
}

export interface FeedAttachment extends Attachment {
  /** While held, deliveries aren't acknowledged, and what exceeds the prefetch waits at the broker. */
  hold(held: boolean): void;
}

/** Where an attachment's deliveries go. Never throws. */
export interface Output {
  delivered(delivery: Delivery, place: StreamPlace | null): void;
  /** As `FeedSink.covered`. */
  covered(until: number, reached: number): void;
  /** The broker refused something that the feed can do without. */
  refused(what: Optional, fault: Fault): void;
}

export interface Beginning {
  readonly continuity: 'first' | 'unbroken' | 'gap';
  readonly at: StreamPlace | null;
  /** Whether there is nothing from before to read first. Else the first proof of coverage shows that it was read. */
  readonly isCaughtUp: boolean;
}

/** A feed from RabbitMQ: one attachment after the other, and a connection for publishing. */
export function createBrokerFeed(
  options: BrokerFeedOptions & { readonly stream: string | null },
  deps: BrokerFeedDeps,
  createKind: (output: Output, address: () => BrokerAddress) => FeedKind,
): Feed {
  const { clock, decode, report } = deps;
  const addresses = options.urls.map(readAddress);
  const addressAt = (index: number): BrokerAddress => {
    const address = addresses[index];
    if (address === undefined) throw new Error('A feed needs at least one address.');
    return address;
  };
  let current = addressAt(0);
  let sink: FeedSink | null = null;
  let attachment: FeedAttachment | null = null;
  let isCaughtUp = false;
  /** When the attachment was begun, wall clock, ms. */
  let begunAt = 0;
  const log = createFeedLog(options, deps, () => current);
  const publisher = createPublisher(
    { ...options, addresses, name: `warren ${options.podName} publisher` },
    deps,
  );

  const output: Output = {
    delivered(delivery, place) {
      if (sink !== null) takeIn(delivery, place, { decode, report, sink });
    },
    covered(until, reached) {
      catchUp();
      toSink(sink => sink.covered(until, reached));
    },
    refused: (what, fault) => log.refused(what, fault),
  };
  const kind = createKind(output, () => current);

  const supervisor = supervise<Ending>(
    { endpoints: addresses.length, deadlineMs: options.reconnectDeadlineMs },
    {
      clock,
      random: deps.random ?? Math.random,
      attach(endpoint, handlers) {
        current = addressAt(endpoint);
        begunAt = clock.wall();
        report.connecting();
        const name = `warren ${options.podName} feed`;
        attachment = kind.attach({ ...options, address: current, name }, handlers);
        return attachment;
      },
      onAttached(outage) {
        const beginning = kind.begin(outage.first);
        log.attached(outage, beginning.continuity);
        toSink(sink => sink.attached(beginning.continuity, beginning.at));
        // What came before is no business of this epoch.
        if (beginning.isCaughtUp) output.covered(begunAt, begunAt);
      },
      onLost(ending) {
        kind.lost(ending.cause);
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

  function catchUp(): void {
    if (isCaughtUp) return;
    isCaughtUp = true;
    toSink(sink => sink.caughtUp());
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
      await Promise.all([supervisor.stop(), kind.stop(), publisher.stop()]);
    },
    hold: held => attachment?.hold(held),
    past: kind.past,
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
