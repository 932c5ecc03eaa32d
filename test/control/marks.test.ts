import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { FORGOTTEN_MS, SILENT_MS, trackMarks } from '../../src/control/marks.js';
import { manualClock } from '../support/clock.js';

function opened() {
  const clock = manualClock();
  const marks = trackMarks(clock);
  const mark = (source: string, at = clock.wall()) => marks.heard({ kind: 'mark', source, at });
  return {
    clock,
    marks,
    mark,
    bye: (source: string) => marks.heard({ kind: 'bye', source, at: clock.wall() }),
    /** How far what may be claimed lies behind what reached the own queue, which is everything until now. */
    behind: () => clock.wall() - marks.stalest(clock.wall()),
  };
}

describe('the marks of the pods', () => {
  it('hold back nothing while there are none', () => {
    assert.equal(opened().behind(), 0);
  });

  it('hold a position back to the stalest source, and never let it name more than reached the own queue', () => {
    const { clock, marks, mark, behind } = opened();
    mark('a');
    clock.advance(1000);
    mark('b');
    assert.equal(behind(), 1000);
    mark('a');
    assert.equal(behind(), 0);
    assert.equal(marks.stalest(clock.wall() - 700), clock.wall() - 700);
  });

  it('go by the newest word of a source, also if its clock was set back', () => {
    const { clock, mark, behind } = opened();
    mark('a');
    mark('a', clock.wall() - 3000);
    assert.equal(behind(), 3000);
  });

  it('no longer count once their source has said bye', () => {
    const { clock, mark, bye, behind } = opened();
    mark('a');
    clock.advance(4000);
    bye('a');
    bye('stranger');
    assert.equal(behind(), 0);
  });

  it('are asked about when they fail to come, and not all the time', () => {
    const { clock, marks, mark } = opened();
    mark('a');
    clock.advance(SILENT_MS - 1);
    mark('b');
    assert.deepEqual(marks.toAsk(), []);
    clock.advance(1);
    assert.deepEqual(marks.toAsk(), ['a']);
    assert.deepEqual(marks.toAsk(), []);
    clock.advance(SILENT_MS);
    assert.deepEqual(marks.toAsk(), ['a', 'b']);
    mark('a');
    clock.advance(SILENT_MS - 1);
    assert.deepEqual(marks.toAsk(), []);
  });

  it('of a source that is gone count until all that had reached the queue by then is here', () => {
    const { clock, marks, mark } = opened();
    mark('a');
    const last = clock.wall();
    clock.advance(6000);
    marks.gone('a');
    marks.gone('stranger');
    const gone = clock.wall();
    assert.equal(marks.stalest(gone - 1), last);
    clock.advance(1000);
    marks.gone('a');
    assert.deepEqual(marks.toAsk(), []);
    assert.equal(marks.stalest(gone), gone);
    assert.equal(marks.stalest(gone - 1), gone - 1);
  });

  it('of a source that nobody can tell anything about are forgotten when RabbitMQ has given up the link, not before', () => {
    const { clock, mark, behind } = opened();
    mark('a');
    clock.advance(FORGOTTEN_MS - 1);
    assert.equal(behind(), FORGOTTEN_MS - 1);
    clock.advance(1);
    assert.equal(behind(), 0);
    assert.ok(FORGOTTEN_MS > 1.25 * 60_000);
  });

  /**
   * Nodes of a cluster, each with a source of marks and a link to our own that passes things on in order, or not for a
   * while. Whatever was published on a node before the time that is claimed must be here.
   */
  it('never let a position claim an event that is held up between two nodes', () => {
    const nodes = ['a', 'b', 'c'] as const;
    const node = fc.constantFrom(...nodes);
    const step = fc.oneof(
      fc.record({ do: fc.constantFrom('event' as const, 'mark' as const, 'bye' as const), node }),
      fc.record({ do: fc.constant('arrive' as const), node }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 2000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), steps => {
        const { clock, marks } = opened();
        const links = new Map(nodes.map(name => [name, new Array<{ kind: string; at: number }>()]));
        // Each has been heard once: a source counts from its first mark on.
        for (const source of nodes) marks.heard({ kind: 'mark', source, at: clock.wall() });
        const left = new Set<string>();
        const waiting = (name: string) => links.get(nodes.find(each => each === name) ?? 'a') ?? [];
        for (const each of steps) {
          if (each.do === 'wait') {
            clock.advance(each.ms);
            continue;
          }
          const link = waiting(each.node);
          if (each.do === 'arrive') {
            const next = link.shift();
            if (next?.kind === 'mark' || next?.kind === 'bye')
              marks.heard({ kind: next.kind, source: each.node, at: next.at });
          } else if (!left.has(each.node)) {
            // A node whose pods have left vouches for nothing any more: nobody publishes there.
            if (each.do === 'bye') left.add(each.node);
            link.push({ kind: each.do, at: clock.wall() });
          }
          const claimed = marks.stalest(clock.wall());
          for (const name of nodes) {
            for (const held of waiting(name))
              if (held.kind === 'event') assert.ok(held.at >= claimed, `${held.at} is before ${claimed}`);
          }
          for (const name of marks.toAsk()) assert.ok(nodes.some(known => known === name));
        }
      }),
      { numRuns: 500 },
    );
  });
});
