import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FLOOD, type FloodLimits } from '../../src/connection/flood.js';
import { Scheduler } from '../../src/connection/scheduler.js';
import type { Crowd, Visited } from '../../src/connection/turn.js';

/** As long as a tenant's turn lasts at most. */
const A_SLICE = 0.25;

/** A scheduler whose turns of the event loop are counted, on a clock that a visit moves. */
function rig(msPerVisit = 0, flood: FloodLimits = { ...FLOOD, waiting: Infinity }) {
  const visits: string[] = [];
  const tasks: (() => void)[] = [];
  const pauses: { readonly ms: number; readonly end: () => void }[] = [];
  let now = 0;
  const scheduler = new Scheduler({
    defer: task => void tasks.push(task),
    clock: {
      monotonic: () => now,
      after(ms, task) {
        const remove = () => {
          if (pauses.includes(pause)) pauses.splice(pauses.indexOf(pause), 1);
        };
        const end = () => {
          remove();
          task();
        };
        const pause = { ms, end };
        pauses.push(pause);
        return remove;
      },
    },
    flood,
  });
  function member(name: string, turn: string, visitsWanted = 1, onVisit = () => {}): Visited {
    let left = visitsWanted;
    return {
      turn,
      waitsSince: null,
      visit() {
        visits.push(name);
        now += msPerVisit;
        onVisit();
        return --left > 0;
      },
    };
  }
  /** One turn of the event loop; what it visited. */
  function turn(): string[] {
    visits.length = 0;
    tasks.shift()?.();
    return [...visits];
  }
  /** As many as it takes; whom they visited. */
  function turns(): string[] {
    const all: string[] = [];
    while (tasks.length > 0) all.push(...turn());
    return all;
  }
  const spend = (ms: number) => {
    now += ms;
  };
  return { scheduler, member, turn, turns, tasks, pauses, spend, now: () => now };
}

/** Null: one who needn't be visited. */
function crowd(turn: string, members: readonly (Visited | null)[]): Crowd {
  let next = 0;
  return {
    turn,
    since: 0,
    get isOver() {
      return next > members.length;
    },
    next: () => members[next++] ?? null,
  };
}

describe('the scheduler', () => {
  it('visits tenants in turn, however many of one wait', () => {
    const { scheduler, member, turns } = rig(A_SLICE);
    for (const name of ['a1', 'a2', 'a3', 'a4']) scheduler.schedule(member(name, 'a'));
    scheduler.schedule(member('b1', 'b'));
    scheduler.schedule(member('c1', 'c'));
    assert.deepEqual(turns(), ['a1', 'b1', 'c1', 'a2', 'a3', 'a4']);
    assert.equal(scheduler.waiting, 0);
  });

  it('gives each tenant as much time, not as many visits', () => {
    const { scheduler, member, turns, spend } = rig();
    for (let i = 0; i < 3; i++) scheduler.schedule(member(`replay${i}`, 'a', 1, () => spend(A_SLICE)));
    for (let i = 0; i < 10; i++) scheduler.schedule(member(`live${i}`, 'b', 1, () => spend(A_SLICE / 10)));
    const all = turns();
    const behind = all.slice(all.indexOf('replay1'));
    assert.deepEqual(behind, ['replay1', 'replay2']);
  });

  it('takes as long as I/O took before it, so that live events go on in a storm of connects', () => {
    const { scheduler, member, turn, spend } = rig(0.5);
    for (let i = 0; i < 20; i++) scheduler.schedule(member(`${i}`, 't'));
    spend(100);
    assert.equal(turn().length, 2);
  });

  it('lets one that has more to send wait behind its tenant, and behind the other tenants', () => {
    const { scheduler, member, turns } = rig(A_SLICE);
    scheduler.schedule(member('a1', 'a', 3));
    scheduler.schedule(member('a2', 'a'));
    scheduler.schedule(member('b1', 'b', 2));
    assert.deepEqual(turns(), ['a1', 'b1', 'a2', 'b1', 'a1', 'a1']);
  });

  it('gives the event loop back when its time is used up, and goes on in the next turn where it was', () => {
    const { scheduler, member, turn, tasks } = rig(1);
    for (let i = 0; i < 20; i++) scheduler.schedule(member(`${i}`, 't'));
    const first = turn();
    assert.equal(first.length, 1, 'one visit of 1 ms');
    assert.equal(tasks.length, 1);
    const all = [...first];
    while (tasks.length > 0) all.push(...turn());
    assert.deepEqual(
      all,
      Array.from({ length: 20 }, (_, i) => `${i}`),
    );
    assert.equal(tasks.length, 0);
  });

  it('takes in whoever is scheduled during a visit, once', () => {
    const { scheduler, member, turn, tasks } = rig();
    const late = member('late', 'b');
    const own = member('own', 'a');
    scheduler.schedule(
      member('first', 'a', 1, () => {
        for (let i = 0; i < 3; i++) {
          scheduler.schedule(late);
          scheduler.schedule(own);
        }
      }),
    );
    const both = [...turn(), ...turn()];
    assert.deepEqual(both.toSorted(), ['first', 'late', 'own']);
    assert.equal(tasks.length, 0);
  });

  it('visits one that schedules itself in its visit once more, not twice', () => {
    const { scheduler, turn } = rig();
    let visits = 0;
    const one: Visited = {
      turn: 't',
      waitsSince: null,
      visit() {
        if (++visits === 1) scheduler.schedule(one);
        return visits === 1;
      },
    };
    scheduler.schedule(one);
    turn();
    turn();
    assert.equal(visits, 2);
  });

  it('counts somebody as of the tenant that he belongs to by the end of his visit', () => {
    const { scheduler, turn, tasks, spend } = rig();
    const order: string[] = [];
    for (const name of ['s1', 's2', 's3']) {
      let visits = 0;
      const stranger = {
        turn: '',
        waitsSince: null,
        visit() {
          order.push(name);
          stranger.turn = 'a';
          spend(A_SLICE);
          return ++visits < 2;
        },
      };
      scheduler.schedule(stranger);
    }
    while (tasks.length > 0) turn();
    assert.deepEqual(order.slice(0, 3), ['s1', 's1', 's2']);
  });

  it('lets a crowd alternate with those of its tenant who wait by themselves, and with other tenants', () => {
    const { scheduler, member, turn, tasks } = rig(A_SLICE);
    scheduler.scheduleAll(crowd('a', [member('c1', 'a'), member('c2', 'a'), null, member('c3', 'a')]));
    scheduler.schedule(member('a1', 'a'));
    scheduler.schedule(member('a2', 'a'));
    scheduler.schedule(member('b1', 'b'));
    const all: string[] = [];
    while (tasks.length > 0) all.push(...turn());
    assert.deepEqual(all, ['c1', 'b1', 'a1', 'c2', 'a2', 'c3']);
    assert.equal(scheduler.longestWait, 0);
  });

  it('gives a crowd as much time as those of its tenant who wait by themselves, not as many visits', () => {
    const { scheduler, member, turn, tasks, spend } = rig();
    const live = Array.from({ length: 100 }, (_, i) => member(`live${i}`, 'a', 1, () => spend(A_SLICE / 50)));
    for (let i = 0; i < 20; i++) scheduler.schedule(member(`replay${i}`, 'a', 50, () => spend(A_SLICE)));
    scheduler.scheduleAll(crowd('a', live));
    const all: string[] = [];
    while (tasks.length > 0) all.push(...turn());
    const last = all.lastIndexOf('live99');
    assert.equal(all.slice(0, last).filter(name => name.startsWith('replay')).length, 1);
  });

  it('looks at no more of a crowd in one turn than there is time for, be they visited or not', () => {
    const { scheduler, turn, tasks, spend } = rig();
    let looks = 0;
    scheduler.scheduleAll({
      turn: 'a',
      since: 0,
      get isOver() {
        return looks === 100;
      },
      next() {
        looks++;
        spend(A_SLICE);
        return null;
      },
    });
    turn();
    assert.equal(looks, 2);
    assert.equal(scheduler.longestWait, 2 * A_SLICE);
    while (tasks.length > 0) turn();
    assert.equal(looks, 100);
    assert.equal(scheduler.longestWait, 0);
  });

  it('serves the crowds of a tenant one after the other', () => {
    const { scheduler, member, turn, tasks } = rig(A_SLICE);
    scheduler.scheduleAll(crowd('a', [member('x1', 'a'), member('x2', 'a')]));
    scheduler.scheduleAll(crowd('a', [member('y1', 'a')]));
    const all: string[] = [];
    while (tasks.length > 0) all.push(...turn());
    assert.deepEqual(all, ['x1', 'x2', 'y1']);
  });

  it('visits one of a crowd who waits by himself anyway only once', () => {
    const { scheduler, member, turn, tasks } = rig();
    const one = member('one', 'a', 1);
    scheduler.scheduleAll(crowd('a', [one]));
    scheduler.schedule(one);
    const all: string[] = [];
    while (tasks.length > 0) all.push(...turn());
    assert.deepEqual(all, ['one']);
  });

  it('asks for one turn of the event loop, however many are scheduled', () => {
    const { scheduler, member, tasks } = rig();
    for (let i = 0; i < 5; i++) scheduler.schedule(member(`${i}`, `${i}`));
    assert.equal(tasks.length, 1);
    assert.equal(scheduler.waiting, 5);
  });

  it('knows how long the one has waited who waits longest', () => {
    const { scheduler, member, turn } = rig(10);
    assert.equal(scheduler.longestWait, 0);
    for (let i = 0; i < 20; i++) scheduler.schedule(member(`${i}`, 't'));
    turn();
    const first = scheduler.longestWait;
    assert.ok(first >= 10, `${first} ms`);
    turn();
    assert.ok(scheduler.longestWait > first);
    while (scheduler.waiting > 0) turn();
    assert.equal(scheduler.longestWait, 0);
  });
});

describe('a tenant that is flooded', () => {
  const LIMITS: FloodLimits = { times: 2, waiting: 3, windowMs: 10, visits: 4, visitMs: Infinity };
  type World = ReturnType<typeof rig>;

  /** Of one tenant so many wait. At each visit it is told of `told` deliveries to those who wait already. */
  function flood(one: World, count: number, told: number, turn = 'a', onVisit = () => {}) {
    for (let i = 0; i < count; i++)
      one.scheduler.schedule(
        one.member(`${i}`, turn, 1, () => {
          one.scheduler.told(turn, told);
          onVisit();
        }),
      );
  }

  /** Until nothing is left to be done, or it pauses. */
  function all({ turn, tasks }: World): string[] {
    const visits: string[] = [];
    while (tasks.length > 0) visits.push(...turn());
    return visits;
  }

  const ms = ({ pauses }: World) => pauses.map(pause => pause.ms);

  /** The flood goes on for so long in a pause, or ends. */
  function pass(one: World, ms: number, told = 0) {
    one.scheduler.told('a', told);
    one.spend(ms);
    one.pauses[0]?.end();
  }

  it('pauses, until it is over for two windows', () => {
    const one = rig(5, LIMITS);
    flood(one, 10, 5);
    assert.deepEqual(all(one), ['0', '1', '2', '3']);
    for (const told of [4, 3, 3]) {
      assert.deepEqual(ms(one), [10]);
      pass(one, 10, told);
    }
    assert.deepEqual(ms(one), []);
    assert.deepEqual(all(one), ['4', '5', '6', '7', '8', '9']);
  });

  /** How long it pauses if the flood goes on. */
  function pauseOf(one: World): number {
    const begun = one.now();
    for (let pause = one.pauses[0]; pause !== undefined; pause = one.pauses[0]) pass(one, pause.ms, 100);
    return one.now() - begun;
  }

  it('pauses for four times as long as it takes to send to all who wait, if it goes on', () => {
    const one = rig(5, LIMITS);
    flood(one, 9, 5);
    assert.equal(all(one).length, 4);
    assert.equal(pauseOf(one), 4 * 5 * 5);
  });

  it('pauses for 250 ms at most', () => {
    const one = rig(5, LIMITS);
    flood(one, 1000, 5);
    all(one);
    assert.equal(pauseOf(one), 250);
  });

  it('lets nobody wait for more than 450 ms for the sake of a pause', () => {
    for (const [waited, left] of [
      [300, 150],
      [460, 0],
    ] as const) {
      const one = rig(5, LIMITS);
      let visits = 0;
      flood(one, 1000, 5, 'a', () => {
        if (++visits === 4) one.spend(waited - one.now());
        // As many as before, in as much time.
        if (visits === 4) one.scheduler.told('a', 5 * waited);
      });
      const visited = all(one).length;
      if (left === 0) assert.equal(visited, 1000);
      else assert.equal(one.now() + pauseOf(one), 450);
    }
  });

  it('serves all who wait between two pauses', () => {
    const one = rig(5, LIMITS);
    flood(one, 20, 10);
    assert.equal(all(one).length, 4);
    flood(one, 5, 10);
    pauseOf(one);
    assert.equal(all(one).length, 21);
  });

  it('pauses again after that', () => {
    const one = rig(5, LIMITS);
    let visits = 0;
    flood(one, 20, 10, 'a', () => {
      if (++visits > 16) one.scheduler.schedule(one.member(`late${visits}`, 'a'));
    });
    assert.equal(all(one).length, 4);
    pauseOf(one);
    assert.equal(all(one).length, 16);
    assert.equal(one.scheduler.waiting, 4);
    assert.deepEqual(ms(one), [10]);
  });

  it('does not pause while less than twice as much comes in as can be sent', () => {
    const one = rig(5, LIMITS);
    flood(one, 20, 1);
    assert.equal(all(one).length, 20);
    flood(one, 20, 5);
    assert.ok(all(one).length < 20);
  });

  it('does not pause for one event for many, nor for a bunch of them', () => {
    const one = rig(5, LIMITS);
    flood(one, 20, 0);
    one.scheduler.told('a', 1000);
    assert.equal(all(one).length, 20);
  });

  it('does not pause for few, nor on the word of few visits, nor before two windows are over', () => {
    const few = rig(5, LIMITS);
    flood(few, LIMITS.visits + LIMITS.waiting - 1, 10);
    assert.equal(all(few).length, LIMITS.visits + LIMITS.waiting - 1);
    const slow = rig(15, LIMITS);
    flood(slow, 20, 10);
    assert.equal(all(slow).length, LIMITS.visits);
    const quick = rig(1, LIMITS);
    flood(quick, 30, 10);
    assert.equal(all(quick).length, 2 * LIMITS.windowMs);
  });

  it('takes no visit for longer than a live one: pages of history are no flood', () => {
    for (const [visitMs, isFlood] of [
      [5, true],
      [1, false],
    ] as const) {
      const one = rig(5, { ...LIMITS, visitMs });
      flood(one, 20, 5);
      assert.equal(all(one).length < 20, isFlood);
    }
  });

  it('keeps on if visits take no time at all', () => {
    const one = rig(0, LIMITS);
    flood(one, 100, 10);
    assert.equal(all(one).length, 100);
  });

  it('goes by the last visits', () => {
    const one = rig(0, LIMITS);
    let visits = 0;
    flood(one, 11_000, 10, 'a', () => {
      if (++visits > 10_000) one.spend(1);
    });
    assert.ok(all(one).length < 10_450);
  });

  it('lets other tenants be served meanwhile', () => {
    const one = rig(5, LIMITS);
    flood(one, 8, 5);
    all(one);
    one.scheduler.schedule(one.member('b', 'b'));
    assert.deepEqual(all(one), ['b']);
    assert.equal(one.scheduler.waiting, 4);
  });

  it('does not let a crowd wait, nor what is urgent: before the pause or in it', () => {
    const hasten = [
      ({ scheduler, member }: World) =>
        scheduler.scheduleAll(crowd('a', [member('crowd0', 'a'), member('crowd1', 'a')])),
      ({ scheduler }: World) => scheduler.hurry('a'),
      ({ scheduler }: World) => scheduler.hurry(null),
    ];
    for (const how of hasten) {
      const before = rig(5, LIMITS);
      let isFirst = true;
      flood(before, 12, 10, 'a', () => {
        if (isFirst) how(before);
        isFirst = false;
      });
      // Also those who waited by themselves while the crowd was served: it may have left them out.
      assert.ok(all(before).includes('11'));
      assert.deepEqual(ms(before), []);
      const within = rig(5, LIMITS);
      flood(within, 8, 5);
      all(within);
      assert.deepEqual(ms(within), [10]);
      how(within);
      assert.ok(all(within).includes('7'));
      assert.deepEqual(ms(within), []);
    }
    const { scheduler } = rig(5, LIMITS);
    scheduler.hurry('nobody');
  });

  it('does not let wait what became urgent within a round', () => {
    const one = rig(5, LIMITS);
    let isFirst = true;
    flood(one, 4, 10, 'a', () => {
      if (!isFirst) return;
      isFirst = false;
      flood(one, 4, 10, 'a');
      one.scheduler.schedule(one.member('urgent', 'a'));
      one.scheduler.hurry('a');
      flood(one, 4, 10, 'a');
    });
    assert.equal(all(one).at(-1), 'urgent');
  });

  it('hurries for one round only', () => {
    const one = rig(5, LIMITS);
    flood(one, 8, 5);
    one.scheduler.hurry('a');
    flood(one, 1, 5, 'a', () => flood(one, 8, 5));
    all(one);
    assert.deepEqual([ms(one), one.scheduler.waiting], [[10], 8]);
  });

  it('counts as waiting from when it was woken', () => {
    const one = rig(5, LIMITS);
    flood(one, 8, 5);
    all(one);
    one.spend(100);
    assert.equal(one.scheduler.longestWait, 120);
  });

  for (const load of [0.6, 0.9])
    it(`gets over a hiccup: at ${load} of what can be sent, few wait a moment later`, () => {
      const [clients, msPerVisit] = [5000, 0.03];
      const one = rig(msPerVisit, FLOOD);
      const { scheduler, member, pauses, spend, tasks, turn, now } = one;
      const members = Array.from({ length: clients }, (_, i) => member(`${i}`, 'a'));
      let seed = 1;
      let told = 0;
      let paused = 0;
      const wakeThoseDue = () => {
        for (; told < (now() * load) / msPerVisit; told++) {
          // A linear congruential generator (Park and Miller): some get two events one after the other.
          seed = (seed * 48_271) % 2_147_483_647;
          const next = members[seed % clients];
          if (next !== undefined) scheduler.schedule(next);
          scheduler.told('a', 1);
        }
      };
      // A stop at the beginning, and a collection within a visit later.
      spend(200);
      let collects = true;
      while (now() < 5000) {
        if (collects && now() > 2000) {
          scheduler.schedule(member('collects', 'a', 1, () => spend(30)));
          collects = false;
        }
        wakeThoseDue();
        const [pause] = pauses;
        if (tasks.length > 0) {
          turn();
        } else if (pause !== undefined) {
          spend(pause.ms);
          paused += pause.ms;
          wakeThoseDue();
          pause.end();
        } else {
          spend(0.1);
        }
      }
      assert.ok(scheduler.waiting < 500, `${scheduler.waiting} wait`);
      assert.equal(paused, 0);
    });

  it('does not pause for those who have more to send', () => {
    const one = rig(5, LIMITS);
    for (let i = 0; i < 12; i++) one.scheduler.schedule(one.member(`${i}`, 'a', 10));
    assert.equal(all(one).length, 120);
    one.scheduler.told('nobody', 1);
  });

  it('does not pause without a tenant: all tenants share that turn', () => {
    const one = rig(5, LIMITS);
    flood(one, 20, 10, '');
    assert.equal(all(one).length, 20);
  });

  it('leaves no timer behind', () => {
    const one = rig(5, LIMITS);
    flood(one, 8, 5);
    all(one);
    assert.equal(one.pauses.length, 1);
    one.scheduler.stop();
    all(one);
    assert.deepEqual([ms(one), one.scheduler.waiting], [[], 0]);
  });
});
