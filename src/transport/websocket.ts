import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import type { Wire, WireOwner } from '../connection/wire.js';
import type { Ending } from '../protocol/endings.js';

/** A peer that doesn't answer the close frame is cut off after this; ws waits 30 s unless told otherwise. */
const CLOSE_TIMEOUT_MS = 3000;
/** No client of the protocol fragments a message; each fragment costs far more memory than its bytes (CVE-2026-48779). */
const MAX_FRAGMENTS = 16;
/** A 64 kB message may trickle in by single bytes on a bad network. */
const MAX_BUFFERED_CHUNKS = 16_384;

/** Every so many bytes the peer is asked whether they have arrived: often enough for a window of 128 kB never to run dry. */
const ASK_EVERY_BYTES = 64 * 1024;
const POSITION_BYTES = 6;
const NONCE_BYTES = 4;
/** Pings whose pong may still come; with a full window there are two or three, besides one per ping interval. */
const MAX_PINGS = 16;
/**
 * What a peer may still send after a close frame, its own or ours: that of its own, and what was on its way. Then its
 * socket isn't read any more until the close times out: 50 that went on flooding kept the event loop busy for 10 s, 15
 * million messages; one that had sent its own close frame first was read 638 MB.
 */
const MAX_BYTES_AFTER_CLOSE = 64 * 1024;
/**
 * Flooders that may wait so; the next is cut off at once. The kernel takes megabytes for each and compacts them again
 * and again: with 300 of them others waited for up to 1.8 s. Some may, so that whoever floods by mistake can read the
 * close code, which a reset may overtake.
 */
const MAX_FLOODERS = 8;
/** Pings of a peer that reads nothing are answered by ws up to here, then it is cut off; ws's own default, held here. */
const MAX_PENDING_PONGS = 60;

export interface WebSocketOptions {
  /** Largest message from a client. */
  readonly maxPayloadBytes: number;
  /** Sent to a client and not known to have arrived. */
  readonly maxInFlightBytes: number;
}

/**
 * WebSocket (RFC 6455). `ws` does handshake, parsing, ping, pong and close; frames go to the socket that the upgrade
 * handed over, since they are encoded already, once for all recipients.
 */
export class WebSocketTransport {
  readonly #server: WebSocketServer;
  readonly #options: WebSocketOptions;
  readonly #flooders = new Flooders();

  constructor(options: WebSocketOptions) {
    this.#options = options;
    const settings = {
      noServer: true,
      clientTracking: false,
      // 261 kB a connection after the first compressed message, and CRIME/BREACH besides.
      perMessageDeflate: false,
      // Up to twice the limit is read, so that the client can be told what was wrong before the close.
      maxPayload: options.maxPayloadBytes * 2,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_BUFFERED_CHUNKS,
      maxPendingAutoPongs: MAX_PENDING_PONGS,
      // One message a turn of the event loop: a read of 64 kB can hold 9,000, and 50 such reads took more than a second.
      allowSynchronousEvents: false,
      // Missing in @types/ws 8.18; ws has it since 8.19.0 (websockets/ws#2308).
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: () => false as const,
    };
    this.#server = new WebSocketServer(settings);
  }

  /** Completes the handshake and hands the new wire to `open`. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, open: (wire: Wire) => WireOwner): void {
    // The handshake's answer leaves together with what `open` writes: a system call less.
    socket.cork();
    this.#server.handleUpgrade(request, socket, head, webSocket => {
      const wire = new WebSocketWire(webSocket, socket, this.#options, this.#flooders);
      wire.serve(open(wire));
    });
    socket.uncork();
  }
}

/**
 * One connection's bytes, with a window: a WebSocket ping carries the position in the stream of bytes, and its pong
 * says that the peer has read up to there. Without it the kernel alone would take 4 MB for a client that doesn't read,
 * and the pong of one that reads slowly would come after 19 s.
 */
class WebSocketWire implements Wire {
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;
  readonly #options: WebSocketOptions;
  readonly #flooders: Flooders;
  #owner: WireOwner | null = null;
  /** The kernel hasn't taken the last write yet. */
  #writing = false;
  /** `write` said no, and `flushed` is due. */
  #waited = false;
  /** Positions in the stream of bytes: written, asked for with a ping, known to have arrived. */
  #written = 0;
  #asked = 0;
  #arrived = 0;
  /** A ping is to go with the next write. */
  #probes = false;
  #readAfterClose = 0;
  /** Pings under way. Each has something in it that can't be guessed, or a peer could claim to have read what it hasn't. */
  readonly #pings: { readonly position: number; readonly payload: Buffer }[] = [];

  constructor(webSocket: WebSocket, socket: Duplex, options: WebSocketOptions, flooders: Flooders) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#options = options;
    this.#flooders = flooders;
  }

  serve(owner: WireOwner): void {
    this.#owner = owner;
    this.#webSocket
      .on('message', (data: RawData, isBinary: boolean) => {
        if (isBinary) this.#owner?.binary();
        else if (lengthOf(data) > this.#options.maxPayloadBytes) this.#owner?.tooBig();
        else this.#owner?.text(textOf(data));
      })
      .on('pong', (data: Buffer) => {
        this.#owner?.alive();
        this.#pong(data);
      })
      .on('ping', () => this.#owner?.alive())
      // A breach of the protocol; ws has sent the fitting close code already, and the end follows.
      .on('error', ignored);
    // Whoever closed: we, ws by itself after a breach, or the peer, after which ws goes on reading all the same.
    this.#socket.on('data', (bytes: Buffer) => {
      if (!this.#isOpen) this.#readInVain(bytes.length);
    });
    // ws tells of the end only once its receiver has worked off what it holds, a message a turn: minutes, for 128 kB.
    this.#socket.on('close', () => {
      this.#flooders.remove(this.#webSocket);
      this.#owner = null;
      owner.closed();
    });
  }

  write(frames: Buffer): boolean {
    // Nothing may follow a close frame (RFC 6455 §5.5.1), and ws answers the peer's by itself.
    if (!this.#isOpen) return false;
    if (this.#probes) this.#writeBehindPing(frames);
    else this.#write(frames);
    // A corked socket hasn't been asked to take anything yet.
    this.#writing = this.#socket.writableLength > 0 && this.#socket.writableCorked === 0;
    // Not `drain`: below the high-water mark, 16 kB on Node 20 and 64 kB from 22 on, it never comes. And no callback with
    // each write: Node keeps it in an object of its own until the next tick, also of those that are through at once.
    if (this.#writing) this.#socket.write(NOTHING, () => this.#onThrough());
    if (this.#written - this.#asked >= ASK_EVERY_BYTES || this.#isFull) this.#ping();
    this.#waited = this.#writing || this.#isFull;
    return !this.#waited;
  }

  #write(frames: Buffer): void {
    this.#written += frames.length;
    this.#socket.write(frames);
  }

  /** 15,000 idle connections take 9 % of a core, nearly all of it for pings: one system call each instead of two. */
  #writeBehindPing(frames: Buffer): void {
    this.#socket.cork();
    this.#ping();
    this.#write(frames);
    this.#socket.uncork();
  }

  #onThrough(): void {
    this.#writing = false;
    this.#settle();
  }

  get unsent(): number {
    return this.#socket.writableLength;
  }

  probe(): void {
    if (this.#waited) this.#ping();
    else this.#probes = true;
  }

  #ping(): void {
    this.#probes = false;
    if (!this.#isOpen) return;
    const payload = randomBytes(POSITION_BYTES + NONCE_BYTES);
    payload.writeUIntBE(this.#written, 0, POSITION_BYTES);
    this.#asked = this.#written;
    this.#pings.push({ position: this.#written, payload });
    if (this.#pings.length > MAX_PINGS) this.#pings.shift();
    this.#webSocket.ping(payload);
  }

  get room(): number {
    return Math.max(1, this.#options.maxInFlightBytes - (this.#written - this.#arrived));
  }

  get #isOpen(): boolean {
    return this.#webSocket.readyState === this.#webSocket.OPEN;
  }

  get #isFull(): boolean {
    return this.#written - this.#arrived > this.#options.maxInFlightBytes;
  }

  /** A pong that nobody asked for says nothing (RFC 6455 §5.5.3); one answers all pings before it (§5.5.2). */
  #pong(data: Buffer): void {
    const index = this.#pings.findIndex(({ payload }) => payload.equals(data));
    if (index < 0) return;
    const answered = this.#pings.splice(0, index + 1).at(-1);
    this.#arrived = Math.max(this.#arrived, answered?.position ?? 0);
    this.#settle();
  }

  #settle(): void {
    if (!this.#waited || this.#writing || this.#isFull) return;
    this.#waited = false;
    this.#owner?.flushed();
  }

  pause(): void {
    this.#webSocket.pause();
  }

  resume(): void {
    this.#webSocket.resume();
  }

  close(ending: Ending): void {
    // A paused socket would never see the peer's answer.
    this.#webSocket.resume();
    this.#webSocket.close(ending.code, ending.reason);
  }

  terminate(): void {
    this.#webSocket.terminate();
  }

  #readInVain(bytes: number): void {
    this.#readAfterClose += bytes;
    if (this.#readAfterClose > MAX_BYTES_AFTER_CLOSE) this.#flooders.add(this.#webSocket);
  }
}

/** Peers that flood on after a close frame and aren't read any more. */
class Flooders {
  readonly #waiting = new Set<WebSocket>();

  add(webSocket: WebSocket): void {
    if (this.#waiting.has(webSocket) || this.#waiting.size < MAX_FLOODERS) {
      this.#waiting.add(webSocket);
      webSocket.pause();
    } else {
      webSocket.terminate();
    }
  }

  remove(webSocket: WebSocket): void {
    this.#waiting.delete(webSocket);
  }
}

/** Written behind something, it says when that is through. */
const NOTHING = Buffer.alloc(0);

/** One for all: a closure for each connection would be 64 bytes of it. */
function ignored(): void {}

function lengthOf(data: RawData): number {
  return Array.isArray(data) ? data.reduce((sum, part) => sum + part.length, 0) : data.byteLength;
}

/** ws has checked that it is UTF-8. */
function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString();
  return Buffer.isBuffer(data) ? data.toString() : Buffer.from(data).toString();
}
