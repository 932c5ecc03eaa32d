import type { Clock } from '../clock.js';
import type { BrokerAddress } from './address.js';
import type { AmqpChannel, AmqpConnection } from './amqp.js';
import { type Fault, faultOf, isRefusal, NOT_FOUND } from './fault.js';
import type { Canary } from './topology.js';

export interface CanaryOptions {
  readonly address: BrokerAddress;
  readonly canary: Canary;
  readonly intervalMs: number;
}

export interface CanaryHandlers {
  /** The exchange was deleted, whether or not it has been declared anew. The last call. */
  readonly onDead: (fault: Fault) => void;
  /** What each look saw, before anything follows from it. */
  readonly onLooked: (isThere: boolean) => void;
  /** The broker won't have a canary, or not from this user. */
  readonly onRefused: (fault: Fault) => void;
}

export interface CanaryWatch {
  /** The first look is over: from now on a deletion is noticed. Never rejects. */
  readonly looked: Promise<void>;
  stop(): void;
}

/** So many looks without a canary, and there is a new one: until then every pod has seen that the old one is dead. */
const LOOKS_UNTIL_NEW = 3;
/** A refusal leaves an error in the broker's log. */
const INTERVALS_AFTER_REFUSAL = 12;

/**
 * Notices that the events exchange was deleted, even if somebody declared it anew before anybody looked: pods that
 * bind again then miss what was published in between, and no answer of the broker says so.
 *
 * The canary is an auto-delete exchange whose only binding leads to the events exchange. RabbitMQ deletes it with that
 * binding, and so with the events exchange, in one step; nothing is ever published to it. Looking is binding again.
 *
 * On a channel of its own, since a refusal closes it.
 */
export function watchCanary(
  connection: AmqpConnection,
  { address, canary, intervalMs }: CanaryOptions,
  clock: Clock,
  handlers: CanaryHandlers,
): CanaryWatch {
  let isStopped = false;
  let cancelTimer = (): void => {};
  let channel: AmqpChannel | null = null;
  /** In a row. `null`: it was there. */
  let missing: number | null = 0;

  async function look(): Promise<void> {
    let next = intervalMs;
    try {
      channel ??= await connection.openChannel(() => {
        channel = null;
      });
      if (missing !== null && missing >= LOOKS_UNTIL_NEW) await channel.declare(canary.exchange);
      await channel.declare(canary.binding);
      missing = null;
      if (!isStopped) handlers.onLooked(true);
    } catch (error) {
      channel = null;
      const fault = faultOf(error, address);
      // Anything else is the end of the connection, which whoever has it hears of.
      if (isStopped || !isRefusal(fault)) return;
      if (fault.code !== NOT_FOUND) {
        next *= INTERVALS_AFTER_REFUSAL;
        handlers.onRefused(fault);
      } else {
        handlers.onLooked(false);
        if (missing === null) {
          isStopped = true;
          handlers.onDead(fault);
        } else missing++;
      }
    }
    if (!isStopped) cancelTimer = clock.after(next, () => void look());
  }

  return {
    looked: look(),
    stop() {
      isStopped = true;
      cancelTimer();
    },
  };
}
