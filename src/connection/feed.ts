import type { Event } from '../log/event.js';
import type { StreamPlace } from '../log/places.js';

export type { StreamPlace };

/**
 * Where events come from, as the rest of Warren sees it. One file per kind of feed in `broker/` implements it.
 *
 * A feed is either attached (everything published from now on will arrive, in order) or lost. It calls its sink
 * synchronously and in order; the sink never throws and never waits.
 */
export interface Feed {
  /** Begins to attach, and goes on trying after every loss until `stop()`. Resolves once attached for the first time or given up. */
  start(sink: FeedSink): Promise<void>;
  /** Stops consuming and lets go of everything at the broker. Idempotent; never rejects. */
  stop(): Promise<void>;
  /**
   * Keeps the backlog where it comes from: while held, a feed takes no more than it has room for already. Asked again
   * after each loss, for a new attachment begins without it.
   */
  hold(held: boolean): void;
  /** Null: what lies before the log can't be read again. */
  readonly past: PastSource | null;
  /** Hands one message to the broker, as any publisher would; resolves to how that went. Never rejects. */
  publish(message: OutgoingMessage): Promise<PublishOutcome>;
}

/** A stream that holds more than the log. */
export interface PastSource {
  /**
   * Reads on from that offset, or from the first one after it that is left, beside the feed. It begins after this has
   * returned, calls its sink as a feed does, and counts nothing: all of it was counted when it came live.
   */
  read(from: number, sink: PastSink): PastReader;
}

export interface PastReader {
  /** While held, it takes no more than it has room for already. */
  hold(held: boolean): void;
  /** Nothing comes any more, `ended` neither. Idempotent. */
  stop(): void;
}

export interface PastSink {
  event(event: Event, place: StreamPlace): void;
  /** A message that is no event. */
  passed(place: StreamPlace): void;
  /** Once, when no more can come or something is missing. */
  ended(why: string): void;
}

/** A message in body form, with its id as the AMQP property as well. */
export interface OutgoingMessage {
  readonly id: string;
  readonly body: Uint8Array;
}

/** `confirmed`: the broker has it. `unconfirmed`: it may or may not have it; retry with the same id. */
export type PublishOutcome =
  | { readonly kind: 'confirmed' }
  | { readonly kind: 'unconfirmed'; readonly why: string };

export interface FeedSink {
  /**
   * Consuming has begun. `unbroken`: nothing can have been missed since the feed was lost; else a new epoch begins.
   * `at`: of a stream, the last place before the first message that will come, if known; with `unbroken` it says
   * nothing new.
   */
  attached(continuity: 'first' | 'unbroken' | 'gap', at: StreamPlace | null): void;
  /**
   * What the broker held from before has been handed over, so that positions mean something: clients can be served. Once,
   * after the first `attached`.
   */
  caughtUp(): void;
  /**
   * Proof that everything that reached the broker before `until` (wall clock, ms) has been handed over: what a
   * position means to other pods. A feed that can't tell for a while doesn't call it; positions then stay behind,
   * which costs duplicates after a move to another pod, never events. Each epoch begins with nothing proven.
   *
   * @param reached everything that reached this pod's own part of the broker before it has been handed over; later
   *   than `until` while something may be held up on its way there
   */
  covered(until: number, reached: number): void;
  /** One valid event, in feed order. `place`: where it stands in the stream, for a feed that reads one. */
  event(event: Event, place: StreamPlace | null): void;
  /** A message of the stream that is no event: positions move on past it. Each message comes as one or the other. */
  passed(place: StreamPlace): void;
  /** Consuming has ended for now. Called once per loss, before any retry. */
  lost(why: string): void;
  /** Lost for longer than the deadline: the feed has given up. The process should end (exit 69). */
  givenUp(why: string): void;
}
