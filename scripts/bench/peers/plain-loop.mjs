import { versions } from 'node:process';
import { startNodeServer } from './peer.mjs';

/** `JSON.stringify` and `ws.send` for each client. @type {import('./peer.mjs').Peer} */
export const plainLoop = {
  name: 'plain-loop',
  missing: () => Promise.resolve(null),
  install: () => Promise.resolve(),
  version: () => Promise.resolve(`Node ${versions.node}, ws`),
  async start({ amqpUrl }) {
    const server = await startNodeServer('plain-loop.mjs', amqpUrl);
    return {
      ...server,
      name: 'plain-loop',
      publishUrl: amqpUrl,
      client: ({ tenant, user, topic }) => ({
        path: '/',
        steps: [
          { send: JSON.stringify({ tenant, user, topics: topic === null ? [] : [topic] }) },
          { expect: '"event":"connected"' },
        ],
      }),
    };
  },
};
