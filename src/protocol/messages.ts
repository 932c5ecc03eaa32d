/**
 * The wire, version 1: one JSON object per text message, both ways. PROTOCOL.md is the prose of this file.
 *
 * History of PROTOCOL_VERSION, one line each:
 *   1  first version
 */
export const PROTOCOL_VERSION = 1;

/** A client's own number or short string for a request, repeated in the answer. */
export type Ref = number | string;

/** The fields of a message from a client that this version knows, whichever state the session is in. */
export interface ClientMessage {
  readonly token: ClientToken;
  /** Null: not in the message; without duplicates. */
  readonly subscribe: readonly string[] | null;
  readonly unsubscribe: readonly string[] | null;
  readonly ping: boolean;
  /** Null: none presented. Any text else; what isn't a cursor of ours leads to a resync, never to an error. */
  readonly cursor: string | null;
  /** False: a version that this server doesn't speak. */
  readonly protocolSupported: boolean;
  readonly ref: Ref | null;
}

/** `unusable`: there is an `access_token`, but it isn't a string. */
export type ClientToken =
  | { readonly kind: 'absent' }
  | { readonly kind: 'unusable' }
  | { readonly kind: 'present'; readonly text: string };

/** Why a subscription was refused. */
export type DenialCode = 'not_granted' | 'invalid' | 'limit';

export interface Denial {
  readonly topic: string;
  readonly code: DenialCode;
}

/** Why a client must fetch its state anew. */
export type ResyncReason = 'unknown_position' | 'evicted' | 'feed_gap';

/** `new`: no cursor was presented. */
export type Resume = 'new' | 'resumed' | 'resync';

export interface HelloMessage {
  readonly type: 'system';
  readonly event: 'hello';
  readonly message: string;
  readonly protocol: number;
}

export interface ConnectedMessage {
  readonly type: 'system';
  readonly event: 'connected';
  readonly connected: true;
  readonly message: string;
  readonly user: string;
  readonly tenant: string;
  readonly session: string;
  readonly resume: Resume;
  /** With `resume: "resync"` only. */
  readonly reason?: ResyncReason;
  readonly delayMs?: number;
  readonly subscribed: readonly string[];
  readonly denied: readonly Denial[];
  readonly lastEventId: string | null;
  readonly cursor: string;
  readonly stale: boolean;
  readonly expiresInMs: number;
  readonly pingIntervalMs: number;
  readonly ref?: Ref;
}

export interface PingMessage {
  readonly type: 'system';
  readonly event: 'ping';
  readonly connected: true;
  readonly message: string;
  readonly lastEventId: string | null;
  readonly cursor: string;
}

export interface ResyncMessage {
  readonly type: 'system';
  readonly event: 'resync';
  readonly reason: ResyncReason;
  readonly delayMs: number;
  readonly lastEventId: null;
  readonly cursor: string;
}

export interface StaleMessage {
  readonly type: 'system';
  readonly event: 'stale';
  readonly stale: boolean;
}

export interface TokenExpiringMessage {
  readonly type: 'system';
  readonly event: 'token_expiring';
  readonly expiresInMs: number;
}

export interface ReconnectMessage {
  readonly type: 'system';
  readonly event: 'reconnect';
  readonly delayMs: number;
  readonly reason: 'drain';
  readonly cursor: string;
}

export interface ReplyMessage {
  readonly type: 'reply';
  readonly ref?: Ref;
  readonly subscribed: readonly string[];
  readonly unsubscribed: readonly string[];
  readonly denied: readonly Denial[];
  readonly cursor: string;
  readonly lastEventId: string | null;
  readonly expiresInMs: number;
}

/** Everything with `status: "ok"` except events, which the log encodes once for all recipients. */
export type OkMessage =
  | HelloMessage
  | ConnectedMessage
  | PingMessage
  | ResyncMessage
  | StaleMessage
  | TokenExpiringMessage
  | ReconnectMessage
  | ReplyMessage;
