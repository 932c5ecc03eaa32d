import type { BrokerKind, ChaosBroker } from '../broker.js';
import type { Fleet } from '../fleet.js';
import type { Pods } from '../pods.js';
import type { ChaosPublisher } from '../publisher.js';
import type { Random } from '../random.js';

/** What faults are done to. */
export interface Rig {
  readonly broker: ChaosBroker;
  readonly names: Names;
  readonly pods: Pods;
  readonly fleet: Fleet;
  readonly publishers: readonly ChaosPublisher[];
  readonly random: Random;
}

/** Of this run, at the broker. */
export interface Names {
  readonly exchange: string;
  readonly control: string;
  readonly stream: string;
  readonly queuePrefix: string;
}

export type Feed = 'queue' | 'stream';

/** Puts right again what was done. */
export type Heal = () => Promise<void>;

/** One thing that goes wrong, and how it is put right again. */
export interface Fault {
  readonly name: string;
  /** For the table of faults. */
  readonly what: string;
  /** Two faults on the same part don't overlap: a frozen broker can't be killed and brought back in between. */
  readonly part: 'broker' | 'pods' | 'clients' | 'publishers';
  /** To which broker it is done. Null: that doesn't matter. */
  readonly needs: BrokerKind | null;
  /** With which it makes sense. */
  readonly feeds: readonly Feed[];
  /** With which docs/guarantees.md lets clients be told to resync because of it. */
  readonly resyncs: readonly Feed[];
  /** How long it stays, ms: least and most. */
  readonly holdMs: readonly [number, number];
  /** What beginning and healing take besides, on an idle machine. */
  readonly takesMs: number;
  start(rig: Rig): Promise<Heal>;
}

export const BOTH: readonly Feed[] = ['queue', 'stream'];
/** What a pod's own queue costs: it goes with the connection. A stream is read on from where it was left. */
export const QUEUE: readonly Feed[] = ['queue'];
export const STREAM: readonly Feed[] = ['stream'];
export const NEVER: readonly Feed[] = [];
/** For what is over as soon as it is done. */
export const nothing: Heal = () => Promise.resolve();

/** Does something now and every so often until the fault is healed. */
export function every(ms: number, each: () => void): Heal {
  each();
  const timer = setInterval(each, ms);
  return async () => clearInterval(timer);
}
