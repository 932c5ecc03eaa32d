import { createCipheriv, createDecipheriv, hkdfSync, type Cipher, type Decipher } from 'node:crypto';

/**
 * A position as the client holds it: opaque, valid on every pod that has the key.
 *
 * One AES-256 block (1.1 µs; an HMAC would cost ten times that), preceded by one byte that names the key, in
 * base64url. Encrypted, because plain sequence numbers tell every client how much traffic the other tenants have.
 * It isn't a right: a forged one could only ask for a replay of what its session may see anyway.
 */
export interface Position {
  /** Which unbroken stretch of which pod's log: a random number, new with every epoch. */
  readonly epoch: number;
  /** Complete up to and including this sequence number of that stretch. */
  readonly sequence: number;
  /** Complete up to this time (wall clock, ms), whatever the pod: what other pods go by. */
  readonly coveredUntil: number;
}

/** Characters of every cursor: 17 bytes in base64url. */
export const CURSOR_LENGTH = 23;

const VERSION = 0x51;
/** 2025-01-01: 40 bits of milliseconds from here last until 2059. A wrong clock's time beyond that is cut to it. */
const TIME_BASE = 1_735_689_600_000;
const LATEST = 2 ** 40 - 1;
const BLOCK = 16;
const TEXT = /^[A-Za-z0-9_-]{23}$/;

interface Key {
  readonly id: number;
  readonly cipher: Cipher;
  readonly decipher: Decipher;
}

function openKey(secret: string): Key {
  const derived = Buffer.from(hkdfSync('sha256', secret, '', 'warren cursor v1', 33));
  const key = derived.subarray(1);
  // ECB is sound for a single block that never repeats with another meaning; there is no second block to leak through.
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  const decipher = createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  return { id: derived[0] ?? 0, cipher, decipher };
}

export class CursorCodec {
  readonly #keys: readonly Key[];
  readonly #current: Key;
  readonly #block = Buffer.alloc(BLOCK);
  readonly #sealed = Buffer.alloc(1 + BLOCK);

  /** Seals with the first secret, opens with any of them: that is how keys are rotated. */
  constructor(secrets: readonly [string, ...string[]]) {
    this.#keys = secrets.map(openKey);
    this.#current = this.#keys[0] ?? openKey(secrets[0]);
  }

  seal(position: Position): string {
    const block = this.#block;
    block[0] = VERSION;
    // Zero, so that a wrong key shows; a block that passes by accident (1 in 65,536) still has to name a plausible time.
    block[1] = 0;
    block.writeUInt32BE(position.epoch, 2);
    block.writeUIntBE(position.sequence, 6, 5);
    const time = Math.floor(position.coveredUntil) - TIME_BASE;
    block.writeUIntBE(Math.min(LATEST, Math.max(0, time)), 11, 5);
    this.#sealed[0] = this.#current.id;
    this.#current.cipher.update(block).copy(this.#sealed, 1);
    return this.#sealed.toString('base64url');
  }

  /** The position, or null for whatever isn't a cursor of ours: garbled, of a foreign key, of another version. */
  open(text: string): Position | null {
    if (!TEXT.test(text)) return null;
    const sealed = Buffer.from(text, 'base64url');
    // 23 characters hold two bits more than 17 bytes: only the spelling that we seal counts.
    if (sealed.toString('base64url') !== text) return null;
    for (const key of this.#keys) {
      if (key.id !== sealed[0]) continue;
      const block = key.decipher.update(sealed.subarray(1));
      if (block[0] !== VERSION || block[1] !== 0) continue;
      return {
        epoch: block.readUInt32BE(2),
        sequence: block.readUIntBE(6, 5),
        coveredUntil: block.readUIntBE(11, 5) + TIME_BASE,
      };
    }
    return null;
  }
}
