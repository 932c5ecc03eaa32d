import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { trackCoverage } from '../../src/broker/coverage.js';

/**
 * RabbitMQ as far as it matters here: a queue, and a channel that answers a question about the queue before it passes
 * on what the queue sent it meanwhile. Time is the number of messages published.
 */
function modelBroker() {
  let published = 0;
  const queue: number[] = [];
  /** What the channel has to send, and what is under way from it, in order. */
  const outbox: (() => void)[] = [];
  const wire: (() => void)[] = [];
  const questions: ((waiting: number) => void)[] = [];
  let received = -1;
  let proven = -1;
  const coverage = trackCoverage({
    wall: () => published,
    waiting: () => new Promise(resolve => questions.push(resolve)),
    onCovered(until) {
      proven = until;
      assert.ok(
        received + 1 >= until,
        `all before ${until} was claimed to be here, but the last is ${received}`,
      );
    },
  });
  const actions = {
    publish: () => {
      queue.push(published++);
    },
    queueSends: () => {
      const message = queue.shift();
      if (message === undefined) return;
      outbox.push(() => {
        received = message;
        coverage.delivered();
      });
    },
    channelSends: () => {
      wire.push(...outbox.splice(0, 1));
    },
    arrives: () => {
      wire.shift()?.();
    },
    sound: () => {
      void coverage.sound();
    },
    /** Comes after what was sent before; what the queue sends while it is asked stays behind. */
    answer: () => {
      const question = questions.shift();
      if (question === undefined) return;
      wire.push(...outbox.splice(0));
      const late = queue.shift();
      if (late !== undefined) {
        outbox.push(() => {
          received = late;
          coverage.delivered();
        });
      }
      const waiting = queue.length;
      wire.push(() => question(waiting));
    },
  };
  return {
    actions,
    get proven() {
      return proven;
    },
    get published() {
      return published;
    },
    drained: () => queue.length === 0,
  };
}

const turn = () => new Promise(resolve => setImmediate(resolve));

describe('coverage', () => {
  it('never claims what has not come, and claims all once the queue is drained', async () => {
    const names = ['publish', 'queueSends', 'channelSends', 'sound', 'answer', 'arrives'] as const;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...names), { maxLength: 120 }), async script => {
        const broker = modelBroker();
        for (const name of script) {
          broker.actions[name]();
          await turn();
        }
        for (let i = 0; broker.proven < broker.published; i++) {
          assert.ok(i < 200, 'the claim never caught up');
          for (const name of [
            'sound',
            'answer',
            'queueSends',
            'channelSends',
            'arrives',
            'arrives',
          ] as const) {
            broker.actions[name]();
            await turn();
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('moves on under a backlog that never ends', async () => {
    const broker = modelBroker();
    const { publish, queueSends, channelSends, sound, answer, arrives } = broker.actions;
    for (let i = 0; i < 100; i++) publish();
    for (let i = 0; i < 300; i++) {
      publish();
      publish();
      sound();
      answer();
      queueSends();
      channelSends();
      for (let n = 0; n < 3; n++) arrives();
      await turn();
    }
    assert.ok(!broker.drained());
    assert.ok(broker.proven >= 300, `proven up to ${broker.proven} only`);
  });
});
