import { WebSocket } from 'ws';
import { mintToken } from '../support/tokens.js';
import type { ClientRecord } from './records.js';
import { readMessage, type Message } from './messages.js';
import { contentHash, type Person } from './world.js';

/** A client's record without what its owner adds. */
export type Seen<R = ClientRecord> = R extends ClientRecord ? Omit<R, 't' | 'k' | 'c'> : never;

/** Where a client connects to. */
export interface Door {
  readonly pod: string;
  readonly url: string;
}

export interface ClientContext {
  /** A pod that takes connections, as a load balancer would choose it; not `avoid` if there is another. Null: none. */
  door(avoid: string | null): Door | null;
  record(seen: Seen): void;
  /** 0 ≤ x < 1 */
  readonly chance: () => number;
  /** False: presents no cursor when it comes back, as many clients of other services do. */
  readonly resumes: boolean;
  readonly tokenSeconds: number;
}

const REMEMBERED = 1000;
const CONNECT_TIMEOUT_MS = 4000;
/** The protocol's advice is up to 30 s; a run has no time for that, and impatient clients are the harder test. */
const BACKOFF_MS = { least: 250, most: 2000 };

/**
 * A client of the protocol as PROTOCOL.md describes it, written from that document: keeps the newest cursor that it has
 * handled, ignores ids among its last 1,000, comes back as the ending says. It shares no code with the service.
 */
export class ChaosClient {
  readonly who: Person;
  readonly #context: ClientContext;
  readonly #wanted: Set<string>;
  readonly #remembered = new Set<string>();
  #conn = 0;
  #socket: WebSocket | null = null;
  #reset: () => void = () => {};
  #cursor: string | null = null;
  #pod: string | null = null;
  #isConnected = false;
  #isOver = false;
  #isOffline = false;
  #failures = 0;
  #cameAt = 0;
  #promisedDelay: number | null = null;
  #ref = 0;
  #retry: NodeJS.Timeout | null = null;
  #watch: NodeJS.Timeout | null = null;

  constructor(who: Person, context: ClientContext) {
    this.who = who;
    this.#context = context;
    this.#wanted = new Set(who.subscribe);
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** When this connection was opened, on `performance.now()`. */
  get cameAt(): number {
    return this.#cameAt;
  }

  /** Whether it has handled this event lately. */
  has(id: string): boolean {
    return this.#remembered.has(id);
  }

  get wanted(): ReadonlySet<string> {
    return this.#wanted;
  }

  connect(avoid: string | null = null): void {
    if (this.#isOver || this.#isOffline || this.#socket !== null) return;
    const door = this.#context.door(avoid);
    if (door === null) {
      this.#comeBack(this.#backoff());
      return;
    }
    const socket = new WebSocket(door.url, {
      handshakeTimeout: CONNECT_TIMEOUT_MS,
      perMessageDeflate: false,
    });
    const conn = ++this.#conn;
    this.#socket = socket;
    this.#pod = door.pod;
    this.#cameAt = performance.now();
    this.#promisedDelay = null;
    const isCurrent = () => this.#socket === socket;
    this.#expectSign(CONNECT_TIMEOUT_MS);
    socket.on('upgrade', response => {
      this.#reset = () => void response.socket.resetAndDestroy();
    });
    socket.on('open', () => {
      if (isCurrent()) this.#introduce(door.pod, conn);
    });
    socket.on('message', (data: Buffer) => {
      if (isCurrent()) this.#take(data.toString(), conn);
    });
    socket.on('error', () => {});
    socket.on('close', code => {
      if (isCurrent()) this.#closed(code, conn);
    });
  }

  /** Cuts the connection: RST, and comes back after so long, to another pod if wished. */
  cut(backInMs: number, elsewhere = false): void {
    if (this.#socket === null) return;
    const from = this.#pod;
    this.#leave(1006);
    this.#comeBack(backInMs, elsewhere ? from : null);
  }

  /** Stays away until `comeOnline`. */
  goOffline(): void {
    this.#isOffline = true;
    this.#leave(1006);
  }

  comeOnline(): void {
    this.#isOffline = false;
    this.connect();
  }

  /** Begins or ends a subscription. */
  toggle(pattern: string): void {
    const socket = this.#socket;
    if (socket === null || !this.#isConnected) return;
    const begins = !this.#wanted.has(pattern);
    if (begins) this.#wanted.add(pattern);
    else this.#wanted.delete(pattern);
    const ask = { subscribe: begins ? [pattern] : [], unsubscribe: begins ? [] : [pattern] };
    this.#see({ conn: this.#conn, ev: 'ask', ...ask });
    socket.send(JSON.stringify({ ...ask, ref: ++this.#ref }));
  }

  /** For good. */
  stop(): void {
    this.#isOver = true;
    this.#leave(1000);
  }

  #introduce(pod: string, conn: number): void {
    const cursor = this.#context.resumes ? this.#cursor : null;
    const subscribe = [...this.#wanted];
    this.#see({ conn, ev: 'open', pod, cursor, subscribe });
    this.#socket?.send(
      JSON.stringify({
        access_token: this.#token(),
        subscribe,
        ...(cursor === null ? {} : { cursor }),
        protocol: 1,
      }),
    );
  }

  #token(): string {
    const { tenant, user, grants } = this.who;
    return mintToken({ tenant, user, topics: grants, expiresInSeconds: this.#context.tokenSeconds });
  }

  #take(text: string, conn: number): void {
    const message = readMessage(text);
    if (message === null) return;
    this.#handle(message, conn);
    if ('cursor' in message) this.#cursor = message.cursor;
  }

  #handle(message: Message, conn: number): void {
    switch (message.kind) {
      case 'connected': {
        const { resume, reason, cursor, subscribed, denied, pingIntervalMs } = message;
        this.#isConnected = true;
        this.#failures = 0;
        this.#expectSigns(pingIntervalMs);
        for (const topic of denied) this.#wanted.delete(topic);
        this.#see({ conn, ev: 'connected', resume, reason, cursor, subscribed });
        break;
      }
      case 'event': {
        const { id, cursor } = message;
        const seen = this.#remembered.has(id);
        if (!seen) this.#remember(id);
        this.#see({ conn, ev: 'event', id, hash: contentHash(message.data), cursor, seen });
        break;
      }
      case 'ping':
        this.#watch?.refresh();
        this.#see({ conn, ev: 'ping', last: message.last, cursor: message.cursor });
        break;
      case 'resync':
        this.#see({ conn, ev: 'resync', reason: message.reason, cursor: message.cursor });
        break;
      case 'reply': {
        const { subscribed, unsubscribed, denied, last, cursor } = message;
        for (const topic of denied) this.#wanted.delete(topic);
        this.#see({ conn, ev: 'reply', subscribed, unsubscribed, last, cursor });
        break;
      }
      case 'stale':
        this.#see({ conn, ev: 'stale', stale: message.stale });
        break;
      case 'reconnect':
        this.#promisedDelay = message.delayMs;
        this.#see({ conn, ev: 'reconnect', delayMs: message.delayMs, cursor: message.cursor });
        break;
      case 'token_expiring':
        this.#socket?.send(JSON.stringify({ access_token: this.#token(), ref: ++this.#ref }));
        break;
      case 'error':
        this.#see({ conn, ev: 'error', code: message.code });
    }
  }

  #remember(id: string): void {
    this.#remembered.add(id);
    if (this.#remembered.size <= REMEMBERED) return;
    const [oldest] = this.#remembered;
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }

  #closed(code: number, conn: number): void {
    this.#forget();
    this.#see({ conn, ev: 'close', code });
    // 4401 needs a new token, which every connection of ours has; 4408 is told to come at once.
    if (isFinal(code)) this.#isOver = true;
    else if ((code === 1012 || code === 1001) && this.#promisedDelay !== null)
      this.#comeBack(this.#promisedDelay);
    else this.#comeBack(code === 4408 ? 0 : this.#backoff());
  }

  /** Gone at once, whatever the other side thinks. */
  #leave(code: number): void {
    const socket = this.#socket;
    if (socket === null) return;
    const conn = this.#conn;
    this.#forget();
    this.#reset();
    socket.terminate();
    this.#see({ conn, ev: 'close', code });
  }

  #forget(): void {
    this.#socket = null;
    this.#isConnected = false;
    if (this.#watch !== null) clearTimeout(this.#watch);
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#watch = null;
  }

  /** The connection is dead if nothing has come by then. */
  #expectSign(ms: number): void {
    this.#watch = setTimeout(() => this.cut(this.#backoff()), ms);
  }

  #expectSigns(pingIntervalMs: number): void {
    if (this.#watch !== null) clearTimeout(this.#watch);
    this.#expectSign(2 * pingIntervalMs);
  }

  #backoff(): number {
    const ceiling = Math.min(BACKOFF_MS.most, BACKOFF_MS.least * 2 ** this.#failures++);
    return ceiling * (0.5 + this.#context.chance() / 2);
  }

  #comeBack(inMs: number, avoid: string | null = null): void {
    if (this.#isOver || this.#isOffline) return;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.connect(avoid), inMs);
  }

  #see(seen: Seen): void {
    this.#context.record(seen);
  }
}

/** PROTOCOL.md, Endings: trying again would end in the same way. */
function isFinal(code: number): boolean {
  if (code === 1000 || code === 1009) return true;
  return code >= 4400 && code < 4500 && ![4401, 4408, 4429].includes(code);
}
