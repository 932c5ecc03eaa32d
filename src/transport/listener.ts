import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Wire, WireOwner } from '../connection/wire.js';
import { WebSocketTransport } from './websocket.js';

export interface ListenerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Exact origins; none: any. */
  readonly allowedOrigins: readonly string[];
  readonly maxPayloadBytes: number;
}

/** What the listener needs to know and to do. */
export interface ListenerContext {
  open(wire: Wire): WireOwner;
  isReady(): boolean;
  /** What else is served over plain HTTP: the demo page of `npm start`, nothing in production. True: answered. */
  readonly page?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** Slow-loris clients get no longer than this for their request line and headers. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;
const CHECK_INTERVAL_MS = 5000;
const RETRY_AFTER_SECONDS = 2;

/** The public listener: `/ws`, and `/healthz` for load balancers. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #context: ListenerContext;
  readonly #server: Server;
  readonly #webSocket: WebSocketTransport;
  #draining = false;

  constructor(options: ListenerOptions, context: ListenerContext) {
    this.#options = options;
    this.#context = context;
    this.#webSocket = new WebSocketTransport(options);
    this.#server = createServer(
      {
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
      },
      (request, response) => this.#answer(request, response),
    );
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Resolves to where it listens; rejects if it can't. */
  listen(): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#options.port, this.#options.host, () => {
        const address = this.#server.address();
        if (typeof address === 'object' && address !== null) resolve(address);
      });
    });
  }

  /** From now on new sockets are sent to another pod. */
  drain(): void {
    this.#draining = true;
  }

  close(): Promise<void> {
    return new Promise(resolve => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    // A body isn't expected and not waited for.
    request.resume();
    switch (pathOf(request)) {
      case '/healthz':
        response.writeHead(this.#isReady() ? 200 : 503, { 'cache-control': 'no-store' }).end();
        return;
      case '/ws':
        response.writeHead(426, { upgrade: 'websocket', connection: 'upgrade' }).end();
        return;
      default:
        if (this.#context.page?.(request, response) !== true) response.writeHead(404).end();
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Before anything else: an error without a listener would end the process.
    socket.on('error', () => socket.destroy());
    const origin = request.headers.origin;
    if (pathOf(request) !== '/ws') refuse(socket, 404);
    else if (this.#draining) refuse(socket, 503);
    else if (origin !== undefined && !this.#isAllowed(origin)) refuse(socket, 403);
    else this.#webSocket.upgrade(request, socket, head, wire => this.#context.open(wire));
  }

  #isAllowed(origin: string): boolean {
    const { allowedOrigins } = this.#options;
    return allowedOrigins.length === 0 || allowedOrigins.includes(origin);
  }

  #isReady(): boolean {
    return !this.#draining && this.#context.isReady();
  }
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '/';
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

/** There is no response object at an upgrade: the answer is written by hand. */
function refuse(socket: Duplex, status: 403 | 404 | 503): void {
  const retry = status === 503 ? `Retry-After: ${RETRY_AFTER_SECONDS}\r\n` : '';
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${retry}Connection: close\r\nContent-Length: 0\r\n\r\n`,
  );
}
