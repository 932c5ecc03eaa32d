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

/**
 * WebSocket (RFC 6455). `ws` does handshake, parsing, ping, pong and close; frames go to the socket that the upgrade
 * handed over, since they are encoded already, once for all recipients.
 */
export class WebSocketTransport {
  readonly #server: WebSocketServer;
  readonly #maxPayloadBytes: number;

  constructor(options: { readonly maxPayloadBytes: number }) {
    this.#maxPayloadBytes = options.maxPayloadBytes;
    const settings = {
      noServer: true,
      clientTracking: false,
      // 261 kB a connection after the first compressed message, and CRIME/BREACH besides.
      perMessageDeflate: false,
      // Up to twice the limit is read, so that the client can be told what was wrong before the close.
      maxPayload: options.maxPayloadBytes * 2,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_BUFFERED_CHUNKS,
      // Missing in @types/ws 8.18; ws has it since 8.19.0 (websockets/ws#2308).
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: () => false as const,
    };
    this.#server = new WebSocketServer(settings);
  }

  /** Completes the handshake and hands the new wire to `open`. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, open: (wire: Wire) => WireOwner): void {
    this.#server.handleUpgrade(request, socket, head, webSocket => {
      const wire = new WebSocketWire(webSocket, socket);
      wire.serve(open(wire), this.#maxPayloadBytes);
    });
  }
}

class WebSocketWire implements Wire {
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;
  #owner: WireOwner | null = null;
  /** Counts writes, so that a late callback of one that was through at once isn't taken for the next one's. */
  #writes = 0;

  constructor(webSocket: WebSocket, socket: Duplex) {
    this.#webSocket = webSocket;
    this.#socket = socket;
  }

  serve(owner: WireOwner, maxPayloadBytes: number): void {
    this.#owner = owner;
    this.#webSocket
      .on('message', (data: RawData, isBinary: boolean) => {
        if (isBinary) owner.binary();
        else if (lengthOf(data) > maxPayloadBytes) owner.tooBig();
        else owner.text(textOf(data));
      })
      .on('pong', () => owner.alive())
      .on('ping', () => owner.alive())
      // A breach of the protocol; ws has sent the fitting close code already, and `close` follows.
      .on('error', () => {})
      .on('close', () => owner.closed());
  }

  write(frames: Buffer): boolean {
    const write = ++this.#writes;
    this.#socket.write(frames, () => {
      if (write === this.#writes) this.#owner?.flushed();
    });
    // Not `drain`: below the high-water mark, 16 kB on Node 20 and 64 kB from 22 on, it never comes.
    if (this.#socket.writableLength > 0) return false;
    this.#writes++;
    return true;
  }

  probe(): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping();
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
}

function lengthOf(data: RawData): number {
  return Array.isArray(data) ? data.reduce((sum, part) => sum + part.length, 0) : data.byteLength;
}

/** ws has checked that it is UTF-8. */
function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString();
  return Buffer.isBuffer(data) ? data.toString() : Buffer.from(data).toString();
}
