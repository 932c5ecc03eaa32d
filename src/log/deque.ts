import { roomFor } from './room.js';

const SMALLEST = 8;

/**
 * A first-in, first-out list with access by index from the oldest, in a ring that doubles and halves. In a list that is
 * as long as ever, of which one item goes for each that comes, nothing is ever moved: a plain array that is cut at its
 * front grows anew all the time, at 100,000 entries by a megabyte of fresh memory each time.
 */
export class Deque<T> {
  /** Its length is a power of two. */
  #items = roomFor<T>(SMALLEST);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The item at `index`, 0 being the oldest. */
  at(index: number): T | undefined {
    return index < 0 || index >= this.#length ? undefined : this.#items[this.#slot(index)];
  }

  first(): T | undefined {
    return this.#items[this.#head];
  }

  last(): T | undefined {
    return this.at(this.#length - 1);
  }

  push(item: T): void {
    if (this.#length === this.#items.length) this.#resize(this.#length * 2);
    this.#items[this.#slot(this.#length++)] = item;
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = this.#slot(1);
    // At a quarter, so that an item is moved at most once per time that the list halves.
    if (--this.#length * 4 < this.#items.length && this.#items.length > SMALLEST)
      this.#resize(this.#items.length / 2);
    return item;
  }

  #slot(index: number): number {
    return (this.#head + index) & (this.#items.length - 1);
  }

  #resize(length: number): void {
    const items = roomFor<T>(length);
    for (let index = 0; index < this.#length; index++) items[index] = this.#items[this.#slot(index)];
    this.#items = items;
    this.#head = 0;
  }
}
