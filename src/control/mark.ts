/**
 * What a pod says to the other pods once a second, through the exchange that all their event queues are bound to: a
 * mark stands in each queue behind the events that its broker node passed on before.
 */
export interface Mark {
  /** `bye`: the last one of this source. */
  readonly kind: 'mark' | 'bye';
  /** Who says it: the name of a queue that exists for as long as the connection that the mark was published on. */
  readonly source: string;
  /** Wall clock of the sender, ms. */
  readonly at: number;
}

/** The message's body. */
export function encodeMark(mark: Mark): Uint8Array {
  return Buffer.from(JSON.stringify(mark));
}

/** Null for whatever isn't a mark: a later version may have more to say on the same exchange. */
export function decodeMark(body: Uint8Array): Mark | null {
  const said = parse(body);
  if (typeof said !== 'object' || said === null) return null;
  if (!('kind' in said) || !('source' in said) || !('at' in said)) return null;
  const { kind, source, at } = said;
  if (kind !== 'mark' && kind !== 'bye') return null;
  // AMQP 0-9-1 §1.2: a longer name can't be asked for, and the library would throw.
  if (typeof source !== 'string' || source === '' || Buffer.byteLength(source) > 255) return null;
  return typeof at === 'number' && at >= 0 ? { kind, source, at } : null;
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString());
  } catch {
    return null;
  }
}
