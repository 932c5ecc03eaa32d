import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Attachment, type AttachmentHandlers, supervise } from '../../src/broker/supervisor.js';
import { manualClock } from '../support/clock.js';

interface Try extends AttachmentHandlers<string> {
  readonly endpoint: number;
  released: boolean;
}

function supervised(options: { endpoints?: number; deadlineMs?: number; random?: number } = {}) {
  const clock = manualClock();
  const tries: Try[] = [];
  const heard: string[] = [];
  const delays: (number | null)[] = [];
  const supervisor = supervise<string>(
    { endpoints: options.endpoints ?? 1, deadlineMs: options.deadlineMs ?? -1 },
    {
      clock,
      random: () => options.random ?? 0.5,
      attach(endpoint, handlers): Attachment {
        const one: Try = { ...handlers, endpoint, released: false };
        tries.push(one);
        return {
          release() {
            one.released = true;
            return Promise.resolve();
          },
        };
      },
      onAttached: outage => heard.push(outage.first ? 'first' : 'again'),
      onLost: why => heard.push(`lost: ${why}`),
      onFailed: (_why, _outage, delay) => delays.push(delay),
      onGivenUp: why => heard.push(`given up: ${why}`),
    },
  );
  return {
    supervisor,
    clock,
    tries,
    heard,
    delays,
    latest: (): Try => {
      const last = tries.at(-1);
      assert.ok(last, 'nothing was tried');
      return last;
    },
  };
}

describe('the supervisor', () => {
  it('attaches, and resolves its start', async () => {
    const { supervisor, latest, heard } = supervised();
    const started = supervisor.start();
    latest().ready();
    await started;
    assert.deepEqual(heard, ['first']);
  });

  it('tries again after each failure, with growing waits', () => {
    const { supervisor, clock, latest, delays, tries } = supervised();
    void supervisor.start();
    for (let i = 0; i < 9; i++) {
      latest().ended('no');
      clock.advance(clock.pending()[0] ?? 0);
    }
    assert.deepEqual(delays, [50, 100, 200, 400, 800, 1500, 1500, 1500, 1500]);
    assert.equal(tries.length, 10);
  });

  it('tries all brokers before it waits, and begins each round where the last one ended', () => {
    const { supervisor, clock, latest, delays, tries } = supervised({ endpoints: 3 });
    void supervisor.start();
    for (let i = 0; i < 5; i++) {
      latest().ended('no');
      clock.advance(clock.pending()[0] ?? 0);
    }
    assert.deepEqual(delays, [0, 0, 50, 0, 0]);
    assert.deepEqual(
      tries.map(({ endpoint }) => endpoint),
      [0, 1, 2, 0, 1, 2],
    );
  });

  it('tells each loss once and attaches again', () => {
    const { supervisor, clock, latest, heard, tries } = supervised();
    void supervisor.start();
    latest().ready();
    latest().ended('cut');
    latest().ended('cut again');
    latest().ready();
    assert.deepEqual(heard, ['first', 'lost: cut']);
    clock.advance(50);
    assert.equal(tries.length, 2);
    tries[0]?.ready();
    tries[0]?.ended('an old one');
    assert.deepEqual(heard, ['first', 'lost: cut']);
    latest().ready();
    assert.deepEqual(heard, ['first', 'lost: cut', 'again']);
  });

  it('retries an attachment that flaps ever more slowly, one that lasted quickly again', () => {
    const { supervisor, clock, latest } = supervised();
    void supervisor.start();
    const waits: (number | undefined)[] = [];
    for (let i = 0; i < 4; i++) {
      latest().ready();
      clock.advance(9_999);
      latest().ended('flap');
      waits.push(clock.pending()[0]);
      clock.advance(clock.pending()[0] ?? 0);
    }
    latest().ready();
    clock.advance(10_000);
    latest().ended('at last');
    waits.push(clock.pending()[0]);
    assert.deepEqual(waits, [50, 100, 200, 400, 50]);
  });

  it('gives up at the deadline, in the middle of a try too, and lets go of it', async () => {
    const { supervisor, clock, latest, heard } = supervised({ deadlineMs: 1000 });
    const started = supervisor.start();
    latest().ended('no');
    clock.advance(50);
    clock.advance(949);
    assert.deepEqual(heard, []);
    clock.advance(1);
    assert.deepEqual(heard, ['given up: no']);
    assert.ok(latest().released);
    latest().ready();
    await started;
    assert.deepEqual(heard, ['given up: no']);
    assert.deepEqual(clock.pending(), []);
  });

  it('counts the deadline from each loss anew', () => {
    const { supervisor, clock, latest, heard } = supervised({ deadlineMs: 1000 });
    void supervisor.start();
    clock.advance(900);
    latest().ready();
    clock.advance(5000);
    latest().ended('cut');
    clock.advance(999);
    assert.deepEqual(heard, ['first', 'lost: cut']);
    clock.advance(1);
    assert.deepEqual(heard, ['first', 'lost: cut', 'given up: cut']);
  });

  it('with a deadline of 0 tries each broker once at the start, and gives up at the first loss', async () => {
    const start = supervised({ deadlineMs: 0, endpoints: 2 });
    const started = start.supervisor.start();
    start.latest().ended('a');
    start.clock.advance(0);
    start.latest().ended('b');
    await started;
    assert.deepEqual(start.heard, ['given up: b']);
    assert.equal(start.tries.length, 2);

    const later = supervised({ deadlineMs: 0 });
    void later.supervisor.start();
    later.latest().ready();
    later.clock.advance(60_000);
    later.latest().ended('cut');
    assert.deepEqual(later.heard, ['first', 'lost: cut', 'given up: cut']);
    assert.deepEqual(later.clock.pending(), []);
  });

  it('never gives up with a deadline of -1', () => {
    const { supervisor, clock, latest, heard } = supervised({ deadlineMs: -1 });
    void supervisor.start();
    for (let i = 0; i < 100; i++) {
      latest().ended('no');
      clock.advance(10_000);
    }
    assert.deepEqual(heard, []);
  });

  it('stops in every state, hears nothing more and leaves no timer', async () => {
    const prepare: ((test: ReturnType<typeof supervised>) => void)[] = [
      () => {},
      ({ supervisor }) => void supervisor.start(),
      ({ supervisor, latest }) => {
        void supervisor.start();
        latest().ended('no');
      },
      ({ supervisor, latest }) => {
        void supervisor.start();
        latest().ready();
      },
    ];
    for (const into of prepare) {
      const test = supervised({ deadlineMs: 1000 });
      into(test);
      const before = test.heard.length;
      await test.supervisor.stop();
      await test.supervisor.stop();
      assert.deepEqual(test.clock.pending(), []);
      test.tries.at(-1)?.ready();
      test.tries.at(-1)?.ended('late');
      test.clock.advance(100_000);
      assert.equal(test.heard.length, before);
      assert.deepEqual(test.clock.pending(), []);
    }
  });
});
