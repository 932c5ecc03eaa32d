import assert from 'node:assert/strict';

/** Any message of the server, as a client without types sees it. */
export interface ServerMessage {
  readonly status: string;
  readonly type: string;
  readonly event?: string;
  readonly id?: string;
  readonly topics?: readonly string[];
  readonly data?: unknown;
  readonly code?: string;
  readonly error?: string;
  readonly ref?: number | string;
  readonly cursor?: string;
  readonly lastEventId?: string | null;
  readonly resume?: string;
  readonly reason?: string;
  readonly delayMs?: number;
  readonly stale?: boolean;
  readonly connected?: boolean;
  readonly message?: string;
  readonly user?: string;
  readonly tenant?: string;
  readonly session?: string;
  readonly protocol?: number;
  readonly subscribed?: readonly string[];
  readonly unsubscribed?: readonly string[];
  readonly denied?: readonly { readonly topic: string; readonly code: string }[];
  readonly expiresInMs?: number;
  readonly pingIntervalMs?: number;
}

export function parseServerMessage(text: string): ServerMessage {
  const message: ServerMessage = JSON.parse(text);
  return message;
}

/** The cursor of a message that has one. */
export function cursorOf(message: ServerMessage | undefined): string {
  assert.ok(message?.cursor !== undefined, `no cursor in ${JSON.stringify(message)}`);
  return message.cursor;
}

/** In short: `hello`, `event a1`, `error malformed`, `reply 3`, `stale true`, `resync evicted`. */
export function describeMessage(message: ServerMessage): string {
  switch (message.type) {
    case 'event':
      return `event ${message.id}`;
    case 'error':
      return `error ${message.code}`;
    case 'reply':
      return `reply ${message.ref ?? ''}`.trimEnd();
    default:
      if (message.event === 'stale') return `stale ${message.stale}`;
      return message.event === 'resync' ? `resync ${message.reason}` : `${message.event}`;
  }
}
