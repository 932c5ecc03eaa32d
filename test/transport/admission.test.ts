import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Admission } from '../../src/transport/admission.js';

function rig(msPerHandshake: number) {
  const done: number[] = [];
  const tasks: (() => void)[] = [];
  let now = 0;
  const admission = new Admission(
    task => void tasks.push(task),
    () => now,
  );
  return {
    tasks,
    done,
    admit: (count: number): void => {
      for (let i = 0; i < count; i++) {
        const one = i;
        admission.admit(() => {
          done.push(one);
          now += msPerHandshake;
        });
      }
    },
    /** One turn of the event loop; how many it let in. */
    turn: (): number => {
      const before = done.length;
      tasks.shift()?.();
      return done.length - before;
    },
  };
}

describe('the admission', () => {
  it('lets in about half a millisecond’s worth of handshakes a turn, in order', () => {
    const { admit, turn, done, tasks } = rig(0.125);
    admit(10);
    assert.equal(tasks.length, 1);
    assert.deepEqual([turn(), turn(), turn(), turn()], [4, 4, 2, 0]);
    assert.deepEqual(
      done,
      Array.from({ length: 10 }, (_, i) => i),
    );
  });

  it('lets in one a turn at least, however long it takes', () => {
    const { admit, turn } = rig(50);
    admit(2);
    assert.deepEqual([turn(), turn(), turn()], [1, 1, 0]);
  });

  it('begins anew after it was empty', () => {
    const { admit, turn, tasks } = rig(0.1);
    admit(1);
    turn();
    assert.equal(tasks.length, 0);
    admit(1);
    assert.equal(turn(), 1);
  });
});
