import type { Audience } from '../log/event.js';
import type { Router } from '../router/router.js';
import type { BroadcastLimits, Broadcasts, Recipient } from './broadcasts.js';
import type { Scheduler } from './scheduler.js';
import { EVERYBODY } from './turn.js';

/** A connection, as far as it is told that there is something new. */
export interface Told extends Recipient {
  readonly tenant: string;
  readonly user: string;
  /** There may be something new for it. */
  wake(): void;
}

export interface TellerDeps<M extends Told> {
  readonly limits: BroadcastLimits;
  readonly connections: ReadonlySet<M>;
  readonly router: Pick<Router<M>, 'reach'>;
  readonly broadcasts: Pick<Broadcasts, 'tell'>;
  readonly scheduler: Pick<Scheduler, 'told'>;
}

/** Tells those whom an event concerns that it is there: few at once, many one by one in their tenant's turns. */
export class Teller<M extends Told> {
  readonly #deps: TellerDeps<M>;

  constructor(deps: TellerDeps<M>) {
    this.#deps = deps;
  }

  /** The event stands in the log already. `mayWait`: for a moment, so that it can leave with the next one. */
  tell(audience: Audience, mayWait: boolean): void {
    const { limits, connections, router, broadcasts } = this.#deps;
    if (audience.kind === 'all' && connections.size >= limits.least) {
      broadcasts.tell(EVERYBODY, connections, mayWait);
      return;
    }
    const sets: ReadonlySet<M>[] = [];
    let sum = 0;
    router.reach(audience, members => {
      sets.push(members);
      sum += members.size;
    });
    if (sum === 0) return;
    if (audience.kind === 'all') {
      // A set for each tenant.
      for (const members of sets) {
        const [one] = members;
        if (one !== undefined) this.#wake(one.tenant, [members]);
      }
      return;
    }
    const isCrowd = ({ size }: ReadonlySet<M>) => sum >= limits.least && size >= limits.leastInOne;
    this.#wake(audience.tenant, sum < limits.least ? sets : sets.filter(members => !isCrowd(members)));
    for (const members of sets) if (isCrowd(members)) broadcasts.tell(audience.tenant, members, mayWait);
  }

  /** All members of one tenant, of whom some may be in several of the sets. */
  #wake(tenant: string, sets: readonly ReadonlySet<M>[]): void {
    for (const members of sets) members.forEach(wake);
    const [only] = sets;
    const told = sets.length > 1 ? new Set(sets.flatMap(members => [...members])).size : (only?.size ?? 0);
    this.#deps.scheduler.told(tenant, told);
  }
}

const wake = (member: Told): void => member.wake();
