import { encodeOk } from '../protocol/codec.js';
import {
  PROTOCOL_VERSION,
  type Denial,
  type Ref,
  type ResyncReason,
  type Resume,
} from '../protocol/messages.js';
import type { Place } from './track.js';

/** Messages whose text depends on where in the stream they leave. */
type Compose = (place: Place) => string;

export interface Welcome {
  readonly user: string;
  readonly tenant: string;
  readonly session: string;
  readonly resume: Resume;
  /** With `resume: "resync"`. */
  readonly resync: { readonly reason: ResyncReason; readonly delayMs: number } | null;
  /** The position presented, with `resume: "resumed"`. */
  readonly cursor: string | null;
  readonly subscribed: readonly string[];
  readonly denied: readonly Denial[];
  readonly isStale: () => boolean;
  readonly expiresInMs: () => number;
  readonly pingIntervalMs: number;
  readonly ref: Ref | null;
}

const withRef = (ref: Ref | null) => (ref === null ? {} : { ref });

export function welcome(to: Welcome): Compose {
  return ({ cursor }) =>
    encodeOk({
      type: 'system',
      event: 'connected',
      connected: true,
      message: `Connected as user ${to.user}`,
      user: to.user,
      tenant: to.tenant,
      session: to.session,
      resume: to.resume,
      ...to.resync,
      subscribed: to.subscribed,
      denied: to.denied,
      lastEventId: null,
      cursor: to.cursor ?? cursor,
      stale: to.isStale(),
      expiresInMs: to.expiresInMs(),
      pingIntervalMs: to.pingIntervalMs,
      ...withRef(to.ref),
    });
}

export interface Reply {
  readonly subscribed: readonly string[];
  readonly unsubscribed: readonly string[];
  readonly denied: readonly Denial[];
  readonly expiresInMs: () => number;
  readonly ref: Ref | null;
}

export function reply({ subscribed, unsubscribed, denied, expiresInMs, ref }: Reply): Compose {
  return ({ cursor, lastEventId }) =>
    encodeOk({
      type: 'reply',
      ...withRef(ref),
      subscribed,
      unsubscribed,
      denied,
      cursor,
      lastEventId,
      expiresInMs: expiresInMs(),
    });
}

export function ping({ cursor, lastEventId }: Place): string {
  return encodeOk({
    type: 'system',
    event: 'ping',
    connected: true,
    message: 'events ping',
    lastEventId,
    cursor,
  });
}

export function reconnect(delayMs: number): Compose {
  return ({ cursor }) => encodeOk({ type: 'system', event: 'reconnect', delayMs, reason: 'drain', cursor });
}

export function stale(stale: boolean): Compose {
  return () => encodeOk({ type: 'system', event: 'stale', stale });
}

export function tokenExpiring(expiresInMs: number): string {
  return encodeOk({ type: 'system', event: 'token_expiring', expiresInMs });
}

const HELLO = encodeOk({
  type: 'system',
  event: 'hello',
  message: 'send access_token',
  protocol: PROTOCOL_VERSION,
});

export const hello = (): string => HELLO;
