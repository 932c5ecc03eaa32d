import type { BrokerAddress } from './address.js';

/** What went wrong at the broker or on the way to it. */
export interface Fault {
  /** AMQP reply code (AMQP 0-9-1 §1.3: 403, 404, 406 …), or Node's code of a socket or TLS error. */
  readonly code: number | string | null;
  /** Without secrets. */
  readonly text: string;
}

/** What was being done when it went wrong. */
export type Step =
  | 'connecting'
  | 'opening a channel'
  | 'declaring the exchange'
  | 'declaring the queue'
  | 'declaring the stream'
  | 'binding the queue'
  | 'binding the stream'
  | 'reading the stream'
  | 'consuming'
  | 'attached';

/** Reads an error of the AMQP library, or of a socket; whatever looks like the password is taken out. */
export function faultOf(error: unknown, address: BrokerAddress): Fault {
  const code = codeOf(error);
  const text = textOf(error) || String(code ?? 'unknown error');
  return { code, text: withoutSecrets(text, address) };
}

function codeOf(error: unknown): number | string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return typeof error.code === 'number' || typeof error.code === 'string' ? error.code : null;
}

function textOf(error: unknown): string {
  // Several addresses of one name tried: Node then throws an error with an empty message and the real ones inside.
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(textOf).join('; ');
  }
  return error instanceof Error ? error.message : String(error);
}

function withoutSecrets(text: string, address: BrokerAddress): string {
  const password = address.login?.password ?? '';
  if (password === '') return text;
  return text.replaceAll(encodeURIComponent(password), '***').replaceAll(password, '***');
}

const ACCESS_REFUSED = 403;
export const NOT_FOUND = 404;
const PRECONDITION_FAILED = 406;

/** The broker won't do it, and not the next time either unless somebody changes something there. */
export function isRefusal({ code }: Fault): boolean {
  return code === ACCESS_REFUSED || code === NOT_FOUND || code === PRECONDITION_FAILED;
}

/** Whoever deletes a queue ends its consumer; a question about it that is under way can be answered first. */
export function isQueueGone(fault: Fault): boolean {
  return fault.code === NOT_FOUND && fault.text.includes('no queue');
}

export interface FaultContext {
  readonly exchange: string;
  /** `null`: a queue of the pod's own is read. */
  readonly stream: string | null;
  readonly declare: boolean;
  readonly address: BrokerAddress;
}

/** For the log: what happened and what to do about it. */
export function explain(step: Step, fault: Fault, context: FaultContext): string {
  const advice = adviceFor(step, fault, context);
  return advice === null ? `${step}: ${fault.text}` : `${step}: ${advice} (${fault.text})`;
}

/** Why pods can't exchange marks, and what to do about it. */
export function explainControl(
  fault: Fault,
  { controlExchange, declare }: { readonly controlExchange: string; readonly declare: boolean },
): string {
  const advice = adviceForControl(fault, controlExchange, declare);
  return advice === null ? fault.text : `${advice} (${fault.text})`;
}

/** Why there can't be a canary, and what to do about it. */
export function explainCanary({ code, text }: Fault, { exchange }: Pick<FaultContext, 'exchange'>): string {
  if (code !== ACCESS_REFUSED) return text;
  return `the user lacks a permission: grant "configure" and "read" on ${exchange}.canary and "write" on ${exchange}, or set AMQP_DECLARE=false (${text})`;
}

function adviceForControl({ code }: Fault, exchange: string, declare: boolean): string | null {
  if (code === ACCESS_REFUSED) {
    const more = declare ? ', and "configure" or set AMQP_DECLARE=false' : '';
    return `the user lacks a permission: grant "read" and "write" on ${exchange}${more}`;
  }
  if (code === NOT_FOUND) {
    const more = declare ? '' : ', or set AMQP_DECLARE=true';
    return `the exchange ${exchange} does not exist: declare it (fanout, durable)${more}`;
  }
  if (code === PRECONDITION_FAILED) {
    return `the exchange ${exchange} exists with another type or durability: delete it, or name another in AMQP_CONTROL_EXCHANGE; it must be fanout and durable`;
  }
  return null;
}

function adviceFor(step: Step, fault: Fault, context: FaultContext): string | null {
  const { exchange, stream, declare, address } = context;
  if (step === 'connecting') return adviceForConnecting(fault, address);
  if (fault.code === ACCESS_REFUSED) return adviceForPermission(step, context);
  if (isQueueGone(fault)) {
    if (stream === null) return 'its queue was deleted';
    return declare || step === 'attached'
      ? `the stream ${stream} was deleted`
      : `the stream ${stream} does not exist and AMQP_DECLARE=false: declare it (durable, x-queue-type stream), or set AMQP_DECLARE=true`;
  }
  if (fault.code === NOT_FOUND && fault.text.includes('no exchange')) {
    return declare || step === 'attached'
      ? `the exchange ${exchange} was deleted`
      : `the exchange ${exchange} does not exist and AMQP_DECLARE=false: declare it (fanout, durable), or set AMQP_DECLARE=true`;
  }
  if (fault.code === PRECONDITION_FAILED && step === 'declaring the exchange') {
    return `the exchange ${exchange} exists with another type or durability: delete it, or name another in AMQP_EXCHANGE; it must be fanout and durable`;
  }
  if (fault.code === PRECONDITION_FAILED && step === 'declaring the stream' && stream !== null) {
    return `${stream} exists with other arguments, which can't be changed: set AMQP_STREAM_MAX_BYTES and AMQP_STREAM_MAX_AGE_MS to what it was declared with, or AMQP_DECLARE=false to take it as it is, or name another in AMQP_STREAM, or delete it and lose its history`;
  }
  if (fault.code === PRECONDITION_FAILED && step === 'reading the stream' && stream !== null) {
    return `${stream} is a queue of another kind, not a stream: name another in AMQP_STREAM`;
  }
  return null;
}

function adviceForPermission(step: Step, { exchange, stream }: FaultContext): string {
  if (step === 'declaring the exchange') {
    return `the user may not declare ${exchange}: grant "configure" on it, or declare it elsewhere and set AMQP_DECLARE=false`;
  }
  if (step === 'declaring the stream') {
    return `the user may not declare ${stream}: grant "configure" on it, or declare it elsewhere and set AMQP_DECLARE=false`;
  }
  return stream === null
    ? 'the user lacks a permission: it needs "configure" and "write" on the names that begin with AMQP_QUEUE_PREFIX, "read" on those and on AMQP_EXCHANGE'
    : `the user lacks a permission: it needs "read" on ${exchange} and ${stream}, and "write" on ${stream} to bind it`;
}

function adviceForConnecting(fault: Fault, address: BrokerAddress): string | null {
  // The library gives these two no code; the texts are its own, not the broker's.
  if (fault.text.startsWith('Handshake terminated by server: 403')) {
    return 'the user or the password in AMQP_URL is wrong';
  }
  if (fault.text.startsWith('Expected ConnectionOpenOk')) {
    return `the virtual host ${address.vhost} does not exist, or the user may not use it`;
  }
  if (fault.code === 'ECONNREFUSED') return 'nobody listens there';
  return null;
}
