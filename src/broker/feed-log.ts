import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import { type BrokerAddress, describeBroker } from './address.js';
import { explain } from './fault.js';
import type { Ending } from './queue-attachment.js';
import type { Outage } from './supervisor.js';

/** While the same failure repeats, it is logged aloud this often only. */
const REMINDER_MS = 60_000;

/** A feed's log lines: the first failure of a kind aloud, its repeats not. */
export function createFeedLog(
  context: { readonly exchange: string; readonly declare: boolean },
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  broker: () => BrokerAddress,
) {
  let loud = { why: '', at: 0 };

  function explanation(ending: Ending): string {
    return explain(ending.step, ending.fault, { ...context, address: broker() });
  }

  return {
    attached(outage: Outage): void {
      loud = { why: '', at: 0 };
      const fields = {
        broker: describeBroker(broker()),
        afterMs: outage.lastedMs,
        attempts: outage.attempts,
      };
      if (outage.first) logger.info(fields, 'attached to RabbitMQ');
      else logger.warn(fields, 'attached to RabbitMQ again; events may have been missed in between');
    },

    lost(ending: Ending): string {
      const why = explanation(ending);
      logger.warn({ broker: describeBroker(broker()), cause: ending.cause, why }, 'RabbitMQ lost');
      return why;
    },

    failed(ending: Ending, outage: Outage, retryInMs: number | null): void {
      const why = explanation(ending);
      const now = clock.monotonic();
      const fields = {
        broker: describeBroker(broker()),
        why,
        attempts: outage.attempts,
        lastedMs: outage.lastedMs,
        retryInMs: retryInMs === null ? null : Math.round(retryInMs),
      };
      if (why === loud.why && now - loud.at < REMINDER_MS) {
        logger.debug(fields, 'still not attached to RabbitMQ');
        return;
      }
      loud = { why, at: now };
      logger.warn(fields, 'not attached to RabbitMQ; trying on');
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
