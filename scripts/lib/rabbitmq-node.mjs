import { execFile, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

const CTL_TRIES = 20;
const CTL_RETRY_MS = 250;
const KEEPER = fileURLToPath(new URL('./rabbitmq-keeper.mjs', import.meta.url));

/** A fresh node needs about 6 s on two idle cores; one with streams on disk and busy neighbours was seen to need 13. */
const START_TIMEOUT_MS = 90_000;
/** A clean stop takes about 1 s. */
const STOP_TIMEOUT_MS = 20_000;

/**
 * @typedef {object} NodeOptions
 * @property {string} folder for the node's data, settings and log; made if it isn't there
 * @property {boolean} [temporary] whether the folder goes when the node stops for good, or its owner dies (default: no)
 * @property {string} [name] Erlang node name (default: `warren-<port>@localhost`)
 * @property {string} [cookie] Erlang cookie; nodes that are to form a cluster share it (default: one per folder)
 * @property {number} [epmdPort] nodes that are to form a cluster share it (default: a free one)
 * @property {string[]} [plugins] none unless asked for
 * @property {string[]} [settings] further lines of rabbitmq.conf
 */

/**
 * @typedef {object} RabbitmqNode
 * @property {string} url with guest's password, as `AMQP_URL` takes it
 * @property {number} port
 * @property {number} pid of the Erlang machine; another one after a restart
 * @property {string} name
 * @property {string} folder
 * @property {() => Promise<void>} stop cleanly, for good; idempotent
 * @property {() => Promise<void>} kill with SIGKILL, as a crash would; `restart()` brings it back
 * @property {() => void} freeze stops the process: connections stay open, nothing answers
 * @property {() => void} thaw
 * @property {() => Promise<void>} restart the same node with the same ports and data, cleanly stopped first if it runs
 * @property {(...args: string[]) => Promise<string>} ctl runs rabbitmqctl, resolves to what it printed
 * @property {string} handle for another process: `ctlOf` makes a `ctl` of it
 */

/** @typedef {{ script: string, ctl: string }} Installation */

/**
 * Where RabbitMQ is installed: the setting `RABBITMQ_SERVER`, else Debian's folder, else the PATH. Debian's script on
 * the PATH is the last choice: it changes to the user `rabbitmq`, who can't write to our folder.
 *
 * @returns {Promise<Installation | null>}
 */
export async function findRabbitmq() {
  const candidates = process.env['RABBITMQ_SERVER']
    ? [process.env['RABBITMQ_SERVER']]
    : [
        '/usr/lib/rabbitmq/bin/rabbitmq-server',
        ...(process.env['PATH'] ?? '')
          .split(delimiter)
          .filter(folder => folder !== '' && folder !== '/usr/sbin')
          .map(folder => join(folder, 'rabbitmq-server')),
      ];
  for (const script of candidates) {
    if (await isExecutable(script)) return { script, ctl: join(dirname(script), 'rabbitmqctl') };
  }
  return null;
}

/**
 * Starts a private RabbitMQ node on free ports of 127.0.0.1 and waits until it speaks AMQP. It can't outlive this
 * process: a keeper process watches over both.
 *
 * @param {NodeOptions} options
 * @returns {Promise<RabbitmqNode>}
 */
export async function startNode(options) {
  const installation = await findRabbitmq();
  if (installation === null) {
    throw new Error(
      process.env['RABBITMQ_SERVER']
        ? `RABBITMQ_SERVER names no program that can be run: ${process.env['RABBITMQ_SERVER']}`
        : 'No RabbitMQ server was found: install rabbitmq-server, or name its script in RABBITMQ_SERVER.',
    );
  }
  const folder = resolve(options.folder);
  const [port, distributionPort, freeEpmdPort] = await freePorts(3);
  if (port === undefined || distributionPort === undefined || freeEpmdPort === undefined) {
    throw new Error('Three free ports are needed.');
  }
  const epmdPort = options.epmdPort ?? freeEpmdPort;
  const name = options.name ?? `warren-${port}@localhost`;
  await writeSettings(folder, port, options);

  const env = {
    ...withoutRabbitmq(process.env),
    HOME: folder, // The cookie lives there. A relative one would scatter folders about.
    RABBITMQ_NODENAME: name,
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_DIST_PORT: String(distributionPort),
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    // One scheduler that doesn't spin: the default ones eat the cores that the tests need.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      '+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}',
  };

  const where = { folder, port, epmdPort, temporary: options.temporary === true };
  let life = await live(installation, env, where);
  let ended = false;
  return {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    port,
    name,
    folder,
    get pid() {
      return life.pid;
    },
    async stop() {
      if (ended) return;
      ended = true;
      await life.end('SIGTERM');
      if (where.temporary) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
    kill: () => life.end('SIGKILL'),
    freeze: () => life.signal('SIGSTOP'),
    thaw: () => life.signal('SIGCONT'),
    async restart() {
      if (ended) throw new Error(`The RabbitMQ node ${name} was stopped for good.`);
      await life.end('SIGTERM');
      life = await live(installation, env, where);
    },
    ctl: (...args) => control({ name, folder, epmdPort }, args),
    handle: JSON.stringify({ name, folder, epmdPort }),
  };
}

/** @typedef {{ name: string, folder: string, epmdPort: number }} NodeHandle */

/**
 * Runs rabbitmqctl on a node that another process started.
 *
 * @param {string} handle the node's `handle`
 * @returns {(...args: string[]) => Promise<string>}
 */
export function ctlOf(handle) {
  /** @type {NodeHandle} */
  const node = JSON.parse(handle);
  return (...args) => control(node, args);
}

/**
 * @param {NodeHandle} node
 * @param {string[]} args
 */
async function control({ name, folder, epmdPort }, args) {
  const installation = await findRabbitmq();
  if (installation === null) throw new Error('rabbitmqctl was not found.');
  const env = {
    ...withoutRabbitmq(process.env),
    HOME: folder,
    RABBITMQ_NODENAME: name,
    ERL_EPMD_PORT: String(epmdPort),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
  };
  // The listener of AMQP is up a moment before the node counts as running.
  for (let tries = 1; ; tries++) {
    try {
      const { stdout } = await run(installation.ctl, ['--quiet', '--node', name, ...args], { env });
      return stdout;
    } catch (error) {
      if (tries === CTL_TRIES || !String(error).includes("requires the 'rabbit' app to be running"))
        throw error;
      await pause(CTL_RETRY_MS);
    }
  }
}

/**
 * One life of the node: from the start of its process to that process's end.
 *
 * @param {Installation} installation
 * @param {NodeJS.ProcessEnv} env
 * @param {{ folder: string, port: number, epmdPort: number, temporary: boolean }} where
 */
async function live(installation, env, { folder, port, epmdPort, temporary }) {
  const logFile = join(folder, 'server.log');
  const pidFile = join(folder, 'pid');
  await rm(pidFile, { force: true });
  const log = await open(logFile, 'a');
  const keeper = spawn(
    process.execPath,
    [KEEPER, installation.script, String(epmdPort), ...(temporary ? [folder] : [])],
    // A session of its own: what kills our process group must not kill the one who tidies up after us.
    { env, detached: true, stdio: ['pipe', log.fd, log.fd] },
  );
  await log.close();
  const leash = keeper.stdin;
  if (leash === null) throw new Error('The keeper of the RabbitMQ node has no standard input.');
  leash.on('error', () => {}); // The keeper may end before us.
  let running = true;
  const over = new Promise(settle => {
    keeper.once('exit', settle);
    keeper.once('error', settle);
  }).then(() => {
    running = false;
  });

  const spoke = await Promise.race([waitForAmqp(port, () => running), over.then(() => false)]);
  if (!spoke) {
    leash.destroy();
    await over;
    const text = await readFile(logFile, 'utf8').catch(() => '');
    if (temporary) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    throw new Error(`RabbitMQ did not start (${installation.script}). Its last words:\n${text.slice(-3000)}`);
  }
  const pid = Number(await readFile(pidFile, 'utf8'));
  keeper.unref(); // Whoever forgets to stop the node can end all the same, and the keeper then ends the node.

  return {
    pid,
    /** @param {NodeJS.Signals} name */
    signal(name) {
      if (running) process.kill(pid, name);
    },
    /** @param {'SIGTERM' | 'SIGKILL'} name */
    async end(name) {
      if (!running) return;
      keeper.ref();
      process.kill(pid, 'SIGCONT'); // A frozen one hears no SIGTERM.
      process.kill(pid, name);
      const timer = setTimeout(() => process.kill(pid, 'SIGKILL'), STOP_TIMEOUT_MS);
      await over;
      clearTimeout(timer);
    },
  };
}

/**
 * @param {string} folder
 * @param {number} port
 * @param {NodeOptions} options
 */
async function writeSettings(folder, port, options) {
  await mkdir(join(folder, 'data'), { recursive: true });
  await mkdir(join(folder, 'log'), { recursive: true });
  await writeFile(join(folder, 'enabled_plugins'), `[${(options.plugins ?? []).join(',')}].\n`);
  await writeFile(
    join(folder, 'rabbitmq.conf'),
    [
      `listeners.tcp.1 = 127.0.0.1:${port}`,
      'log.console = true',
      'log.console.level = warning',
      'log.file = false',
      'vm_memory_high_watermark.absolute = 512MB',
      'disk_free_limit.absolute = 50MB',
      ...(options.settings ?? []),
      '',
    ].join('\n'),
  );
  if (options.cookie !== undefined) {
    const file = join(folder, '.erlang.cookie');
    await rm(file, { force: true }); // It is read-only once written.
    await writeFile(file, options.cookie, { mode: 0o400 });
  }
}

/**
 * The environment without settings that are meant for another node.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
function withoutRabbitmq(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(RABBITMQ|ERL)_/.test(name)));
}

/** @param {string} path */
async function isExecutable(path) {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Free ports below the range from which the kernel takes ports for outgoing connections (32768 and up on Linux): while
 * the node is down, a client that keeps trying one of those can be connected to itself.
 *
 * @param {number} count
 * @returns {Promise<number[]>}
 */
async function freePorts(count) {
  const ports = new Set();
  while (ports.size < count) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function isFree(port) {
  return new Promise(settle => {
    const server = createServer();
    server.once('error', () => settle(false));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => settle(true)));
  });
}

/**
 * @param {number} port
 * @param {() => boolean} goOn
 * @returns {Promise<boolean>} whether it spoke in time
 */
async function waitForAmqp(port, goOn) {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (goOn() && performance.now() < deadline) {
    if (await speaksAmqp('127.0.0.1', port)) return true;
    await new Promise(settle => setTimeout(settle, 50));
  }
  return false;
}

/**
 * Whether somebody answers the AMQP 0-9-1 protocol header with a method frame (`connection.start`).
 *
 * @param {string} host
 * @param {number} port
 * @param {number} [timeoutMs]
 * @returns {Promise<boolean>}
 */
export function speaksAmqp(host, port, timeoutMs = 2000) {
  const PROTOCOL_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]);
  const METHOD_FRAME = 1;
  return new Promise(settle => {
    const socket = connect({ host, port }, () => socket.write(PROTOCOL_HEADER));
    socket.setTimeout(timeoutMs, () => socket.destroy());
    socket.once('data', bytes => {
      settle(bytes[0] === METHOD_FRAME);
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => settle(false));
  });
}
