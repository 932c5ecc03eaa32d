import { waitingClock } from '../support/clock.js';
import { createMemoryFeed } from '../../src/broker/memory.js';
import { feedContract } from './feed-contract.js';

feedContract('memory', deps => {
  const feed = createMemoryFeed({ ...deps, clock: waitingClock });
  return Promise.resolve({
    feed,
    async publish(body: string, id: string) {
      await feed.publish({ id, body: Buffer.from(body) });
    },
    close: () => Promise.resolve(),
  });
});
