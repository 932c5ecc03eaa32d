import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Scheduler } from '../../src/connection/scheduler.js';
import type { Crowd, Visited } from '../../src/connection/turn.js';

/** As long as a tenant's turn lasts at most. */
const A_SLICE = 0.25;

/** A scheduler whose turns of the event loop are counted, on a clock that a visit moves. */
function rig(msPerVisit = 0, many = Infinity) {
  const visits: string[] = [];
  const tasks: (() => void)[] = [];
  const pauses: { readonly ms: number; readonly end: () => void }[] = [];
  let now = 0;
  const scheduler = new Scheduler({
    defer: task => void tasks.push(task),
    clock: {
      monotonic: () => now,
      after(ms, end) {
        const pause = { ms, end };
        pauses.push(pause);
        return () => void pauses.splice(pauses.indexOf(pause), 1);
      },
    },
    many,
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
  const spend = (ms: number) => {
    now += ms;
  };
  return { scheduler, member, turn, tasks, pauses, spend, now: () => now };
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
    const { scheduler, member, turn } = rig(A_SLICE);
    for (const name of ['a1', 'a2', 'a3', 'a4']) scheduler.schedule(member(name, 'a'));
    scheduler.schedule(member('b1', 'b'));
    scheduler.schedule(member('c1', 'c'));
    assert.deepEqual([...turn(), ...turn()], ['a1', 'b1', 'c1', 'a2', 'a3', 'a4']);
    assert.equal(scheduler.waiting, 0);
  });

  it('gives each tenant as much time, not as many visits', () => {
    const { scheduler, member, turn, spend } = rig();
    for (let i = 0; i < 3; i++) scheduler.schedule(member(`replay${i}`, 'a', 1, () => spend(A_SLICE)));
    for (let i = 0; i < 10; i++) scheduler.schedule(member(`live${i}`, 'b', 1, () => spend(A_SLICE / 10)));
    const all = turn();
    const behind = all.slice(all.indexOf('replay1'));
    assert.deepEqual(behind, ['replay1', 'replay2']);
  });

  it('takes as long as I/O took before it, so that live events go on in a storm of connects', () => {
    const { scheduler, member, turn, spend } = rig(1);
    for (let i = 0; i < 20; i++) scheduler.schedule(member(`${i}`, 't'));
    spend(100);
    assert.equal(turn().length, 2);
  });

  it('lets one that has more to send wait behind its tenant, and behind the other tenants', () => {
    const { scheduler, member, turn } = rig(A_SLICE);
    scheduler.schedule(member('a1', 'a', 3));
    scheduler.schedule(member('a2', 'a'));
    scheduler.schedule(member('b1', 'b', 2));
    assert.deepEqual([...turn(), ...turn()], ['a1', 'b1', 'a2', 'b1', 'a1', 'a1']);
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
    assert.equal(looks, 4);
    assert.equal(scheduler.longestWait, 4 * A_SLICE);
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

describe('a tenant of whom many are woken while many wait', () => {
  const MANY = 3;
  type World = ReturnType<typeof rig>;

  /** A round of `first`; in its first visit `again` others are woken, by two events each, and `then` is done. */
  function flood(one: World, again = MANY, first = MANY, then = () => {}, turn = 'a', told = 2 * again) {
    const { scheduler, member, spend } = one;
    // No round began at the clock's beginning.
    spend(1000);
    const late = Array.from({ length: again }, (_, i) => member(`late${i}`, turn));
    const onVisit = () => {
      for (const next of late) scheduler.schedule(next);
      scheduler.told(turn, told);
      then();
    };
    for (let i = 0; i < first; i++)
      scheduler.schedule(member(`early${i}`, turn, 1, i === 0 ? onVisit : undefined));
  }

  function all({ turn, tasks }: World): string[] {
    const visits: string[] = [];
    while (tasks.length > 0) visits.push(...turn());
    return visits;
  }

  const ms = ({ pauses }: World) => pauses.map(pause => pause.ms);

  it('pauses for as long as the round took, and is then served on', () => {
    const one = rig(5, MANY);
    flood(one);
    assert.deepEqual(all(one), ['early0', 'early1', 'early2']);
    assert.deepEqual(ms(one), [15]);
    assert.equal(one.scheduler.waiting, MANY);
    one.pauses[0]?.end();
    assert.deepEqual(all(one), ['late0', 'late1', 'late2']);
    assert.deepEqual(ms(one), []);
  });

  it('counts each round by itself, though several fit into one turn', () => {
    const one = rig(0.01, MANY);
    const { scheduler, member } = one;
    const named = (name: string, onFirst: () => void) =>
      Array.from({ length: MANY }, (_, i) => member(`${name}${i}`, 'a', 1, i === 0 ? onFirst : undefined));
    const wakeAll = (members: readonly Visited[]) => {
      for (const next of members) scheduler.schedule(next);
      scheduler.told('a', 2 * members.length);
    };
    const late = named('late', () => {});
    const early = named('early', () => wakeAll(late));
    scheduler.schedule(member('alone', 'a', 1, () => wakeAll(early)));
    assert.deepEqual(all(one), ['alone', 'early0', 'early1', 'early2']);
    assert.equal(one.pauses.length, 1);
  });

  it('pauses for 100 ms at most', () => {
    const one = rig(60, MANY);
    flood(one);
    all(one);
    assert.deepEqual(ms(one), [100]);
  });

  it('keeps on with its rounds if one took no time at all', () => {
    const one = rig(0, MANY);
    flood(one);
    assert.equal(all(one).length, 2 * MANY);
    for (let i = 0; i < 3 * MANY; i++) one.scheduler.schedule(one.member(`${i}`, 'a'));
    assert.equal(all(one).length, 3 * MANY);
    assert.deepEqual(ms(one), []);
  });

  it('lets other tenants be served meanwhile', () => {
    const one = rig(1, MANY);
    flood(one);
    all(one);
    one.scheduler.schedule(one.member('a', 'a'));
    one.scheduler.schedule(one.member('b', 'b'));
    assert.deepEqual(all(one), ['b']);
    one.pauses[0]?.end();
    assert.deepEqual(all(one), ['late0', 'late1', 'late2', 'a']);
  });

  it('does not let a crowd wait, nor what is urgent: before the pause or in it', () => {
    const hasten = [
      ({ scheduler, member }: World) => scheduler.scheduleAll(crowd('a', [member('crowd', 'a')])),
      ({ scheduler }: World) => scheduler.hurry('a'),
      ({ scheduler }: World) => scheduler.hurry(null),
    ];
    for (const how of hasten) {
      const before = rig(5, MANY);
      flood(before, MANY, MANY, () => how(before));
      assert.ok(all(before).includes('late2'));
      assert.deepEqual(ms(before), []);
      const within = rig(5, MANY);
      flood(within);
      all(within);
      assert.deepEqual(ms(within), [15]);
      how(within);
      assert.ok(all(within).includes('late2'));
      assert.deepEqual(ms(within), []);
    }
    const { scheduler } = rig(5, MANY);
    scheduler.hurry('nobody');
  });

  it('hurries for one round only', () => {
    const one = rig(5, MANY);
    flood(one, MANY, MANY, () => one.scheduler.hurry('a'));
    all(one);
    flood(one);
    all(one);
    assert.deepEqual(ms(one), [15]);
  });

  it('counts as waiting from when it was woken', () => {
    const one = rig(5, MANY);
    flood(one);
    all(one);
    one.spend(100);
    // Woken in the first visit, ten milliseconds before the end of the round.
    assert.equal(one.scheduler.longestWait, 110);
  });

  it('does not pause when fewer are woken, or fewer waited', () => {
    for (const [again, first] of [
      [MANY - 1, MANY],
      [MANY, MANY - 1],
    ] as const) {
      const one = rig(5, MANY);
      flood(one, again, first);
      assert.equal(all(one).length, again + first);
      assert.deepEqual(ms(one), []);
    }
  });

  it('does not pause when each is woken by one event, which a pause would not join with another', () => {
    const one = rig(5, MANY);
    flood(one, MANY, MANY, undefined, 'a', MANY);
    assert.equal(all(one).length, 2 * MANY);
    assert.deepEqual(ms(one), []);
    one.scheduler.told('nobody', 1);
  });

  it('counts what was told since the round began, not before', () => {
    const one = rig(5, MANY);
    const { scheduler, member } = one;
    const second = Array.from({ length: MANY }, (_, i) => member(`second${i}`, 'a'));
    const first = Array.from({ length: MANY }, (_, i) =>
      member(`first${i}`, 'a', 1, () => {
        const next = second[i];
        if (next !== undefined) scheduler.schedule(next);
        scheduler.told('a', 1);
      }),
    );
    const wakeFirst = () => {
      for (const next of first) scheduler.schedule(next);
      // Of the round that this ends.
      scheduler.told('a', 10 * MANY);
    };
    scheduler.schedule(member('alone', 'a', 1, wakeFirst));
    assert.equal(all(one).length, 1 + 2 * MANY);
    assert.deepEqual(ms(one), []);
    scheduler.told('nobody', 1);
  });

  for (const load of [0.6, 0.9])
    it(`gets over a hiccup: at ${load} of what can be sent, few wait a moment later`, () => {
      const [clients, msPerVisit] = [5000, 0.03];
      const one = rig(msPerVisit, 200);
      const { scheduler, member, pauses, spend, tasks, turn, now } = one;
      const members = Array.from({ length: clients }, (_, i) => member(`${i}`, 'a'));
      let seed = 1;
      let told = 0;
      const wakeThoseDue = () => {
        for (; told < (now() * load) / msPerVisit; told++) {
          // A linear congruential generator (Park and Miller): some get two events one after the other.
          seed = (seed * 48_271) % 2_147_483_647;
          const next = members[seed % clients];
          if (next !== undefined) scheduler.schedule(next);
          scheduler.told('a', 1);
        }
      };
      spend(200);
      while (now() < 5000) {
        wakeThoseDue();
        const [pause] = pauses;
        if (tasks.length > 0) {
          turn();
        } else if (pause !== undefined) {
          spend(pause.ms);
          wakeThoseDue();
          pause.end();
        } else {
          spend(0.1);
        }
      }
      assert.ok(scheduler.waiting < 500, `${scheduler.waiting} wait`);
    });

  it('does not pause for those who have more to send, or could not be sent to for a moment', () => {
    const one = rig(5, MANY);
    for (let i = 0; i < 2 * MANY; i++) one.scheduler.schedule(one.member(`${i}`, 'a', 10));
    assert.equal(all(one).length, 20 * MANY);
    const others = Array.from({ length: MANY }, (_, i) => one.member(`other${i}`, 'a'));
    flood(one, 0, MANY, () => others.forEach(other => one.scheduler.goOn(other)));
    assert.equal(all(one).length, 2 * MANY);
    assert.deepEqual(ms(one), []);
  });

  it('does not pause without a tenant: all tenants share that turn', () => {
    const one = rig(5, MANY);
    flood(one, MANY, MANY, undefined, '');
    assert.equal(all(one).length, 2 * MANY);
    assert.deepEqual(ms(one), []);
  });

  it('leaves no timer behind', () => {
    const one = rig(5, MANY);
    flood(one);
    all(one);
    one.scheduler.stop();
    all(one);
    assert.deepEqual([ms(one), one.scheduler.waiting], [[], 0]);
  });
});
