import { versions } from 'node:process';
import { startNodeServer } from './peer.mjs';

/** @param {string} name whose program is in ../servers @returns {import('./peer.mjs').Peer} */
const withWs = name => ({
  name,
  missing: () => Promise.resolve(null),
  install: () => Promise.resolve(),
  version: () => Promise.resolve(`Node ${versions.node}, ws`),
  async start({ amqpUrl }) {
    const server = await startNodeServer(`${name}.mjs`, amqpUrl);
    return {
      ...server,
      name,
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
});

/** The least that the libraries can do. */
export const bare = withWs('bare');
/** `JSON.stringify` and `ws.send` for each client. */
export const plainLoop = withWs('plain-loop');
