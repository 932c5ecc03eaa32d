import type { Event } from '../log/event.js';
import type { RejectionReason } from './rejections.js';

/** One message as a feed received it: what decoding needs, and nothing of the AMQP library. */
export interface Delivery {
  /** May be a view on a larger read buffer that is reused by nobody but kept alive by it: copy before keeping. */
  readonly content: Uint8Array;
  readonly messageId: string | null;
  readonly type: string | null;
  /** Seconds since 1970, as AMQP has it. */
  readonly timestamp: number | null;
  readonly contentEncoding: string | null;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Where the message stands in its stream. A publisher can set it on a message to a queue, where it means nothing. */
  readonly streamOffset: number | null;
}

/** What became of a delivery. Decoding never throws for what a publisher sent: that is `rejected`. */
export type Decoded =
  | { readonly kind: 'event'; readonly event: Event }
  | { readonly kind: 'rejected'; readonly reason: RejectionReason };
