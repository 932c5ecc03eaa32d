import type { Pod } from '../pods.js';
import { BOTH, type Fault, NEVER, type Rig } from './fault.js';

/** Waits for those that are still starting: a fault of the only pod that serves would be another fault. */
async function anyPod({ pods, random }: Rig, among: 'all' | 'mortal'): Promise<Pod> {
  await pods.untilAllReady();
  const [first, ...rest] = pods[among];
  if (first === undefined) throw new Error('There is no pod.');
  return random.pick([first, ...rest]);
}

const freeze = (seconds: number): Fault => ({
  name: `pod-freeze-${seconds}`,
  what: `a pod's process stands still for ${seconds} s`,
  part: 'pods',
  needs: null,
  feeds: BOTH,
  resyncs: NEVER,
  holdMs: [seconds * 1000, seconds * 1000],
  takesMs: 0,
  async start(rig) {
    const pod = await anyPod(rig, 'all');
    pod.signal('SIGSTOP');
    return async () => pod.signal('SIGCONT');
  },
});

export const POD_FAULTS: readonly Fault[] = [
  {
    name: 'pod-kill',
    what: 'a pod is killed (SIGKILL), another takes its place',
    part: 'pods',
    needs: null,
    feeds: BOTH,
    resyncs: NEVER,
    holdMs: [0, 0],
    takesMs: 8000,
    async start(rig) {
      const pod = await anyPod(rig, 'mortal');
      await pod.end('SIGKILL');
      return async () => rig.pods.replace(pod);
    },
  },
  {
    name: 'pod-term',
    what: 'a pod is ended (SIGTERM) under load and drains, another takes its place',
    part: 'pods',
    needs: null,
    feeds: BOTH,
    resyncs: NEVER,
    holdMs: [0, 0],
    takesMs: 10_000,
    async start(rig) {
      const pod = await anyPod(rig, 'mortal');
      await pod.end('SIGTERM');
      return async () => rig.pods.replace(pod);
    },
  },
  freeze(3),
  freeze(12),
  {
    name: 'rolling-deploy',
    what: 'all pods are replaced, one after another, each once the one before is ready',
    part: 'pods',
    needs: null,
    feeds: BOTH,
    resyncs: NEVER,
    holdMs: [0, 0],
    takesMs: 35_000,
    start: async rig => async () => {
      const old = [...rig.pods.mortal];
      for (const pod of old) {
        await pod.end('SIGTERM');
        rig.pods.replace(pod);
        await rig.pods.untilAllReady();
      }
    },
  },
];
