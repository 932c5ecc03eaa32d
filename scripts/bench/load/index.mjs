import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../../lib/setup.mjs';

/**
 * What one client does to be let in: texts that it sends, and bytes that it waits for in a text, in this order.
 *
 * @typedef {object} ClientScript
 * @property {string} path
 * @property {string} [protocol] the WebSocket subprotocol that it asks for
 * @property {readonly ({ send: string } | { expect: string })[]} steps
 */

/**
 * Since they were last taken. Times in ms; NaN: nothing was measured.
 *
 * @typedef {object} Figures
 * @property {number} events
 * @property {number} bytes
 * @property {number} lost numbers of events that were left out
 * @property {number} repeated
 * @property {number} closed by the server
 * @property {number} open at the moment
 * @property {number} ms since they were last taken
 * @property {number} cpu seconds
 * @property {number} p50
 * @property {number} p99
 * @property {number} p999
 * @property {number} max
 */

/** @typedef {{ ms: number, ready: number, failed: number }} Connected */
/** @typedef {ReturnType<typeof startLoad>} Load */
/** @typedef {{ name: 'compiled' | 'Node', command: string, args: string[] }} Kind */

const FOLDER = join(ROOT, '.warren', 'bench');
const SOURCE = fileURLToPath(new URL('client.c', import.meta.url));
/** More connects under way than the listen backlog of 511 means lost SYNs, and a second of waiting each. */
const AT_ONCE = 400;

let waves = 0;

/**
 * The ways to run the load: compiled with the system's compiler where there is one, and in Node.
 *
 * @param {string} [source] of the compiled one
 * @returns {Kind[]} the cheapest first
 */
export function kinds(source = SOURCE) {
  const program = compiled(source);
  const inNode = fileURLToPath(new URL('node-client.mjs', import.meta.url));
  return [
    ...(program === null ? [] : [{ name: /** @type {const} */ ('compiled'), command: program, args: [] }]),
    { name: /** @type {const} */ ('Node'), command: execPath, args: [inNode] },
  ];
}

/** @param {string} source @returns {string | null} null: no compiler, or it refuses */
function compiled(source) {
  const digest = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12);
  const program = join(FOLDER, `client-${digest}`);
  if (existsSync(program)) return program;
  mkdirSync(FOLDER, { recursive: true });
  const made = `${program}.${process.pid}`;
  try {
    execFileSync('cc', ['-O2', '-o', made, source, '-lm'], { stdio: ['ignore', 'ignore', 'pipe'] });
    renameSync(made, program);
    return program;
  } catch {
    return null;
  }
}

/**
 * Clients in a process of their own. `nice`: how far they stand back where others on their core are measured.
 *
 * @param {{ kind?: Kind | undefined, nice?: number }} [options]
 */
export function startLoad({ kind = kinds()[0], nice = 0 } = {}) {
  if (kind === undefined) throw new Error('There is no load client.');
  const child = spawn(kind.command, kind.args, { stdio: ['pipe', 'pipe', 'inherit'] });
  if (nice > 0 && child.pid !== undefined) setPriority(child.pid, nice);
  /** @type {Map<string, { resolve: (answer: any) => void, reject: (error: Error) => void }>} */
  const waiting = new Map();
  let over = false;
  const ended = once(child, 'exit').then(() => {
    over = true;
    for (const { reject } of waiting.values()) reject(new Error('The process of the load has ended.'));
  });
  child.stdin.on('error', () => {}); // `exit` follows.
  createInterface({ input: child.stdout }).on('line', line => {
    const { reply, ...answer } = JSON.parse(line);
    const one = waiting.get(reply);
    waiting.delete(reply);
    one?.resolve(answer);
  });
  /** @param {string} word @param {string} [rest] @returns {Promise<any>} */
  const ask = (word, rest = '') =>
    new Promise((resolve, reject) => {
      if (over) reject(new Error('The process of the load has ended.'));
      else if (waiting.has(word)) reject(new Error(`The load is still busy with "${word}".`));
      else {
        waiting.set(word, { resolve, reject });
        child.stdin.write(`${word} ${rest}\n`);
      }
    });

  return {
    kind: kind.name,
    /**
     * @param {number} port
     * @param {readonly ClientScript[]} scripts one per client
     * @param {number} [atOnce]
     * @returns {Promise<Connected>} all let in, or refused
     */
    async connect(port, scripts, atOnce = AT_ONCE) {
      mkdirSync(FOLDER, { recursive: true });
      // A file and not the pipe: 15,000 tokens are some megabytes.
      const file = join(FOLDER, `clients-${process.pid}-${waves++}`);
      writeFileSync(file, scripts.map(lineOf).join(''), { mode: 0o600 });
      try {
        return await ask('connect', `${port} ${atOnce} ${file}`);
      } finally {
        rmSync(file, { force: true });
      }
    },
    /** @returns {Promise<Figures>} */
    async take() {
      const { p50, p99, p999, ...others } = await ask('take');
      return { ...others, p50: p50 ?? Number.NaN, p99: p99 ?? Number.NaN, p999: p999 ?? Number.NaN };
    },
    /** @param {number} events so many in all since `take` @param {number} timeoutMs @returns {Promise<boolean>} whether in time */
    reach: async (events, timeoutMs) => (await ask('reach', `${events} ${timeoutMs}`)).done,
    /** None of them reads any more. @returns {Promise<void>} */
    deaf: () => ask('deaf'),
    /** Cuts all. @returns {Promise<void>} */
    hangUp: () => ask('hangUp'),
    async stop() {
      if (!over) child.kill('SIGKILL');
      await ended;
    },
  };
}

/** @param {ClientScript} script */
function lineOf({ path, protocol = '-', steps }) {
  const words = steps.map(step =>
    'send' in step
      ? `S${Buffer.from(step.send).toString('hex')}`
      : `E${Buffer.from(step.expect).toString('hex')}`,
  );
  return `${[path, protocol, ...words].join('\t')}\n`;
}
