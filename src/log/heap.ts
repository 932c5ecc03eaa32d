/** What a heap needs to know where its item sits; the heap owns the number. */
export interface HeapPlace {
  index: number;
}

/**
 * A binary heap whose items may change their rank: `update` after every change of what `before` compares.
 * Each item carries its place for this heap, so that it can be found and removed in O(log n).
 */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #before: (a: T, b: T) => boolean;
  readonly #place: (item: T) => HeapPlace;

  constructor(before: (a: T, b: T) => boolean, place: (item: T) => HeapPlace) {
    this.#before = before;
    this.#place = place;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  add(item: T): void {
    this.#items.push(item);
    this.#place(item).index = this.#items.length - 1;
    this.#up(this.#items.length - 1);
  }

  update(item: T): void {
    const index = this.#place(item).index;
    this.#down(this.#up(index));
  }

  remove(item: T): void {
    const index = this.#place(item).index;
    const last = this.#items.pop();
    this.#place(item).index = -1;
    if (last === undefined || last === item) return;
    this.#put(last, index);
    this.#down(this.#up(index));
  }

  #put(item: T, index: number): void {
    this.#items[index] = item;
    this.#place(item).index = index;
  }

  #up(start: number): number {
    let index = start;
    const item = this.#items[index];
    if (item === undefined) return index;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#items[parentIndex];
      if (parent === undefined || !this.#before(item, parent)) break;
      this.#put(parent, index);
      index = parentIndex;
    }
    this.#put(item, index);
    return index;
  }

  #down(start: number): void {
    let index = start;
    const item = this.#items[index];
    if (item === undefined) return;
    for (;;) {
      const leftIndex = index * 2 + 1;
      const left = this.#items[leftIndex];
      if (left === undefined) break;
      const right = this.#items[leftIndex + 1];
      const takeRight = right !== undefined && this.#before(right, left);
      const child = takeRight ? right : left;
      if (!this.#before(child, item)) break;
      this.#put(child, index);
      index = takeRight ? leftIndex + 1 : leftIndex;
    }
    this.#put(item, index);
  }
}
