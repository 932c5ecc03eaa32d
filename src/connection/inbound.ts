import { parseClientMessage } from '../protocol/codec.js';
import type { ClientMessage } from '../protocol/messages.js';
import { Strikes, TokenBucket } from './token-bucket.js';

/** What came from the client. `last`: the third fault of its kind within 60 s. */
export type Incoming =
  | { readonly kind: 'message'; readonly message: ClientMessage }
  | { readonly kind: 'malformed'; readonly last: boolean }
  | { readonly kind: 'excess'; readonly last: boolean };

/** Messages at once, as a multiple of what is allowed per second in the long run. */
const BURST = 10;
/** Characters that may wait before the transport should stop reading. */
const MAX_WAITING = 64 * 1024;

/** A client's messages on their way in: counted, parsed, and kept in order while one of them takes its time. */
export class Inbound {
  readonly #handle: (incoming: Incoming) => void;
  readonly #bucket: TokenBucket;
  /** Null until the first: few clients ever need them, and they are 100 bytes of each connection. */
  #malformed: Strikes | null = null;
  #excess: Strikes | null = null;
  #waiting: string[] = [];
  #waitingLength = 0;
  #held = false;

  constructor(messagesPerSecond: number, now: number, handle: (incoming: Incoming) => void) {
    this.#bucket = new TokenBucket(messagesPerSecond, messagesPerSecond * BURST, now);
    this.#handle = handle;
  }

  /** So much waits that the transport should stop reading for the moment. */
  get isFull(): boolean {
    return this.#waitingLength > MAX_WAITING;
  }

  /** `now` in monotonic ms. */
  receive(text: string, now: number): void {
    if (!this.#bucket.take(now)) {
      this.#excess ??= new Strikes();
      this.#handle({ kind: 'excess', last: this.#excess.strike(now) });
    } else if (this.#held) {
      this.#waiting.push(text);
      this.#waitingLength += text.length;
    } else {
      this.#parse(text, now);
    }
  }

  /** What comes from now on waits. */
  hold(): void {
    this.#held = true;
  }

  /** Hands over what waited, as far as it isn't held again by what it finds there. */
  release(now: number): void {
    this.#held = false;
    while (!this.#held) {
      const text = this.#waiting.shift();
      if (text === undefined) return;
      this.#waitingLength -= text.length;
      this.#parse(text, now);
    }
  }

  /** Forgets what waits. */
  clear(): void {
    this.#waiting = [];
    this.#waitingLength = 0;
  }

  #parse(text: string, now: number): void {
    const message = parseClientMessage(text);
    if (message !== null) {
      this.#handle({ kind: 'message', message });
      return;
    }
    this.#malformed ??= new Strikes();
    this.#handle({ kind: 'malformed', last: this.#malformed.strike(now) });
  }
}
