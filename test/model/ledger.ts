import assert from 'node:assert/strict';
import { type Mark, type Order } from './model.js';

/** Every cursor that anybody was given, and what it was found to say. */
export class Ledger {
  readonly texts: string[] = [];
  /** Of a stream, the cursors of different pods are the same. */
  readonly #marks = new Map<string, Mark[]>();

  /** What it says on that pod if it was ever given there; else what it says where it was given. */
  find(text: string, order: Order): Mark | null {
    const marks = this.#marks.get(text);
    return marks?.find(mark => mark.order === order) ?? marks?.[0] ?? null;
  }

  /** Somebody was told that it is complete up to a place in [low, high] of that pod's order. */
  claim(text: string, order: Order, low: number, high: number, base: Mark | null): void {
    assert.ok(low <= high, `the cursor claims at least ${low}, but only up to ${high} all has been sent`);
    const epoch = order.epochs.findLast(({ boundary }) => boundary <= low);
    const marks = this.#marks.get(text) ?? [];
    const known = marks.find(mark => mark.order === order);
    if (known === undefined) {
      if (marks.length === 0) this.texts.push(text);
      marks.push({ order, epoch, head: order.head, low, high, base });
      this.#marks.set(text, marks);
      return;
    }
    assert.ok(known.epoch === epoch, 'one cursor for places in two epochs');
    known.low = Math.min(known.low, low);
    known.high = Math.min(known.high, high);
    assert.ok(known.low <= known.high, `one cursor for two places, ${known.low} and ${known.high}`);
  }
}
