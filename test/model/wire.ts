import assert from 'node:assert/strict';
import type { Wire } from '../../src/connection/wire.js';
import type { Ending } from '../../src/protocol/endings.js';
import { parseServerMessage, type ServerMessage } from '../support/messages.js';

/** A wire that reads what it is given at once, and passes it on when told to. */
export class ModelWire implements Wire {
  blocked = false;
  probed = false;
  terminated = false;
  ending: Ending | null = null;
  readonly #read: (message: ServerMessage) => void;
  #inFlight: { readonly given: Buffer; readonly copy: Buffer } | null = null;

  /** `read` gets each message when it is composed: what it says must be true at that moment. */
  constructor(read: (message: ServerMessage) => void) {
    this.#read = read;
  }

  get room(): number {
    return 2 ** 30;
  }

  get unsent(): number {
    return this.#inFlight?.given.length ?? 0;
  }

  get isWriting(): boolean {
    return this.#inFlight !== null;
  }

  write(frames: Buffer): boolean {
    assert.equal(this.#inFlight, null, 'only one write at a time');
    assert.equal(this.ending, null, 'nothing is written after the goodbye');
    if (this.blocked) this.#inFlight = { given: frames, copy: Buffer.from(frames) };
    for (const text of textsOf(frames)) this.#read(parseServerMessage(text));
    return !this.blocked;
  }

  /** The write under way is through. */
  arrive(): void {
    const write = this.#inFlight;
    assert.ok(
      write === null || write.given.equals(write.copy),
      'the bytes of a write under way stay as they are',
    );
    this.#inFlight = null;
  }

  probe(): void {
    this.probed = true;
  }

  pause(): void {}

  resume(): void {}

  close(ending: Ending): void {
    assert.equal(this.#inFlight, null, 'the goodbye comes after everything written');
    assert.equal(this.ending, null, 'there is one goodbye');
    this.ending = ending;
  }

  terminate(): void {
    this.terminated = true;
  }
}

/** Whole unmasked text frames (RFC 6455 §5.2), read independently of what writes them. */
function textsOf(bytes: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    assert.equal(bytes[at], 0x81, 'an unfragmented text frame');
    const short = bytes.readUInt8(at + 1);
    const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    const length =
      short < 126
        ? short
        : short === 126
          ? bytes.readUInt16BE(at + 2)
          : Number(bytes.readBigUInt64BE(at + 2));
    at = start + length;
    assert.ok(short < 0x80 && at <= bytes.length, 'whole frames without a mask');
    texts.push(bytes.toString('utf8', start, at));
  }
  return texts;
}
