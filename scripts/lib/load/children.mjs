import { fork } from 'node:child_process';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';

/**
 * A child process that answers commands, several at a time.
 *
 * @param {URL} script
 * @param {number} nice
 */
function startChild(script, nice) {
  const child = fork(fileURLToPath(script), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced', // JSON would make null of NaN: "nothing measured" must stay that.
  });
  if (nice > 0 && child.pid !== undefined) setPriority(child.pid, nice);
  /** @type {Map<number, { resolve: (answer: unknown) => void, reject: (error: Error) => void }>} */
  const waiting = new Map();
  let asked = 0;
  let over = false;
  /** @type {Promise<void>} */
  const ended = new Promise(resolve => {
    child.once('exit', () => {
      over = true;
      for (const { reject } of waiting.values()) reject(new Error('the process of the clients has ended'));
      resolve();
    });
  });
  child.on(
    'message',
    (/** @type {{ id: number, answer?: unknown, error?: string }} */ { id, answer, error }) => {
      const one = waiting.get(id);
      waiting.delete(id);
      if (error === undefined) one?.resolve(answer);
      else one?.reject(new Error(error));
    },
  );
  return {
    /** @param {object} command @returns {Promise<any>} */
    ask: command =>
      new Promise((resolve, reject) => {
        if (over) {
          reject(new Error('the process of the clients has ended'));
          return;
        }
        const id = asked++;
        waiting.set(id, { resolve, reject });
        child.send({ id, command });
      }),
    stop: async () => {
      if (!over) child.kill('SIGKILL');
      await ended;
    },
  };
}

/**
 * Clients in a process of their own. `nice`: how far they stand back where they share a core with those whose latency
 * is measured.
 *
 * @param {{ nice?: number }} [options]
 */
export function startClients({ nice = 0 } = {}) {
  const child = startChild(new URL('client.mjs', import.meta.url), nice);
  return {
    /** @param {import('./client.mjs').ConnectWishes} wishes @returns {Promise<import('./client.mjs').Connected>} all authenticated, or refused */
    connect: wishes => child.ask({ kind: 'connect', wishes }),
    /** Figures since the last time. @returns {Promise<import('./client.mjs').Figures>} */
    take: () => child.ask({ kind: 'take' }),
    /** @param {{ events?: number, next?: number, timeoutMs: number }} goal so many events in all since `take`, or each up to that number @returns {Promise<boolean>} whether in time */
    reach: goal => child.ask({ kind: 'reach', ...goal }),
    /** @returns {Promise<import('./client.mjs').Look>} */
    look: () => child.ask({ kind: 'look' }),
    /** @param {number} cuts @param {number} stops @returns {Promise<void>} */
    stir: (cuts, stops) => child.ask({ kind: 'stir', cuts, stops }),
    /** Cuts all connections. @returns {Promise<void>} */
    close: () => child.ask({ kind: 'close' }),
    stop: child.stop,
  };
}

/** Like `startClients`, for hostile ones: see scripts/stress/attacker.mjs. */
export function startAttackers() {
  const child = startChild(new URL('../../stress/attacker.mjs', import.meta.url), 10);
  return {
    /** @param {import('../../stress/attacker.mjs').Attack} attack @returns {Promise<Record<string, number>>} what it did */
    run: attack => child.ask(attack),
    stop: child.stop,
  };
}
