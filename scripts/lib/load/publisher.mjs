import amqp from 'amqplib';
import { micros, pause } from './clock.mjs';

const EXCHANGE = 'push.events';
/** Not yet confirmed; beyond, a publisher waits. */
const UNCONFIRMED_AT_MOST = 5000;
const STEP_MS = 2;

/** @typedef {Awaited<ReturnType<typeof openPublisher>>} Publisher */
/** @typedef {ReturnType<Publisher['series']>} Series */

/**
 * Publishes with confirms.
 *
 * @param {string} url
 */
export async function openPublisher(url) {
  const connection = await amqp.connect(url, { noDelay: true });
  connection.on('error', () => {}); // What is unconfirmed says so.
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  const run = `${process.pid}-${Date.now()}`;
  let serial = 0;
  let unconfirmed = 0;
  let refused = 0;

  /**
   * Events for one audience, numbered from 1, so that each of its clients can tell what is missing.
   *
   * @param {object} audience
   * @param {number} [bytes] of an event, about
   */
  const series = (audience, bytes = 300) => {
    const start = JSON.stringify(audience).slice(1, -1);
    const filler = 'x'.repeat(Math.max(0, bytes - start.length - 90));
    let number = 0;
    return {
      get published() {
        return number;
      },
      /** @param {number} last the number that was published last, over a connection that is gone */
      continueAt(last) {
        number = last;
      },
      publish: () => {
        number++;
        unconfirmed++;
        const text = `{"id":"${run}-${serial++}",${start},"data":{"n":${number},"at":${micros()},"filler":"${filler}"}}`;
        channel.publish(EXCHANGE, '', Buffer.from(text), {}, error => {
          unconfirmed--;
          if (error) refused++;
        });
      },
    };
  };

  /**
   * Publishes at a steady rate; waits for nothing but the broker's confirms.
   *
   * @param {number} perSecond
   * @param {number} seconds
   * @param {() => void} publish
   * @returns {Promise<number>} the rate that it came to
   */
  const pace = async (perSecond, seconds, publish) => {
    const begun = performance.now();
    const total = Math.round(perSecond * seconds);
    let done = 0;
    while (done < total) {
      const due = Math.min(total, Math.ceil(((performance.now() - begun) / 1000) * perSecond));
      const room = UNCONFIRMED_AT_MOST - unconfirmed;
      for (const until = Math.min(due, done + room); done < until; done++) publish();
      await pause(STEP_MS);
    }
    return total / ((performance.now() - begun) / 1000);
  };

  return {
    series,
    get unconfirmed() {
      return unconfirmed;
    },
    /** Events that the broker didn't confirm. */
    get refused() {
      return refused;
    },
    confirmed: () => channel.waitForConfirms(),
    pace,
    /**
     * The same until it is told to stop.
     *
     * @param {number} perSecond
     * @param {() => void} publish
     * @returns {() => Promise<void>} stops
     */
    keepPacing(perSecond, publish) {
      const state = { going: true };
      const going = (async () => {
        while (state.going) await pace(perSecond, 0.5, publish);
      })();
      return () => {
        state.going = false;
        return going;
      };
    },
    async close() {
      await channel.waitForConfirms().catch(() => {});
      await connection.close().catch(() => {});
    },
  };
}
