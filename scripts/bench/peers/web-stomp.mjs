import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import amqp from 'amqplib';
import { cpuOf, moveToFirstCore, rssOf } from '../../lib/load/process.mjs';
import { findRabbitmq, startNode } from '../../lib/rabbitmq-node.mjs';
import { ensureInstalled } from '../../lib/apt.mjs';
import { freePort } from './peer.mjs';

const EXCHANGE = 'push.events';

/**
 * RabbitMQ's own plugin, on a node of its own. Its CPU is all of that node's: taking the events in is part of what
 * delivering them costs there, and can't be told apart. @type {import('./peer.mjs').Peer}
 */
export const webStomp = {
  name: 'web-stomp',
  missing: async () => ((await findRabbitmq()) === null ? 'rabbitmq-server' : null),
  install: async () => void (await ensureInstalled('rabbitmq-server')),
  version: () => Promise.resolve('of the same RabbitMQ'),
  async start() {
    const [port, stompPort] = [await freePort(), await freePort()];
    const node = await startNode({
      folder: mkdtempSync(join(tmpdir(), 'warren-bench-stomp-')),
      temporary: true,
      plugins: ['rabbitmq_web_stomp'],
      settings: [
        'web_stomp.tcp.ip = 127.0.0.1',
        `web_stomp.tcp.port = ${port}`,
        `stomp.listeners.tcp.1 = 127.0.0.1:${stompPort}`,
      ],
    });
    try {
      moveToFirstCore(node.pid);
      const connection = await amqp.connect(node.url);
      const channel = await connection.createChannel();
      await channel.assertExchange(EXCHANGE, 'fanout', { durable: true });
      await connection.close();
    } catch (error) {
      await node.stop();
      throw error;
    }
    return {
      name: 'web-stomp',
      pid: node.pid,
      port,
      publishUrl: node.url,
      cpu: () => cpuOf(node.pid),
      rss: () => rssOf(node.pid),
      client: () => ({
        path: '/ws',
        protocol: 'v12.stomp',
        steps: [
          {
            send: 'CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\nheart-beat:0,0\n\n\0',
          },
          { expect: 'CONNECTED' },
          { send: `SUBSCRIBE\nid:0\ndestination:/exchange/${EXCHANGE}\nack:auto\nreceipt:r\n\n\0` },
          { expect: 'RECEIPT' },
        ],
      }),
      stop: node.stop,
    };
  },
};
