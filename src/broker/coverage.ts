/**
 * Finds out up to when the pod has everything, without publishing anything.
 *
 * A sounding asks the broker how many messages wait in the queue, twice. The first answer may overtake deliveries that
 * the queue has sent already: the channel asks the queue, and what comes from it meanwhile waits behind the answer.
 * The second can't overtake those. So when the second is here, all that had left the queue by the first is here too;
 * and once as many more have come as waited then, all that had reached the queue by the first.
 */
export interface Coverage {
  /** One more message was handed over. */
  delivered(): void;
  /** Asks, unless it is being asked already. Rejects if the broker can't be asked. */
  sound(): Promise<void>;
}

export interface CoverageDeps {
  /** ms since 1970 */
  readonly wall: () => number;
  /** How many messages wait in the queue, those under way to us not counted. */
  readonly waiting: () => Promise<number>;
  /** Everything that reached the queue before `until` was handed over. */
  readonly onCovered: (until: number) => void;
}

interface Target {
  readonly until: number;
  /** All before `until` is here when so many messages are. Rather too many: those between the two answers count twice. */
  readonly received: number;
}

export function trackCoverage({ wall, waiting, onCovered }: CoverageDeps): Coverage {
  let received = 0;
  let isAsking = false;
  /**
   * The oldest target is kept until reached, or a backlog that lasts would keep moving it away; the newest beside it,
   * as it is the one that is reached when nothing more comes.
   */
  let oldest: Target | null = null;
  let newest: Target | null = null;

  function settle(): void {
    if (newest !== null && received >= newest.received) {
      const { until } = newest;
      oldest = null;
      newest = null;
      onCovered(until);
    } else if (oldest !== null && received >= oldest.received) {
      const { until } = oldest;
      oldest = newest === oldest ? null : newest;
      onCovered(until);
    }
  }

  return {
    delivered() {
      received++;
      settle();
    },
    async sound() {
      if (isAsking) return;
      isAsking = true;
      try {
        const until = wall();
        const backlog = await waiting();
        await waiting();
        newest = { until, received: received + backlog };
        oldest ??= newest;
        settle();
      } finally {
        isAsking = false;
      }
    },
  };
}
