import assert from 'node:assert/strict';
import { type Mark, type Order } from './model.js';

/** Every cursor that anybody was given, and what it was found to say. */
export class Ledger {
  readonly texts: string[] = [];
  readonly #marks = new Map<string, Mark>();

  find(text: string): Mark | null {
    return this.#marks.get(text) ?? null;
  }

  /** Somebody was told that it is complete up to a place in [low, high] of that pod's order. */
  claim(text: string, order: Order, low: number, high: number, base: Mark | null): void {
    assert.ok(low <= high, `the cursor claims at least ${low}, but only up to ${high} all has been sent`);
    const epoch = order.epochs.findLast(({ boundary }) => boundary <= low);
    const known = this.#marks.get(text);
    if (known === undefined) {
      this.#marks.set(text, { order, epoch, head: order.head, low, high, base });
      this.texts.push(text);
      return;
    }
    assert.ok(known.order === order && known.epoch === epoch, 'one cursor for places in two epochs or pods');
    known.low = Math.min(known.low, low);
    known.high = Math.min(known.high, high);
    assert.ok(known.low <= known.high, `one cursor for two places, ${known.low} and ${known.high}`);
  }
}
