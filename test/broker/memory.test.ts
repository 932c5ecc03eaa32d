import { createMemoryFeed } from '../../src/broker/memory.js';
import { feedContract } from './feed-contract.js';

feedContract('memory', deps => {
  const feed = createMemoryFeed(deps);
  return Promise.resolve({
    feed,
    async publish(body: string, id: string) {
      await feed.publish({ id, body: Buffer.from(body) });
    },
    close: () => Promise.resolve(),
  });
});
