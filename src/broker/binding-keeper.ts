import type { Clock } from '../clock.js';
import type { BrokerAddress } from './address.js';
import type { AmqpChannel, AmqpConnection } from './amqp.js';
import { type Fault, faultOf, isRefusal } from './fault.js';
import type { Declaration } from './topology.js';

export interface BindingKeeperOptions {
  readonly address: BrokerAddress;
  readonly declarations: readonly Declaration[];
  readonly intervalMs: number;
}

export interface BindingKeeper {
  /** The first try is over. Never rejects. */
  readonly tried: Promise<void>;
  stop(): void;
}

/** A refusal leaves an error in the broker's log. */
const INTERVALS_AFTER_REFUSAL = 12;

/**
 * Declares a binding again and again. A deleted exchange takes it along and tells nobody: the queue would stay empty
 * for ever. Binding again says 404 if the exchange is gone, and binds if it is back. It needs no permission that the pod
 * doesn't have, which a canary through the exchange would. What it can't tell: an exchange deleted and declared anew
 * between two tries (see `canary.ts`), or a binding removed by hand; then the messages until the next one are missing
 * without a word.
 *
 * On a channel of its own: a refusal closes it; and while the link between two nodes stands still RabbitMQ 3.10 answers
 * no bind on either of them, and a channel that waits for an answer passes on no deliveries.
 */
export function keepBound(
  connection: AmqpConnection,
  { address, declarations, intervalMs }: BindingKeeperOptions,
  clock: Clock,
  onRefused: (fault: Fault) => void,
): BindingKeeper {
  let stopped = false;
  let cancelTimer = (): void => {};
  let channel: AmqpChannel | null = null;

  async function bind(): Promise<void> {
    let next = intervalMs;
    try {
      channel ??= await connection.openChannel(() => {
        channel = null;
      });
      for (const declaration of declarations) await channel.declare(declaration);
    } catch (error) {
      channel = null;
      const fault = faultOf(error, address);
      // Anything else is the end of the connection, which whoever has it hears of.
      if (!stopped && isRefusal(fault)) {
        next *= INTERVALS_AFTER_REFUSAL;
        onRefused(fault);
      }
    }
    if (!stopped) cancelTimer = clock.after(next, () => void bind());
  }

  return {
    tried: bind(),
    stop() {
      stopped = true;
      cancelTimer();
    },
  };
}
