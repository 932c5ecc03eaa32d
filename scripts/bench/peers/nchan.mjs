import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ensureInstalled } from '../../lib/apt.mjs';
import { cpuOf, onFirstCore, rssOf } from '../../lib/load/process.mjs';
import { freePort, startProcess } from './peer.mjs';

const MODULE = '/usr/lib/nginx/modules/ngx_nchan_module.so';
const NGINX = '/usr/sbin/nginx';
const PACKAGES = /** @type {const} */ (['nginx', 'libnginx-mod-nchan']);
const BRIDGE = fileURLToPath(new URL('../servers/nchan-bridge.mjs', import.meta.url));

/**
 * nginx with nchan, one worker process, messages kept in memory. What the bridge from RabbitMQ costs isn't counted: only
 * the worker is. @type {import('./peer.mjs').Peer}
 */
export const nchan = {
  name: 'nchan',
  async missing() {
    const isThere = async (/** @type {string} */ file) =>
      access(file).then(
        () => true,
        () => false,
      );
    return (await isThere(NGINX)) && (await isThere(MODULE)) ? null : PACKAGES.join(' and ');
  },
  install: async () => void (await ensureInstalled(...PACKAGES)),
  async version() {
    const { stderr } = await promisify(execFile)(NGINX, ['-v']);
    // dpkg's own format.
    // eslint-disable-next-line no-template-curly-in-string
    const { stdout } = await promisify(execFile)('dpkg-query', ['-W', '-f', '${Version}', PACKAGES[1]]);
    return `${/nginx\/[\d.]+/.exec(stderr)?.[0] ?? 'nginx'}, nchan ${stdout}`;
  },
  async start({ amqpUrl }) {
    const folder = mkdtempSync(join(tmpdir(), 'warren-bench-nchan-'));
    const port = await freePort();
    const file = join(folder, 'nginx.conf');
    writeFileSync(file, settings(folder, port));
    const [command, args] = onFirstCore(NGINX, ['-p', folder, '-c', file]);
    const nginx = await startProcess(command, args, () => answers(port)).catch(error => {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    });
    const pid = workerOf(nginx.pid);
    const bridge = await startProcess(execPath, [BRIDGE, amqpUrl, String(port)], async output =>
      output.includes('ready'),
    ).catch(async error => {
      await nginx.stop();
      throw error;
    });
    return {
      name: 'nchan',
      pid,
      port,
      publishUrl: amqpUrl,
      cpu: () => cpuOf(pid),
      rss: () => rssOf(pid),
      client: ({ tenant, topic }) => ({
        path: `/sub/${topic === null ? tenant : `${tenant}.${topic}`}`,
        steps: [],
      }),
      async stop() {
        await bridge.stop();
        await nginx.stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
};

/** @param {string} folder @param {number} port */
function settings(folder, port) {
  return `
load_module ${MODULE};
daemon off;
worker_processes 1;
pid ${folder}/pid;
error_log stderr error;
user root;
worker_rlimit_nofile 20000;
events { worker_connections 19000; }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  keepalive_requests 10000000;
  nchan_shared_memory_size 512m;
  server {
    listen 127.0.0.1:${port};
    location = /ready { return 200; }
    location ~ ^/pub/(.+)$ { nchan_publisher; nchan_channel_id $1; nchan_message_buffer_length 5000; nchan_message_timeout 1m; }
    location ~ ^/sub/(.+)$ { nchan_subscriber websocket; nchan_channel_id $1; nchan_subscriber_first_message newest; }
  }
}
`;
}

/** @param {number} port */
async function answers(port) {
  return fetch(`http://127.0.0.1:${port}/ready`).then(
    answer => answer.ok,
    () => false,
  );
}

/** @param {number} master */
function workerOf(master) {
  const [worker] = readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ');
  return Number(worker);
}
