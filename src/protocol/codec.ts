import { ERRORS, type ErrorCode } from './errors.js';
import {
  PROTOCOL_VERSION,
  type ClientMessage,
  type ClientToken,
  type OkMessage,
  type Ref,
} from './messages.js';

/** A message of a client, or null if it is malformed: not a JSON object, or a known field of the wrong type. */
export function parseClientMessage(text: string): ClientMessage | null {
  const fields = parseObject(text);
  if (fields === null) return null;
  const subscribe = topicsOf(own(fields, 'subscribe'));
  const unsubscribe = topicsOf(own(fields, 'unsubscribe'));
  const ref = refOf(own(fields, 'ref'));
  const ping = own(fields, 'ping') ?? false;
  if (subscribe === undefined || unsubscribe === undefined || ref === undefined) return null;
  if (typeof ping !== 'boolean') return null;
  const cursor = own(fields, 'cursor') ?? null;
  return {
    token: tokenOf(own(fields, 'access_token')),
    subscribe,
    unsubscribe,
    ping,
    cursor: cursor === null || typeof cursor === 'string' ? cursor : '',
    protocolSupported: (own(fields, 'protocol') ?? PROTOCOL_VERSION) === PROTOCOL_VERSION,
    ref,
  };
}

/** The text of a message to a client. `status` and `type` come first, as a person reading a trace would like them. */
export function encodeOk(message: OkMessage): string {
  return JSON.stringify({ status: 'ok', ...message });
}

export function encodeError(code: ErrorCode, ref: Ref | null): string {
  const error = { status: 'error', type: 'error', error: ERRORS[code], code };
  return JSON.stringify(ref === null ? error : { ...error, ref });
}

function parseObject(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** Own properties only: a client may send `__proto__` or leave `constructor` to be found on the prototype. */
function own(fields: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(fields, name)?.value;
}

function tokenOf(value: unknown): ClientToken {
  if (value === undefined || value === null || value === '') return { kind: 'absent' };
  return typeof value === 'string' ? { kind: 'present', text: value } : { kind: 'unusable' };
}

/** Undefined: not a list of strings. */
function topicsOf(value: unknown): readonly string[] | null | undefined {
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value)) return undefined;
  const topics: unknown[] = value;
  return topics.every(topic => typeof topic === 'string') ? [...new Set(topics)] : undefined;
}

const MAX_REF_LENGTH = 64;

/** Undefined: not a ref. */
function refOf(value: unknown): Ref | null | undefined {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  return typeof value === 'string' && value.length <= MAX_REF_LENGTH ? value : undefined;
}
