import type { PastReader, StreamPlace } from '../connection/feed.js';
import type { AmqpChannel, AmqpConsumer } from './amqp.js';
import type { Link } from './attachment.js';
import type { Delivery } from './delivery.js';
import { isJump, placeOf } from './stream-place.js';

export interface PastHandlers {
  delivered(delivery: Delivery, place: StreamPlace): void;
  /** Once, unless it was stopped before. */
  ended(why: string): void;
}

export interface PastOptions {
  readonly stream: string;
  readonly from: number;
  readonly prefetch: number;
  /** Called when the attachment ends, as long as they are in there. */
  readonly ends: Set<(why: string) => void>;
}

/**
 * Reads the stream from some offset on, on a channel of its own: what goes wrong there mustn't end the attachment.
 *
 * @param link `null`: not attached
 */
export function readPast(
  link: Link | null,
  { stream, from, prefetch, ends }: PastOptions,
  handlers: PastHandlers,
): PastReader {
  let isOver = false;
  let isHeld = false;
  let channel: AmqpChannel | null = null;
  let consumer: AmqpConsumer | null = null;
  /** Offset of the newest one delivered. */
  let at: number | null = null;

  function stop(): void {
    if (isOver) return;
    isOver = true;
    ends.delete(end);
    void channel?.close();
  }

  function end(why: string): void {
    if (isOver) return;
    stop();
    handlers.ended(why);
  }

  async function begin(): Promise<void> {
    if (link === null || link.isOver()) throw new Error('not attached');
    const opened = await link.openSideChannel(({ text }) => end(text));
    // It may have been stopped meanwhile, by whoever asked for it.
    if (hasEnded()) return opened.close();
    channel = opened;
    consumer = await channel.consume(stream, {
      prefetch,
      from,
      onDelivery: received,
      onCancel: () => end('the broker ended the consumer'),
    });
    consumer.hold(isHeld);
  }

  function received(delivery: Delivery): void {
    const place = placeOf(delivery);
    if (isOver || place === null) return;
    if (at !== null && isJump(at, place.offset)) {
      end(`the stream went on with offset ${place.offset} after ${at}`);
      return;
    }
    at = place.offset;
    handlers.delivered(delivery, place);
  }

  function hasEnded(): boolean {
    return isOver;
  }

  ends.add(end);
  begin().catch((error: unknown) => end(error instanceof Error ? error.message : 'failed'));
  return {
    hold(held) {
      isHeld = held;
      consumer?.hold(held);
    },
    stop,
  };
}
