import type { Socket } from 'node:net';
import { rawSocket, upgradeRequest } from './raw-http.js';

/** RFC 6455 §5.2. */
export const OPCODES = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** What may be wrong or unusual about a frame. */
export interface FrameWishes {
  /** True unless given. */
  readonly fin?: boolean;
  /** The three reserved bits, 0 to 7. */
  readonly rsv?: number;
  /** Four bytes; zeros, which leave the payload readable, unless given. Null: unmasked. */
  readonly mask?: Buffer | null;
  /** What the header says instead of the true length, and in how many bits. */
  readonly length?: { readonly bits: 7 | 16 | 64; readonly says: bigint };
}

/** A frame as bytes, right or wrong. Shares no code with what is tested. */
export function frame(opcode: number, payload: string | Buffer = '', wishes: FrameWishes = {}): Buffer {
  const body = Buffer.from(payload);
  const { fin = true, rsv = 0, mask = Buffer.alloc(4) } = wishes;
  const bits = body.length < 126 ? 7 : body.length < 65_536 ? 16 : 64;
  const length = wishes.length ?? { bits, says: BigInt(body.length) };
  const head = Buffer.alloc({ 7: 2, 16: 4, 64: 10 }[length.bits]);
  head.writeUInt8((fin ? 0x80 : 0) | (rsv << 4) | opcode, 0);
  const short = { 7: Number(length.says), 16: 126, 64: 127 }[length.bits];
  head.writeUInt8((mask === null ? 0 : 0x80) | short, 1);
  if (length.bits === 16) head.writeUInt16BE(Number(length.says), 2);
  if (length.bits === 64) head.writeBigUInt64BE(length.says, 2);
  if (mask === null) return Buffer.concat([head, body]);
  return Buffer.concat([head, mask, body.map((byte, i) => byte ^ (mask[i % 4] ?? 0))]);
}

/** The payload of a close frame. */
export function closing(code: number, reason: string | Buffer = ''): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
}

/** How long nothing of what is waited for may happen; longer than any timeout of the server. */
const PATIENCE_MS = 15_000;

/** What a server says to a client that writes bytes instead of messages. */
export class RawWebSocket {
  readonly texts: string[] = [];
  /** Payloads of pongs. */
  readonly pongs: Buffer[] = [];
  /** Of the server's close frame; 1005 (RFC 6455 §7.4.1): it had none. Null: no such frame came. */
  closeCode: number | null = null;
  /** Frames that came behind a close frame, or that no server may send. */
  readonly faults: string[] = [];
  ended = false;
  #rest: Buffer = Buffer.alloc(0);
  #upgraded = false;
  readonly #socket: Socket;
  readonly #waiting = new Set<() => void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', chunk => {
      this.#rest = Buffer.concat([this.#rest, chunk]);
      this.#read();
      this.#look();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.ended = true;
      this.#look();
    });
  }

  /** Resolves after the handshake; `behind` goes out with it, in the same write. */
  static async open(
    url: string,
    behind: Buffer = Buffer.alloc(0),
    headers: readonly string[] = [],
    path = '/ws',
  ): Promise<RawWebSocket> {
    const raw = new RawWebSocket(await rawSocket(url));
    raw.#socket.write(Buffer.concat([Buffer.from(upgradeRequest(path, headers)), behind]));
    await raw.until(() => raw.#upgraded);
    return raw;
  }

  /** One write, handed to the kernel when it resolves, so that the next one is a segment of its own. */
  send(bytes: Buffer): Promise<void> {
    return new Promise(resolve => {
      if (!this.#socket.writable) resolve();
      else this.#socket.write(bytes, () => setImmediate(resolve));
    });
  }

  /** Closes this side only. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  stopReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  /** Resolves when it holds or nothing more can come. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds() && !this.ended) {
      await new Promise<void>((resolve, reject) => {
        const look = () => {
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(() => {
          this.#waiting.delete(look);
          reject(new Error(`nothing for ${PATIENCE_MS} ms after ${JSON.stringify(this.texts)}`));
        }, PATIENCE_MS);
        this.#waiting.add(look);
      });
    }
  }

  #look(): void {
    for (const look of this.#waiting) look();
    this.#waiting.clear();
  }

  #read(): void {
    if (!this.#upgraded) {
      const end = this.#rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.#upgraded = true;
      this.#rest = this.#rest.subarray(end + 4);
    }
    for (;;) {
      if (this.#rest.length < 2) return;
      const short = this.#rest.readUInt8(1);
      const start = short === 127 ? 10 : short === 126 ? 4 : 2;
      if (this.#rest.length < start) return;
      const length =
        start === 10
          ? Number(this.#rest.readBigUInt64BE(2))
          : start === 4
            ? this.#rest.readUInt16BE(2)
            : short;
      if (this.#rest.length < start + length) return;
      this.#take(this.#rest.readUInt8(0), this.#rest.subarray(start, start + length));
      this.#rest = this.#rest.subarray(start + length);
    }
  }

  #take(first: number, payload: Buffer): void {
    if (this.closeCode !== null) this.faults.push(`frame ${first.toString(16)} behind the close`);
    switch (first) {
      case 0x80 | OPCODES.text:
        this.texts.push(payload.toString());
        return;
      case 0x80 | OPCODES.pong:
        this.pongs.push(Buffer.from(payload));
        return;
      case 0x80 | OPCODES.ping:
        return;
      case 0x80 | OPCODES.close:
        this.closeCode = payload.length === 0 ? 1005 : payload.readUInt16BE(0);
        // The server would wait for it.
        this.#socket.end();
        return;
      default:
        this.faults.push(`frame ${first.toString(16)}`);
    }
  }
}
