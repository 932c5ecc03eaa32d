import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAttackers, startClients } from '../lib/load/children.mjs';
import { openPublisher } from '../lib/load/publisher.mjs';
import { startServer } from '../lib/load/server.mjs';
import { startNode } from '../lib/rabbitmq-node.mjs';

/** @typedef {Awaited<ReturnType<typeof openRig>>} Rig */
/** @typedef {ReturnType<typeof startClients>} Clients */

/**
 * @typedef {object} Context
 * @property {Rig} rig
 * @property {import('./report.mjs').Report} report
 * @property {(seconds: number) => number} lasting how long a phase takes: less with `--quick`
 * @property {number} minutes of the soak
 * @property {boolean} restarts whether the soak restarts the broker
 * @property {string} only attacks whose name holds this
 */

/** Everything that a scenario starts, so that it ends with it. */
export async function openRig() {
  const broker = await startNode({ folder: mkdtempSync(join(tmpdir(), 'warren-stress-')), temporary: true });
  /** @type {{ close: () => Promise<void> }[]} */
  const started = [];
  /** @type {import('../lib/load/server.mjs').Server[]} */
  const servers = [];
  return {
    broker,
    /** @param {Record<string, string>} [settings] @param {boolean} [inspect] */
    async server(settings = {}, inspect = false) {
      const server = await startServer({ amqpUrl: broker.url, settings, inspect });
      servers.push(server);
      started.push({ close: server.stop });
      return server;
    },
    async publisher() {
      const publisher = await openPublisher(broker.url);
      started.push(publisher);
      return publisher;
    },
    /** @param {{ nice?: number }} [options] */
    clients(options) {
      const clients = startClients(options);
      started.push({ close: clients.stop });
      return clients;
    },
    attackers() {
      const attackers = startAttackers();
      started.push({ close: attackers.stop });
      return attackers;
    },
    /** Messages that the broker holds for the pod, on their way included. */
    async backlog() {
      const text = await broker.ctl('list_queues', 'name', 'messages', '--formatter', 'json');
      /** @type {{ name: string, messages: number }[]} */
      const queues = JSON.parse(text);
      return queues.reduce((most, { messages }) => Math.max(most, messages), 0);
    },
    serversAlive: () => servers.every(server => server.isAlive()),
    /** Ends what was started since the last time; the broker stays. */
    async clear() {
      for (const { close } of started.splice(0).toReversed()) await close();
      servers.length = 0;
    },
    async close() {
      await this.clear();
      await broker.stop();
    },
  };
}

export const MB = 1e6;
