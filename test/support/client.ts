import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { describeMessage, parseServerMessage, type ServerMessage } from './messages.js';

export interface ConnectOptions {
  /** Sent in the first message; without it nothing is sent. */
  readonly token?: string;
  readonly cursor?: string;
  readonly subscribe?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly origin?: string;
  /** False: WebSocket pings stay unanswered. */
  readonly autoPong?: boolean;
}

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** How long `next` waits before it says what came instead; longer than any timeout that a test sets. */
const PATIENCE_MS = 15_000;

/** A real WebSocket client. Messages queue up from the first on, so that `next` misses none. */
export class TestClient {
  readonly closed: Promise<Closing>;
  /** Everything that came, as raw text. */
  readonly texts: string[] = [];
  readonly messages: ServerMessage[] = [];
  readonly #socket: WebSocket;
  readonly #waiting = new Set<() => void>();
  #taken = 0;
  #closing: Closing | null = null;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      const text = data.toString();
      this.texts.push(text);
      this.messages.push(parseServerMessage(text));
      this.#look();
    });
    socket.on('error', () => {});
    this.closed = new Promise(resolve => {
      socket.on('close', (code, reason) => {
        this.#closing = { code, reason: reason.toString() };
        this.#look();
        resolve(this.#closing);
      });
    });
  }

  /** The next message not yet taken, or the next one that fits; those before it are passed over. */
  async next(fits: (message: ServerMessage) => boolean = () => true): Promise<ServerMessage> {
    for (;;) {
      while (this.#taken < this.messages.length) {
        const message = this.messages[this.#taken++];
        if (message !== undefined && fits(message)) return message;
      }
      if (this.#closing !== null) {
        throw new Error(
          `closed (${this.#closing.code} ${this.#closing.reason}) after ${this.story.join(', ')}`,
        );
      }
      await this.#more();
    }
  }

  /** The next event; what comes between is passed over. */
  event(id?: string): Promise<ServerMessage> {
    return this.next(({ type, id: own }) => type === 'event' && (id === undefined || id === own));
  }

  system(event: string): Promise<ServerMessage> {
    return this.next(message => message.type === 'system' && message.event === event);
  }

  reply(): Promise<ServerMessage> {
    return this.next(({ type }) => type === 'reply');
  }

  error(): Promise<ServerMessage> {
    return this.next(({ type }) => type === 'error');
  }

  /** The events that came so far. */
  events(): ServerMessage[] {
    return this.messages.filter(({ type }) => type === 'event');
  }

  get story(): string[] {
    return this.messages.map(describeMessage);
  }

  /** The cursor of the newest message that has one. */
  get cursor(): string {
    const cursor = this.messages.findLast(message => message.cursor !== undefined)?.cursor;
    assert.ok(cursor !== undefined, 'a message with a cursor came');
    return cursor;
  }

  /** Text and bytes as they are, anything else as JSON. */
  send(message: string | Buffer | object): void {
    const data = typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message);
    this.#socket.send(data);
  }

  /** Stops reading from the socket: what comes stays in the kernel, then with the server. */
  stopReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  /** A pong that nobody asked for. */
  pong(payload: Buffer): void {
    this.#socket.pong(payload);
  }

  async close(): Promise<Closing> {
    this.#socket.close(1000);
    return this.closed;
  }

  /** Cuts the connection without a word. */
  async cut(): Promise<Closing> {
    this.#socket.terminate();
    return this.closed;
  }

  #look(): void {
    for (const look of this.#waiting) look();
    this.#waiting.clear();
  }

  #more(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`nothing that fits within ${PATIENCE_MS} ms; there came ${this.story.join(', ')}`));
      }, PATIENCE_MS);
      const look = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#waiting.add(look);
    });
  }
}

/** Opens a connection and, with a token, presents it. */
export async function connect(url: string, options: ConnectOptions = {}): Promise<TestClient> {
  const { token, cursor, subscribe, headers, origin, autoPong } = options;
  const settings = {
    perMessageDeflate: false,
    autoPong: autoPong ?? true,
    headers: headers ?? {},
    ...(origin === undefined ? {} : { origin }),
  };
  const socket = new WebSocket(url, settings);
  const client = new TestClient(socket);
  await once(socket, 'open');
  if (token !== undefined) {
    client.send({
      access_token: token,
      ...(cursor === undefined ? {} : { cursor }),
      ...(subscribe === undefined ? {} : { subscribe }),
    });
  }
  return client;
}
