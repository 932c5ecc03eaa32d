import type { RejectionReason } from './rejections.js';

/** Why a feed was lost: for metrics, a closed list. */
export const LOSS_CAUSES = [
  /** Closed by the broker, cut, or silent for more than two heartbeats. */
  'connection',
  /** The broker closed our channel. */
  'channel',
  /** The broker ended our consumer: the queue was deleted, or its node went. */
  'cancelled',
  /** The exchange that publishers publish to is gone. */
  'exchange',
  /** The queue dropped events because the pod was too slow, or they expired in it. */
  'overflow',
  /** The stream's offsets jumped: it may have been trimmed in front of a pod that was too slow. */
  'trimmed',
  /** The broker keeps the connection alive, yet answers no request or delivers nothing. */
  'unanswered',
] as const;
export type LossCause = (typeof LOSS_CAUSES)[number];

/** What a feed tells whoever counts. None of these may throw. */
export interface FeedReport {
  /** A message was no event. To be counted, and logged at a limited rate. */
  rejected(reason: RejectionReason): void;
  /** Decoding or the sink threw, which is a bug; the message is dropped. To be counted, and logged at a limited rate. */
  failed(error: unknown): void;
  /** A try to attach begins. */
  connecting(): void;
  lost(cause: LossCause): void;
}
