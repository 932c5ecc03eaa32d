import type { StreamPlace } from '../connection/feed.js';
import type { StreamOffset } from './amqp.js';
import type { Link } from './attachment.js';
import { placeOf } from './stream-place.js';

export interface Looked {
  readonly first: StreamPlace;
  readonly last: StreamPlace;
}

export interface LookOptions {
  readonly stream: string;
  readonly from: StreamOffset;
  readonly graceMs: number;
}

/** As much as AMQP can say: more than a chunk holds. */
const LOOK_PREFETCH = 65_535;

/**
 * Reads a stream for a moment from some place on: at least the rest of the chunk there, if there is one, and with `last` that
 * is all that the stream held when asked. `null`: nothing came in time, so there is nothing, or the broker is slow.
 *
 * A consumer that begins at `last` begins with the last chunk's first message; the end of the stream is in no answer of the
 * broker (counts of messages lag by seconds). The broker's channel sends a chunk in one go, so it is here with the
 * answer to whatever was asked after its first message came.
 */
export async function look(link: Link, { stream, from, graceMs }: LookOptions): Promise<Looked | null> {
  const channel = await link.openChannel();
  const grace = link.pause(graceMs);
  let first: StreamPlace | null = null;
  let last: StreamPlace | null = null;
  await channel.consume(stream, {
    prefetch: LOOK_PREFETCH,
    from,
    onDelivery(delivery) {
      last = placeOf(delivery);
      first ??= last;
      grace.end();
    },
    onCancel: link.cancelled,
  });
  await grace.over;
  await channel.roundTrip();
  await channel.close();
  return first === null || last === null ? null : { first, last };
}
