import { BOTH, every, type Fault, NEVER } from './fault.js';

export const PUBLISHER_FAULTS: readonly Fault[] = [
  {
    name: 'publisher-dies',
    what: 'publishers die between publish and confirm, and forget what they had published',
    part: 'publishers',
    needs: null,
    feeds: BOTH,
    resyncs: NEVER,
    holdMs: [3000, 6000],
    takesMs: 0,
    start: async ({ publishers, random }) =>
      every(1000, () => {
        for (const publisher of random.some(publishers, 1)) void publisher.die();
      }),
  },
  {
    name: 'duplicate-ids',
    what: 'each event is published twice with the same id',
    part: 'publishers',
    needs: null,
    feeds: BOTH,
    resyncs: NEVER,
    holdMs: [3000, 8000],
    takesMs: 0,
    async start({ publishers }) {
      for (const publisher of publishers) publisher.setTwice(true);
      return async () => {
        for (const publisher of publishers) publisher.setTwice(false);
      };
    },
  },
];
