import { createCipheriv, hkdfSync } from 'node:crypto';
import type { StreamPlace } from '../connection/feed.js';

/**
 * Makes ids for events of a stream that were published without one: the same on every pod with the same secret. Encrypted, since
 * the plain offset would tell every client how much traffic the other tenants have.
 */
export function createPlaceIds(secret: string): (place: StreamPlace) => string {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'warren event id v1', 32));
  // A single block that never repeats with another meaning: ECB has nothing to leak.
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  const block = Buffer.alloc(16);
  return ({ offset, digest }) => {
    block.writeUIntBE(offset, 2, 6);
    block.writeUInt32BE(digest, 8);
    return `s${cipher.update(block).toString('base64url')}`;
  };
}
