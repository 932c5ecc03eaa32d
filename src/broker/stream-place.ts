import type { StreamPlace } from '../connection/feed.js';
import type { Delivery } from './delivery.js';

/** Where a delivery stands in its stream; `null`: it comes from no stream. */
export function placeOf(delivery: Delivery): StreamPlace | null {
  const offset = delivery.streamOffset;
  return offset === null ? null : { offset, digest: digestOf(delivery) };
}

/**
 * Tells one message from another at the same offset of a stream that was created anew. Only over what a stream preserves in
 * every version of RabbitMQ; not over headers, of which it drops lists and tables.
 */
export function digestOf({ content, messageId, type, timestamp }: Delivery): number {
  const properties = Buffer.from(`${messageId ?? ''}\0${type ?? ''}\0${timestamp ?? ''}`);
  return murmur3(content, murmur3(properties, 0));
}

/** Each new segment of a stream takes one offset for itself. */
const LARGEST_STEP = 2;

/**
 * A consumer that falls so far behind that the stream is trimmed in front of it goes on silently with the oldest that is
 * left. Whether something may be missing between two deliveries.
 */
export function isJump(from: number, to: number): boolean {
  return to > from + LARGEST_STEP;
}

export function isSamePlace(one: StreamPlace, other: StreamPlace): boolean {
  return one.offset === other.offset && one.digest === other.digest;
}

/**
 * MurmurHash3, 32 bits. Not cryptographic, and needs not be: whoever may publish could at worst pass off a stream that an
 * administrator re-created as the old one. A quarter of a nanosecond a byte, where SHA-256 has 2 µs a call.
 */
export function murmur3(bytes: Uint8Array, seed: number): number {
  const whole = bytes.length & ~3;
  let hash = seed;
  for (let i = 0; i < whole; i += 4) {
    const word =
      (bytes[i] ?? 0) |
      ((bytes[i + 1] ?? 0) << 8) |
      ((bytes[i + 2] ?? 0) << 16) |
      ((bytes[i + 3] ?? 0) << 24);
    hash ^= scramble(word);
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let i = bytes.length - 1; i >= whole; i--) rest = (rest << 8) | (bytes[i] ?? 0);
  hash ^= scramble(rest);
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(word: number): number {
  const mixed = Math.imul(word, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}
