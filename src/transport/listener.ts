import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../clock.js';
import type { Wire, WireOwner } from '../connection/wire.js';
import { Admission } from './admission.js';
import { WebSocketTransport } from './websocket.js';

export interface ListenerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Exact origins; none: any. */
  readonly allowedOrigins: readonly string[];
  readonly maxPayloadBytes: number;
  readonly maxInFlightBytes: number;
  /** As many handshakes may wait for their turn. */
  readonly maxUnauthenticated: number;
  readonly timeouts?: HttpTimeouts;
}

/** How long a client may take for its request line and headers, for the whole request, and how often that is looked at. */
export interface HttpTimeouts {
  readonly headersMs: number;
  readonly requestMs: number;
  readonly checkMs: number;
}

/** What the listener needs to know and to do. */
export interface ListenerContext {
  open(wire: Wire): WireOwner;
  isReady(): boolean;
  readonly clock: Clock;
  /** Runs a task once the I/O of this turn is done. */
  readonly defer: (task: () => void) => void;
  /** What else is served over plain HTTP: the demo page of `npm start`, nothing in production. True: answered. */
  readonly page?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** Slow-loris clients get no longer than this; Node's own would be 60 s, 300 s, and a look every 30 s. */
const TIMEOUTS: HttpTimeouts = { headersMs: 10_000, requestMs: 15_000, checkMs: 5000 };
const RETRY_AFTER_SECONDS = 2;

/** A response without a body. */
interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

const BUSY: Answer = { status: 503, headers: { 'retry-after': `${RETRY_AFTER_SECONDS}` } };

/** The public listener: `/ws`, and `/healthz` for load balancers. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #context: ListenerContext;
  readonly #server: Server;
  readonly #webSocket: WebSocketTransport;
  readonly #admission: Admission;
  #draining = false;

  constructor(options: ListenerOptions, context: ListenerContext) {
    this.#options = options;
    this.#context = context;
    this.#webSocket = new WebSocketTransport(options);
    this.#admission = new Admission(context.defer, () => context.clock.monotonic());
    const { headersMs, requestMs, checkMs } = options.timeouts ?? TIMEOUTS;
    this.#server = createServer(
      { headersTimeout: headersMs, requestTimeout: requestMs, connectionsCheckingInterval: checkMs },
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
    const answer = this.#plainAnswer(request);
    if (answer.status === 404 && this.#context.page?.(request, response) === true) return;
    response.writeHead(answer.status, answer.headers).end();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Before anything else: an error without a listener would end the process.
    socket.on('error', destroyed);
    const refusal = this.#refusal(request);
    if (refusal !== null) {
      refuse(socket, refusal);
      return;
    }
    if (this.#admission.waiting >= this.#options.maxUnauthenticated) {
      refuse(socket, BUSY);
      return;
    }
    this.#admission.admit(() => {
      // The pod may have begun to drain meanwhile.
      if (this.#draining) refuse(socket, BUSY);
      else this.#webSocket.upgrade(request, socket, head, wire => this.#context.open(wire));
    });
  }

  #refusal(request: IncomingMessage): Answer | null {
    const { origin, upgrade } = request.headers;
    // A server may ignore an upgrade that it doesn't know (RFC 9110 §7.8), and some clients ask for h2c every time.
    if (upgrade?.toLowerCase() !== 'websocket') return this.#plainAnswer(request);
    if (pathOf(request) !== '/ws') return { status: 404 };
    if (this.#draining) return BUSY;
    if (origin !== undefined && !this.#isAllowed(origin)) return { status: 403 };
    return null;
  }

  #plainAnswer(request: IncomingMessage): Answer {
    switch (pathOf(request)) {
      case '/healthz':
        return { status: this.#isReady() ? 200 : 503, headers: { 'cache-control': 'no-store' } };
      case '/ws':
        return { status: 426, headers: { upgrade: 'websocket', connection: 'upgrade' } };
      default:
        return { status: 404 };
    }
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

/** Lives as long as the socket. A closure in the handler of the upgrade would keep the request with it, 1.9 kB a connection. */
function destroyed(this: Duplex): void {
  this.destroy();
}

/** There is no response object at an upgrade: the answer is written by hand. */
function refuse(socket: Duplex, { status, headers = {} }: Answer): void {
  const all = { ...headers, connection: 'close', 'content-length': '0' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  // A peer that never closes its side would keep the socket for ever: no timeout of the HTTP server holds after an upgrade.
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n`);
}
