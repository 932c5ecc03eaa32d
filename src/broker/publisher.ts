import type { Clock } from '../clock.js';
import type { OutgoingMessage, PublishOutcome } from '../connection/feed.js';
import type { Logger } from '../logger.js';
import { type BrokerAddress, describeBroker } from './address.js';
import type { AmqpConfirmChannel, AmqpConnection } from './amqp.js';
import { connect } from './amqplib.js';
import { type Fault, faultOf } from './fault.js';
import type { FeedTls } from './tls-files.js';

export interface PublisherOptions {
  readonly addresses: readonly BrokerAddress[];
  readonly tls: FeedTls | null;
  readonly exchange: string;
  readonly heartbeatSeconds: number;
  readonly connectTimeoutMs: number;
  readonly confirmTimeoutMs: number;
  readonly name: string;
}

export interface Publisher {
  /** Never rejects. */
  publish(message: OutgoingMessage): Promise<PublishOutcome>;
  /** Closes the connection, if there is one. What isn't confirmed by then is unconfirmed. Never rejects. */
  stop(): Promise<void>;
}

/** What may wait for its confirm: a broker with a memory alarm reads nothing, and all of it stays in our memory. */
const MAX_UNCONFIRMED_BYTES = 16 * 2 ** 20;
/** After a failed connection publishing fails at once for this long, or each request would wait for its own. */
const FAIL_FAST_MS = 1000;
const STOP_TIMEOUT_MS = 2000;

interface Link {
  readonly connection: AmqpConnection;
  readonly channel: AmqpConfirmChannel;
  /** Ids of messages that came back, each as often as it did. */
  readonly returned: Map<string, number>;
  readonly status: Status;
}

interface Status {
  blocked: boolean;
  /** Why the connection or the channel ended. */
  ended: string | null;
}

/**
 * Publishes with confirms. On a connection of its own, opened when first needed: a broker with an alarm stops reading
 * from connections that publish, and on the feed's that would hold back acknowledgements too.
 */
export function createPublisher(
  options: PublisherOptions,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Publisher {
  const stopping = new AbortController();
  let link: Promise<Link> | null = null;
  let failure: { readonly why: string; readonly until: number } | null = null;
  let unconfirmedBytes = 0;

  /** One for all who ask while it opens. */
  function theLink(): Promise<Link> {
    if (link !== null) return link;
    const opening: Promise<Link> = open(() => {
      if (link === opening) link = null;
    });
    link = opening;
    opening.catch((error: unknown) => {
      if (link === opening) link = null;
      failure = { why: whyOf(error), until: clock.monotonic() + FAIL_FAST_MS };
      if (!stopping.signal.aborted)
        logger.warn({ why: failure.why }, 'publishing: no connection to RabbitMQ');
    });
    return opening;
  }

  async function open(onEnd: () => void): Promise<Link> {
    const failures: string[] = [];
    for (const address of options.addresses) {
      try {
        return await openAt(address, onEnd);
      } catch (error) {
        failures.push(`${describeBroker(address)}: ${faultOf(error, address).text}`);
      }
      if (stopping.signal.aborted) break;
    }
    throw new Error(failures.join('; '));
  }

  async function openAt(address: BrokerAddress, onEnd: () => void): Promise<Link> {
    const status: Status = { blocked: false, ended: null };
    const end = (fault: Fault): void => {
      status.ended ??= fault.text;
      onEnd();
    };
    const connection = await connect({ ...options, address, signal: stopping.signal, onEnd: end }, clock);
    connection.onBlocked(blocked => {
      status.blocked = blocked;
    });
    const destroy = (): void => connection.destroy();
    const cancelTimer = clock.after(options.connectTimeoutMs, destroy);
    stopping.signal.addEventListener('abort', destroy, { once: true });
    try {
      const channel = await connection.openConfirmChannel(fault => {
        // A closed channel (the exchange doesn't exist, say) takes the connection along: the next publish begins anew.
        end(fault);
        logger.debug(
          { broker: describeBroker(address), why: fault.text },
          'publishing: the channel was closed',
        );
        void closeWithin(connection);
      });
      const returned = new Map<string, number>();
      channel.onReturn(id => returned.set(id, (returned.get(id) ?? 0) + 1));
      return { connection, channel, returned, status };
    } catch (error) {
      await closeWithin(connection);
      throw error;
    } finally {
      cancelTimer();
      stopping.signal.removeEventListener('abort', destroy);
    }
  }

  async function closeWithin(connection: AmqpConnection): Promise<void> {
    const cancel = clock.after(STOP_TIMEOUT_MS, () => connection.destroy());
    await connection.close();
    cancel();
  }

  function send({ channel, returned, status }: Link, message: OutgoingMessage): Promise<PublishOutcome> {
    if (status.blocked)
      return Promise.resolve(unconfirmed('RabbitMQ takes no messages at present (memory or disk alarm)'));
    const size = message.body.byteLength;
    if (unconfirmedBytes + size > MAX_UNCONFIRMED_BYTES) {
      return Promise.resolve(unconfirmed('too many messages wait for RabbitMQ to confirm them'));
    }
    unconfirmedBytes += size;
    return new Promise(resolve => {
      const settle = (outcome: PublishOutcome): void => {
        unconfirmedBytes -= size;
        resolve(outcome);
      };
      try {
        channel.publish(
          {
            exchange: options.exchange,
            id: message.id,
            body: message.body,
            timestamp: Math.floor(clock.wall() / 1000),
          },
          fault => {
            // The broker confirms a message that it could route to nobody, too; it says so before.
            const came = returned.get(message.id) ?? 0;
            if (came > 1) returned.set(message.id, came - 1);
            else returned.delete(message.id);
            if (fault !== null) settle(unconfirmed(status.ended ?? fault.text));
            else if (came > 0) settle(unconfirmed(`no queue is bound to ${options.exchange}`));
            else settle({ kind: 'confirmed' });
          },
        );
      } catch (error) {
        settle(unconfirmed(whyOf(error)));
      }
    });
  }

  async function attempt(message: OutgoingMessage): Promise<PublishOutcome> {
    try {
      return await send(await theLink(), message);
    } catch (error) {
      return unconfirmed(whyOf(error));
    }
  }

  return {
    async publish(message) {
      if (stopping.signal.aborted) return unconfirmed('this process is ending');
      if (link === null && failure !== null && clock.monotonic() < failure.until)
        return unconfirmed(failure.why);
      let cancelTimer = (): void => {};
      const late = new Promise<PublishOutcome>(resolve => {
        cancelTimer = clock.after(options.confirmTimeoutMs, () =>
          resolve(unconfirmed(`not confirmed within ${options.confirmTimeoutMs} ms`)),
        );
      });
      const outcome = await Promise.race([attempt(message), late]);
      cancelTimer();
      return outcome;
    },
    async stop() {
      stopping.abort();
      const open = await link?.catch(() => null);
      if (open) await closeWithin(open.connection);
    },
  };
}

function unconfirmed(why: string): PublishOutcome {
  return { kind: 'unconfirmed', why };
}

function whyOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
