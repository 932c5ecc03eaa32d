/** Keeps what must have come before it is true that "everything up to then is here". */
export interface Targets {
  /** So much has come: a number of messages, or an offset. */
  reached(mark: number): void;
  /** Everything before `until` is here once `mark` is reached. */
  aim(until: number, mark: number): void;
  readonly isPending: boolean;
}

interface Target {
  readonly until: number;
  readonly mark: number;
}

/**
 * @param start the mark of having nothing
 * @param onCovered everything before `until` has come
 */
export function keepTargets(start: number, onCovered: (until: number) => void): Targets {
  let current = start;
  /**
   * The oldest target is kept until reached, or a backlog that lasts would keep moving it away; the newest beside it,
   * as it is the one that is reached when nothing more comes.
   */
  let oldest: Target | null = null;
  let newest: Target | null = null;

  function settle(): void {
    if (newest !== null && current >= newest.mark) {
      const { until } = newest;
      oldest = null;
      newest = null;
      onCovered(until);
    } else if (oldest !== null && current >= oldest.mark) {
      const { until } = oldest;
      oldest = newest === oldest ? null : newest;
      onCovered(until);
    }
  }

  return {
    reached(mark) {
      current = mark;
      settle();
    },
    aim(until, mark) {
      newest = { until, mark };
      oldest ??= newest;
      settle();
    },
    get isPending() {
      return newest !== null;
    },
  };
}

/**
 * Finds out up to when the pod has everything of its queue, without publishing anything.
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

export function trackCoverage({ wall, waiting, onCovered }: CoverageDeps): Coverage {
  const targets = keepTargets(0, onCovered);
  let received = 0;
  let isAsking = false;

  return {
    delivered() {
      targets.reached(++received);
    },
    async sound() {
      if (isAsking) return;
      isAsking = true;
      try {
        const until = wall();
        const backlog = await waiting();
        await waiting();
        // Rather too many: those that came between the two answers count twice.
        targets.aim(until, received + backlog);
      } finally {
        isAsking = false;
      }
    },
  };
}
