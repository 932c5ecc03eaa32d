/** From here on a set is worth its memory: looking through a list takes longer than hashing. */
const MANY = 8;
const NO_NAMES: readonly string[] = [];

/**
 * The users or topics that an event names: mostly one, for which a list would take 184 B, since V8 makes room for 17 in
 * the one that it was read into. Kept for each event in the log, 100,000 of them: whatever is an object here, every
 * collection has to mark.
 */
export class Names {
  static readonly #none = new Names(null, NO_NAMES);
  /** Null: it is none, or more than one. */
  readonly #only: string | null;
  readonly #list: readonly string[];
  readonly #set: ReadonlySet<string> | null;

  private constructor(only: string | null, list: readonly string[]) {
    this.#only = only;
    this.#list = list;
    this.#set = list.length < MANY ? null : new Set(list);
  }

  /** `list`: none twice. */
  static of(list: readonly string[]): Names {
    const [first] = list;
    if (first === undefined) return this.#none;
    return list.length === 1 ? new Names(first, NO_NAMES) : new Names(null, list.slice());
  }

  get size(): number {
    return this.#only === null ? this.#list.length : 1;
  }

  at(index: number): string | undefined {
    if (this.#only === null) return this.#list[index];
    return index === 0 ? this.#only : undefined;
  }

  has(name: string): boolean {
    if (this.#only !== null) return this.#only === name;
    if (this.#list.length === 0) return false;
    return this.#set === null ? this.#list.includes(name) : this.#set.has(name);
  }

  [Symbol.iterator](): Iterator<string> {
    return (this.#only === null ? this.#list : [this.#only])[Symbol.iterator]();
  }
}
