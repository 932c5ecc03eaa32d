/** What the server says, as far as a client needs it; read from PROTOCOL.md, not from the service's types. */
export type Message =
  | {
      readonly kind: 'connected';
      readonly resume: string;
      readonly reason: string | null;
      readonly cursor: string;
      readonly subscribed: readonly string[];
      readonly denied: readonly string[];
      readonly pingIntervalMs: number;
    }
  | { readonly kind: 'event'; readonly id: string; readonly cursor: string; readonly data: unknown }
  | { readonly kind: 'ping'; readonly last: string | null; readonly cursor: string }
  | { readonly kind: 'resync'; readonly reason: string; readonly cursor: string }
  | {
      readonly kind: 'reply';
      readonly subscribed: readonly string[];
      readonly unsubscribed: readonly string[];
      readonly denied: readonly string[];
      readonly last: string | null;
      readonly cursor: string;
    }
  | { readonly kind: 'stale'; readonly stale: boolean }
  | { readonly kind: 'reconnect'; readonly delayMs: number; readonly cursor: string }
  | { readonly kind: 'token_expiring' }
  | { readonly kind: 'error'; readonly code: string };

/** All fields that are read, over all messages. */
interface Fields {
  readonly type?: string;
  readonly event?: string;
  readonly id?: string;
  readonly cursor?: string;
  readonly data?: unknown;
  readonly resume?: string;
  readonly reason?: string;
  readonly subscribed?: readonly string[];
  readonly unsubscribed?: readonly string[];
  readonly denied?: readonly { readonly topic: string }[];
  readonly lastEventId?: string | null;
  readonly pingIntervalMs?: number;
  readonly stale?: boolean;
  readonly delayMs?: number;
  readonly code?: string;
}

/** Null: of a kind that a client passes over. */
export function readMessage(text: string): Message | null {
  const fields: Fields = JSON.parse(text);
  const { cursor = '', subscribed = [], unsubscribed = [], lastEventId: last = null } = fields;
  const denied = (fields.denied ?? []).map(({ topic }) => topic);
  switch (fields.type ?? '') {
    case 'event':
      return { kind: 'event', id: fields.id ?? '', cursor, data: fields.data };
    case 'reply':
      return { kind: 'reply', subscribed, unsubscribed, denied, last, cursor };
    case 'error':
      return { kind: 'error', code: fields.code ?? '' };
    case 'system':
      break;
    default:
      return null;
  }
  switch (fields.event ?? '') {
    case 'connected': {
      const { resume = '', reason = null, pingIntervalMs = 25_000 } = fields;
      return { kind: 'connected', resume, reason, cursor, subscribed, denied, pingIntervalMs };
    }
    case 'ping':
      return { kind: 'ping', last, cursor };
    case 'resync':
      return { kind: 'resync', reason: fields.reason ?? '', cursor };
    case 'stale':
      return { kind: 'stale', stale: fields.stale === true };
    case 'reconnect':
      return { kind: 'reconnect', delayMs: fields.delayMs ?? 0, cursor };
    case 'token_expiring':
      return { kind: 'token_expiring' };
    default:
      return null;
  }
}
