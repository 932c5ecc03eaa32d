import type { Decoded, Delivery } from '../broker/delivery.js';
import type { OutgoingMessage, PublishOutcome } from '../connection/feed.js';

export type PublishAnswer =
  | { readonly status: 202; readonly body: { readonly id: string } }
  | { readonly status: 400; readonly body: { readonly reason: string } }
  | { readonly status: 503; readonly body: { readonly reason: 'unconfirmed'; readonly id: string } };

/**
 * `POST /events`: checked here by the same code as on arrival, so that the sender learns at once what is wrong, then
 * published like any other event. 202 only once the broker has it.
 */
export async function publishEvent(
  body: Buffer,
  deps: {
    readonly decode: (delivery: Delivery) => Decoded;
    readonly publish: (message: OutgoingMessage) => Promise<PublishOutcome>;
    readonly onUnconfirmed: (why: string) => void;
  },
): Promise<PublishAnswer> {
  const decoded = deps.decode({
    content: body,
    messageId: null,
    type: null,
    timestamp: null,
    contentEncoding: null,
    headers: {},
    streamOffset: null,
  });
  if (decoded.kind === 'rejected') return { status: 400, body: { reason: decoded.reason } };
  const { id } = decoded.event;
  const outcome = await deps.publish({ id, body });
  if (outcome.kind === 'confirmed') return { status: 202, body: { id } };
  deps.onUnconfirmed(outcome.why);
  return { status: 503, body: { reason: 'unconfirmed', id } };
}
