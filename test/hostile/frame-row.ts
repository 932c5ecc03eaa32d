import { closing, frame, type FrameWishes, OPCODES } from '../support/raw-websocket.js';

/**
 * Frames that a client sends, and exactly what the server says to them. Each row is run three times: before
 * authentication, before it and in one segment with the handshake, and after it. To add one, add a row.
 */
export interface FrameRow {
  readonly name: string;
  /** Written one after another, each a segment of its own; `answered`: first wait for one more text; `fin`: end this side. */
  readonly send: readonly (Buffer | 'answered' | 'fin')[];
  readonly outcome: Outcome | { readonly before: Outcome; readonly after: Outcome };
}

export interface Outcome {
  /** Codes of the errors told, in order; none unless given. */
  readonly says?: readonly string[];
  /** Payloads of the pongs, in order; none unless given; `some`: however many, since the end may overtake them. */
  readonly pongs?: readonly (string | Buffer)[] | 'some';
  /** The close code; 1005: a close without one; `silently`: no close frame. Left out: the connection stays open. */
  readonly closes?: number | 'silently';
}

/** The default of `MAX_PAYLOAD_BYTES`. */
export const MAX_PAYLOAD = 65_536;

// ---- frames

const of =
  (opcode: number) =>
  (payload?: string | Buffer, wishes?: FrameWishes): Buffer =>
    frame(opcode, payload, wishes);
export const text = of(OPCODES.text);
export const binary = of(OPCODES.binary);
export const more = of(OPCODES.continuation);
export const ping = of(OPCODES.ping);
export const pong = of(OPCODES.pong);
export const close = (code: number, reason?: string | Buffer, wishes?: FrameWishes): Buffer =>
  frame(OPCODES.close, closing(code, reason), wishes);
export const bareClose = of(OPCODES.close);

export const unfinished = { fin: false } as const;

/** A JSON object of exactly so many bytes, without anything that the server knows. */
export const json = (length: number): string => `{"x":"${'x'.repeat(length - 8)}"}`;

/** Each byte a write of its own. */
export const byBytes = (bytes: Buffer): Buffer[] => [...bytes].map(byte => Buffer.of(byte));

export const chopped = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));

export const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(' ', ''), 'hex');

export const repeat = <T>(times: number, make: (i: number) => T): T[] =>
  Array.from({ length: times }, (_, i) => make(i));

// ---- outcomes

/** It stays open and nothing is said. */
export const NOTHING: Outcome = {};
/** So many messages without anything known in them: well understood. */
export const understood = (times = 1): FrameRow['outcome'] => ({
  before: { says: Array.from({ length: times }, () => 'token_missing') },
  after: { says: Array.from({ length: times }, () => 'unknown_message') },
});
/** A text that is no JSON object: the end before authentication, a first strike after it. */
export const MALFORMED: FrameRow['outcome'] = {
  before: { says: ['malformed'], closes: 4400 },
  after: { says: ['malformed'] },
};
export const BINARY: Outcome = { says: ['malformed'], closes: 4400 };
export const TOO_BIG: Outcome = { says: ['too_big'], closes: 1009 };
export const closes = (code: number | 'silently'): Outcome => ({ closes: code });
export const pongs = (...payloads: (string | Buffer)[]): Outcome => ({ pongs: payloads });
/** One message is answered, and the connection ends all the same. */
export const understoodThen = (code: number): FrameRow['outcome'] => ({
  before: { says: ['token_missing'], closes: code },
  after: { says: ['unknown_message'], closes: code },
});
