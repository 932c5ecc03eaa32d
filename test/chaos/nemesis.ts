import type { Fault, Feed, Rig } from './faults/fault.js';
import type { Random } from './random.js';
import type { Recorder } from './recorder.js';

/** One fault: nothing is wrong with its part for a while, then it begins, and stays. */
export interface Step {
  readonly fault: Fault;
  readonly calmMs: number;
  readonly holdMs: number;
}

/** Least and most. After a healing, however long that took. */
const CALM_MS = [3000, 7000] as const;

/** `all`: each fault at least once, however long that takes. `drawn`: what there is time for, in an order of chance. */
export type Choice = 'all' | 'drawn';

/**
 * One fault after another on each part, all parts beside one another, for as long as wanted. It follows from the random
 * numbers alone.
 */
export function plan(
  faults: readonly Fault[],
  random: Random,
  forMs: number,
  choice: Choice = 'all',
): Step[][] {
  const parts = new Set(faults.map(({ part }) => part));
  return [...parts].map(part =>
    planPart(
      faults.filter(fault => fault.part === part),
      random.fork(part),
      forMs,
      choice,
    ),
  );
}

function planPart(faults: readonly Fault[], random: Random, forMs: number, choice: Choice): Step[] {
  const steps: Step[] = [];
  const least = choice === 'all' ? faults.length : 1;
  let round: readonly Fault[] = [];
  for (let turn = 0, atMs = 0; turn < least || atMs < forMs; turn++) {
    if (turn % faults.length === 0) round = random.some(faults, faults.length);
    const fault = round[turn % faults.length];
    if (fault === undefined) break;
    const calmMs = turn === 0 ? random.between(0, 1000) : random.between(...CALM_MS);
    const holdMs = random.between(...fault.holdMs);
    atMs += calmMs + holdMs + fault.takesMs;
    if (turn >= least && atMs > forMs) break;
    steps.push({ fault, calmMs, holdMs });
  }
  return steps;
}

/** How long a plan takes. */
export function lengthOf(plan: readonly (readonly Step[])[]): number {
  const lengths = plan.map(steps =>
    steps.reduce((sum, { fault, calmMs, holdMs }) => sum + calmMs + holdMs + fault.takesMs, 0),
  );
  return Math.max(0, ...lengths);
}

/** Carries a plan out; resolves once all is healed. */
export async function unleash(
  plan: readonly (readonly Step[])[],
  rig: Rig,
  feed: Feed,
  recorder: Recorder,
): Promise<void> {
  await Promise.all(
    plan.map(async steps => {
      for (const { fault, calmMs, holdMs } of steps) {
        const nem = { k: 'nem', fault: fault.name, mayResync: fault.resyncs.includes(feed) } as const;
        await pause(calmMs);
        recorder.record({ ...nem, ev: 'start' });
        const heal = await fault.start(rig);
        await pause(holdMs);
        await heal();
        recorder.record({ ...nem, ev: 'heal' });
      }
    }),
  );
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}
