import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UnsentBudget } from '../../src/connection/unsent.js';

function member(name: string, shed: string[]) {
  return { shed: () => void shed.push(name) };
}

describe('the budget of unsent bytes', () => {
  it('counts what each holds at the moment, once', () => {
    const budget = new UnsentBudget(100);
    const one = member('one', []);
    budget.hold(one, 40);
    budget.hold(one, 30);
    assert.equal(budget.bytes, 30);
    budget.hold(one, 0);
    assert.equal(budget.bytes, 0);
    budget.free(one);
    assert.equal(budget.bytes, 0);
  });

  it('is tight above half of the limit', () => {
    const budget = new UnsentBudget(100);
    budget.hold(member('a', []), 50);
    assert.equal(budget.isTight, false);
    budget.hold(member('b', []), 1);
    assert.equal(budget.isTight, true);
  });

  it('over the limit, ends those first that have been blocked for longest, and no more than needed', () => {
    const shed: string[] = [];
    const budget = new UnsentBudget(100);
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(name => member(name, shed));
    assert.ok(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
    budget.hold(a, 40);
    budget.hold(b, 40);
    // It got something through meanwhile: it is the one blocked most recently now.
    budget.hold(a, 20);
    budget.hold(c, 40);
    assert.deepEqual(shed, []);
    budget.hold(d, 30);
    assert.deepEqual(shed, ['b']);
    assert.equal(budget.bytes, 90);
  });

  it('ends even the newest if it alone is over the limit', () => {
    const shed: string[] = [];
    const budget = new UnsentBudget(100);
    budget.hold(member('huge', shed), 101);
    assert.deepEqual(shed, ['huge']);
    assert.equal(budget.bytes, 0);
  });
});
