import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGuard, type Guard } from './guard.js';
import type { PublishAnswer } from './publish.js';
import type { UnreadyReason } from './readiness.js';

export interface AdminOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly token: string | null;
  /** Largest body of `POST /events`. */
  readonly maxEventBytes: number;
}

export interface AdminContext {
  unreadyReasons(): readonly UnreadyReason[];
  metricsText(): string;
  stats(): object;
  publish(body: Buffer): Promise<PublishAnswer>;
  /** Told what an answer failed with, a bug; the client gets 500. */
  onError(error: unknown): void;
}

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;

/** The internal listener: probes and metrics for the cluster, and, guarded, figures and publishing. */
export class AdminListener {
  readonly #options: AdminOptions;
  readonly #context: AdminContext;
  readonly #guard: Guard;
  readonly #server: Server;

  constructor(options: AdminOptions, context: AdminContext) {
    this.#options = options;
    this.#context = context;
    this.#guard = createGuard(options.token);
    this.#server = createServer(
      { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
      (request, response) => {
        try {
          this.#answer(request, response);
        } catch (error) {
          this.#fail(response, error);
        }
      },
    );
  }

  listen(): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#options.port, this.#options.host, () => {
        const address = this.#server.address();
        if (typeof address === 'object' && address !== null) resolve(address);
      });
    });
  }

  close(): Promise<void> {
    return new Promise(resolve => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    // Not `new URL`, which throws for `//`.
    const [path = '/'] = (request.url ?? '/').split('?', 1);
    switch (path) {
      case '/livez':
        // Says only that the event loop turns: a restart heals no broker, and would drop every connection.
        return this.#get(request, response, () => send(response, 200, { status: 'ok' }));
      case '/readyz':
        return this.#get(request, response, () => {
          const reasons = this.#context.unreadyReasons();
          send(response, reasons.length === 0 ? 200 : 503, { ready: reasons.length === 0, reasons });
        });
      case '/metrics':
        return this.#get(request, response, () => {
          response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
          response.end(this.#context.metricsText());
        });
      case '/stats':
        return this.#guarded(request, response, () =>
          this.#get(request, response, () => send(response, 200, this.#context.stats())),
        );
      case '/events':
        return this.#guarded(request, response, () => this.#publish(request, response));
      default:
        request.resume();
        return send(response, 404, { error: 'not found' });
    }
  }

  #get(request: IncomingMessage, response: ServerResponse, answer: () => void): void {
    request.resume();
    if (request.method === 'GET' || request.method === 'HEAD') answer();
    else send(response, 405, { error: 'use GET' }, { allow: 'GET, HEAD' });
  }

  #guarded(request: IncomingMessage, response: ServerResponse, next: () => void): void {
    const verdict = this.#guard(request);
    if (verdict === 'allowed') return next();
    request.resume();
    if (verdict === 'unauthorized') {
      return send(
        response,
        401,
        { error: 'ADMIN_TOKEN required as bearer token' },
        { 'www-authenticate': 'Bearer' },
      );
    }
    send(response, 403, {
      error: 'only from this machine by a loopback host name, unless ADMIN_TOKEN is set',
    });
  }

  #publish(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'POST') {
      request.resume();
      return send(response, 405, { error: 'use POST' }, { allow: 'POST' });
    }
    // A form of another site can't send this type without asking first (CORS): no cross-site publishing.
    if (!/^application\/json\s*(?:;|$)/i.test(request.headers['content-type'] ?? '')) {
      request.resume();
      return send(response, 415, { error: 'content-type must be application/json' });
    }
    readBody(request, this.#options.maxEventBytes)
      .then(
        async body => {
          if (body === null) return send(response, 400, { reason: 'too_big' }, { connection: 'close' });
          const answer = await this.#context.publish(body);
          send(response, answer.status, answer.body);
        },
        () => void response.destroy(),
      )
      .catch((error: unknown) => this.#fail(response, error));
  }

  /** A bug in one answer mustn't take the clients of the whole pod along. */
  #fail(response: ServerResponse, error: unknown): void {
    this.#context.onError(error);
    if (response.headersSent) response.destroy();
    else send(response, 500, { error: 'internal error' });
  }
}

/** The whole body, or null as soon as it is longer than allowed. */
async function readBody(request: IncomingMessage, limit: number): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(part)) continue;
    length += part.length;
    if (length > limit) {
      request.resume();
      return null;
    }
    parts.push(part);
  }
  return Buffer.concat(parts, length);
}

function send(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers });
  response.end(`${JSON.stringify(body)}\n`);
}
