import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import { type BrokerAddress, describeBroker } from './address.js';
import type { Ending } from './attachment.js';
import { explain, explainCanary, explainControl, type Fault, type FaultContext } from './fault.js';
import type { Outage } from './supervisor.js';

/** While the same failure repeats, it is logged aloud this often only. */
const REMINDER_MS = 60_000;
/** Failures remembered at most; the one logged aloud longest ago goes. Brokers word their errors as they like. */
const MAX_FAILURES = 64;

/** What a feed can do without. */
export type Optional = 'marks' | 'canary';

const WITHOUT: Readonly<Record<Optional, string>> = {
  marks:
    'pods exchange no marks: with a RabbitMQ cluster, clients that change pods after a stall between its nodes may miss events',
  canary:
    'no canary: if the exchange is deleted and declared anew within seconds, what is published meanwhile is missed without notice',
};

/** A feed's log lines: the first failure of a kind at a broker aloud, its repeats not. */
export function createFeedLog(
  context: Omit<FaultContext, 'address'> & { readonly controlExchange: string },
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  broker: () => BrokerAddress,
) {
  /** When each was last logged aloud. Several, since brokers that are tried in turn fail for different reasons. */
  const loud = new Map<string, number>();
  /** With reply codes: a pod may run for ever without. */
  const refusals = new Set<string>();

  function explanation(ending: Ending): string {
    return explain(ending.step, ending.fault, { ...context, address: broker() });
  }

  /** Whether it was logged aloud a short while ago; else it is to be now. */
  function isRepeat(failure: string): boolean {
    const now = clock.monotonic();
    const at = loud.get(failure);
    if (at !== undefined && now - at < REMINDER_MS) return true;
    // Last in the map is logged last.
    loud.delete(failure);
    loud.set(failure, now);
    const [oldest] = loud.keys();
    if (loud.size > MAX_FAILURES && oldest !== undefined) loud.delete(oldest);
    return false;
  }

  return {
    attached(outage: Outage, continuity: 'first' | 'unbroken' | 'gap'): void {
      loud.clear();
      const fields = {
        broker: describeBroker(broker()),
        afterMs: outage.lastedMs,
        attempts: outage.attempts,
      };
      if (continuity === 'first') logger.info(fields, 'attached to RabbitMQ');
      else if (continuity === 'unbroken')
        logger.info(fields, 'attached to RabbitMQ again; nothing was missed');
      else logger.warn(fields, 'attached to RabbitMQ again; events may have been missed in between');
    },

    lost(ending: Ending): string {
      const why = explanation(ending);
      logger.warn({ broker: describeBroker(broker()), cause: ending.cause, why }, 'RabbitMQ lost');
      return why;
    },

    failed(ending: Ending, outage: Outage, retryInMs: number | null): void {
      const why = explanation(ending);
      const failed = describeBroker(broker());
      const fields = {
        broker: failed,
        why,
        attempts: outage.attempts,
        lastedMs: outage.lastedMs,
        retryInMs: retryInMs === null ? null : Math.round(retryInMs),
      };
      if (isRepeat(`${failed} ${why}`)) logger.debug(fields, 'still not attached to RabbitMQ');
      else logger.warn(fields, 'not attached to RabbitMQ; trying on');
    },

    refused(what: Optional, fault: Fault): void {
      const refusal = `${what} ${fault.code}`;
      if (refusals.has(refusal)) return;
      refusals.add(refusal);
      const why = what === 'marks' ? explainControl(fault, context) : explainCanary(fault, context);
      logger.warn({ broker: describeBroker(broker()), why }, WITHOUT[what]);
    },

    givenUp(ending: Ending | null, outage: Outage): string {
      const why = ending === null ? 'connecting: no answer' : explanation(ending);
      logger.error(
        { broker: describeBroker(broker()), why, attempts: outage.attempts, lastedMs: outage.lastedMs },
        'RabbitMQ not reached within FEED_RECONNECT_DEADLINE_MS; giving up',
      );
      return why;
    },
  };
}
