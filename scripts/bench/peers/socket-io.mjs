import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../../lib/setup.mjs';
import { startNodeServer } from './peer.mjs';

const FOLDER = join(ROOT, '.warren', 'bench', 'peers');
const PACKAGE = join(FOLDER, 'node_modules', 'socket.io', 'package.json');

/** Socket.IO, without any auth. @type {import('./peer.mjs').Peer} */
export const socketIo = {
  name: 'socket-io',
  missing: () => Promise.resolve(existsSync(PACKAGE) ? null : 'socket.io (npm)'),
  install() {
    mkdirSync(FOLDER, { recursive: true });
    for (const file of ['package.json', 'package-lock.json'])
      copyFileSync(fileURLToPath(new URL(`../${file}`, import.meta.url)), join(FOLDER, file));
    execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'], {
      cwd: FOLDER,
      stdio: ['ignore', 2, 2],
    });
    return Promise.resolve();
  },
  version: () => Promise.resolve(String(JSON.parse(readFileSync(PACKAGE, 'utf8')).version)),
  async start({ amqpUrl }) {
    const server = await startNodeServer('socket-io.mjs', amqpUrl, [FOLDER]);
    return {
      ...server,
      name: 'socket-io',
      publishUrl: amqpUrl,
      client: ({ tenant, user, topic }) => ({
        path: '/socket.io/?EIO=4&transport=websocket',
        // Engine.IO's packet types (0 open, 4 message) before Socket.IO's (0 connect, 2 event, 3 ack).
        steps: [
          { expect: '0{' },
          { send: '40' },
          { expect: '40{' },
          { send: `420${JSON.stringify(['join', roomsOf(tenant, user, topic)])}` },
          { expect: '430[' },
        ],
      }),
    };
  },
};

/** @param {string} tenant @param {string} user @param {string | null} topic */
function roomsOf(tenant, user, topic) {
  return [tenant, `${tenant}/user/${user}`, ...(topic === null ? [] : [`${tenant}/topic/${topic}`])];
}
