import { Deque } from './deque.js';
import type { Entry } from './entry.js';
import type { HeapPlace } from './heap.js';
import type { Names } from './names.js';
import { PatternCache } from './pattern-cache.js';
import { Slabs } from './slabs.js';

/** Measured on Node 20 and 24: a ring with its maps and lists, an entry with its places in ring and id map, and so on. */
const RING_BYTES = 1500;
const ENTRY_BYTES = 300;
const KEY_BYTES = 340;
const NAMES_BYTES = 100;
/** A name's place in a list and in a set, and the head of its string. */
const NAME_BYTES = 56;

/** More keys than this and an event isn't indexed but stored once as wide: 40 events with 250 kB of user ids took 400 MB as keys. */
const WIDE = 32;

/** The audience keys under which entries are found. */
export const TENANT_KEY = '*';
export const userKey = (user: string): string => `u${user}`;
export const topicKey = (topic: string): string => `t${topic}`;
const isTopicKey = (key: string): boolean => key.startsWith('t');
const topicOf = (key: string): string => key.slice(1);

/**
 * What the log holds for one tenant (or, in a ring of its own, for everybody), oldest first, and the index by
 * audience. Each tenant has its own, so that a noisy one shortens only its own history.
 */
export class Ring {
  /** Null: the ring of events for everybody. */
  readonly tenant: string | null;
  readonly slabs = new Slabs();
  readonly entries = new Deque<Entry>();
  /** Entries with more than 32 keys: read by all of the tenant, filtered one by one. */
  readonly wide = new Deque<Entry>();
  /** Entries with topics: what wildcard subscriptions read, filtered one by one. */
  readonly topical = new Deque<Entry>();
  /** Everything up to here may have been dropped before somebody got it. */
  evictedUpTo: number;
  readonly byShare: HeapPlace = { index: -1 };
  readonly byAge: HeapPlace = { index: -1 };

  readonly #keys = new Map<string, Deque<Entry>>();
  readonly #resolved = new PatternCache();
  readonly #ids = new Map<string, Entry>();
  #indexBytes = 0;

  constructor(tenant: string | null, evictedUpTo: number) {
    this.tenant = tenant;
    this.evictedUpTo = evictedUpTo;
  }

  /** Memory held, its indexes counted. */
  get bytes(): number {
    if (this.entries.length === 0) return 0;
    return RING_BYTES + (this.tenant?.length ?? 0) * 2 + this.slabs.held + this.#indexBytes;
  }

  get keyCount(): number {
    return this.#keys.size;
  }

  find(id: string): Entry | undefined {
    return this.#ids.get(id);
  }

  /** The entries under a key, oldest first. */
  under(key: string): Deque<Entry> | undefined {
    return this.#keys.get(key);
  }

  /** How many keys would have to be looked at to resolve these patterns; none for those resolved lately. */
  costOfMatching(patterns: readonly string[]): number {
    return patterns.reduce((sum, pattern) => sum + (this.#resolved.has(pattern) ? 0 : this.#keys.size), 0);
  }

  /** The topic keys that a wildcard pattern matches at the moment. */
  keysMatching(pattern: string, by: { matches(pattern: string, topic: string): boolean }): readonly string[] {
    return this.#resolved.find(pattern, () =>
      [...this.#keys.keys()].filter(key => isTopicKey(key) && by.matches(pattern, topicOf(key))),
    );
  }

  push(entry: Entry): void {
    this.entries.push(entry);
    this.#ids.set(entry.id, entry);
    this.#indexBytes += entryCost(entry);
    if (isWide(entry)) this.wide.push(entry);
    else forEachKey(entry, key => this.#index(key, entry));
    if (hasTopics(entry)) this.topical.push(entry);
  }

  /** Drops the oldest entry. `owed`: whether somebody may still have wanted it. */
  evict(owed: boolean): void {
    const entry = this.entries.shift();
    if (entry === undefined) return;
    if (owed) this.evictedUpTo = entry.sequence;
    this.#ids.delete(entry.id);
    this.#indexBytes -= entryCost(entry);
    if (isWide(entry)) this.wide.shift();
    else forEachKey(entry, key => this.#unindex(key));
    if (hasTopics(entry)) this.topical.shift();
    this.slabs.release(entry.slab);
  }

  #index(key: string, entry: Entry): void {
    let list = this.#keys.get(key);
    if (list === undefined) {
      list = new Deque();
      this.#keys.set(key, list);
      if (isTopicKey(key)) this.#resolved.forget();
      this.#indexBytes += KEY_BYTES + key.length * 2;
    }
    list.push(entry);
  }

  /** The oldest entry of the ring is the oldest under each of its keys. */
  #unindex(key: string): void {
    const list = this.#keys.get(key);
    if (list === undefined) return;
    list.shift();
    if (list.length > 0) return;
    this.#keys.delete(key);
    if (isTopicKey(key)) this.#resolved.forget();
    this.#indexBytes -= KEY_BYTES + key.length * 2;
  }
}

function forEachKey({ audience }: Entry, visit: (key: string) => void): void {
  if (audience.kind !== 'some') {
    visit(TENANT_KEY);
    return;
  }
  for (const user of audience.users) visit(userKey(user));
  for (const topic of audience.topics) visit(topicKey(topic));
}

function isWide(entry: Entry): boolean {
  return entry.audience.kind === 'some' && entry.audience.users.size + entry.audience.topics.size > WIDE;
}

function hasTopics(entry: Entry): boolean {
  return entry.audience.kind === 'some' && entry.audience.topics.size > 0;
}

function entryCost(entry: Entry): number {
  const cost = ENTRY_BYTES + entry.id.length;
  if (entry.audience.kind !== 'some') return cost;
  return cost + namesCost(entry.audience.users) + namesCost(entry.audience.topics);
}

/** Two bytes a character, as a string has from its first one beyond Latin-1 on. */
function namesCost(names: Names): number {
  if (names.size === 0) return 0;
  let cost = NAMES_BYTES;
  for (const name of names) cost += NAME_BYTES + name.length * 2;
  return cost;
}
