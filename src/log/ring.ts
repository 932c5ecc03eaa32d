import { Deque } from './deque.js';
import type { Entry, EntryAudience } from './entry.js';
import type { Audience } from './event.js';
import type { HeapPlace } from './heap.js';
import { Ids } from './ids.js';
import { Names } from './names.js';
import { PatternCache } from './pattern-cache.js';
import { Slabs } from './slabs.js';

/** Measured on Node 20: a ring with its maps and lists, an entry with its places in ring and id map, and so on. */
const RING_BYTES = 1500;
// Of these 30 are for what only some have: a ttl, and times past 24 days of uptime, are objects of their own.
const ENTRY_BYTES = 260;
/** A name in an index, and its list. */
const KEY_BYTES = 340;
const NAMES_BYTES = 100;
const ONLY_NAME_BYTES = 40;
/** A name's place in a set, the head of its string, and the entry's place in a list, which has room for three more at worst. */
const NAME_BYTES = 72;

/** More users and topics than this and an event isn't indexed but stored once as wide: 40 events with 250 kB of user ids took 400 MB as keys. */
const WIDE = 32;

type Index = Map<string, Deque<Entry>>;

/**
 * What the log holds for one tenant (or, in a ring of its own, for everybody), oldest first, and the index by
 * audience. Each tenant has its own, so that a noisy one shortens only its own history.
 */
export class Ring {
  /** Null: the ring of events for everybody. */
  readonly tenant: string | null;
  readonly slabs = new Slabs();
  readonly entries = new Deque<Entry>();
  /** Entries for the whole tenant, or for everybody. */
  readonly whole = new Deque<Entry>();
  /** Entries for more than 32 users and topics: read by all of the tenant, filtered one by one. */
  readonly wide = new Deque<Entry>();
  /** Entries with topics: what wildcard subscriptions read, filtered one by one. */
  readonly topical = new Deque<Entry>();
  /** Everything up to here may have been dropped before somebody got it. */
  evictedUpTo: number;
  readonly byShare: HeapPlace = { index: -1 };
  readonly byAge: HeapPlace = { index: -1 };

  readonly #users: Index = new Map();
  readonly #topics: Index = new Map();
  readonly #resolved = new PatternCache();
  readonly #ids = new Ids();
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

  /** `hash`: see `Entry`. */
  find(id: string, hash: number): Entry | undefined {
    return this.#ids.find(id, hash);
  }

  /** Oldest first, but for the wide ones. */
  ofUser(user: string): Deque<Entry> | undefined {
    return this.#users.get(user);
  }

  /** Oldest first, but for the wide ones. */
  ofTopic(topic: string): Deque<Entry> | undefined {
    return this.#topics.get(topic);
  }

  /** How many topics would have to be looked at to resolve these patterns; none for those resolved lately. */
  costOfMatching(patterns: readonly string[]): number {
    return patterns.reduce((sum, pattern) => sum + (this.#resolved.has(pattern) ? 0 : this.#topics.size), 0);
  }

  /** The topics that a wildcard pattern matches at the moment. */
  topicsMatching(
    pattern: string,
    by: { matches(pattern: string, topic: string): boolean },
  ): readonly string[] {
    return this.#resolved.find(pattern, () =>
      [...this.#topics.keys()].filter(topic => by.matches(pattern, topic)),
    );
  }

  /**
   * An event's audience as its entry is to keep it. The ring's own string names the tenant: each event brings a copy of
   * it, up to 255 bytes that nobody would count. And the newest entry for the same one topic or user lends its audience:
   * with objects of its own, an entry's is nearly half of what it leaves for collections to copy and to mark.
   */
  audienceOf(audience: Audience): EntryAudience {
    if (audience.kind === 'all') return audience;
    const tenant = this.tenant ?? audience.tenant;
    if (audience.kind === 'tenant') return this.whole.last()?.audience ?? { kind: 'tenant', tenant };
    const { users, topics } = audience;
    if (users.length + topics.length === 1) {
      const [user] = users;
      const [topic] = topics;
      const list = user === undefined ? this.#topics.get(topic ?? '') : this.#users.get(user);
      const last = list?.last()?.audience;
      // It names what its list is of; if that is all, it names the same.
      if (last?.kind === 'some' && last.users.size + last.topics.size === 1) return last;
    }
    return { kind: 'some', tenant, users: Names.of(users), topics: Names.of(topics) };
  }

  push(entry: Entry): void {
    this.entries.push(entry);
    this.#ids.add(entry);
    this.#indexBytes += entryCost(entry);
    const { audience } = entry;
    if (audience.kind !== 'some') {
      this.whole.push(entry);
      return;
    }
    if (isWide(audience)) {
      this.wide.push(entry);
    } else {
      for (const user of audience.users) this.#add(this.#users, user, entry);
      for (const topic of audience.topics) if (this.#add(this.#topics, topic, entry)) this.#resolved.forget();
    }
    if (audience.topics.size > 0) this.topical.push(entry);
  }

  /** Drops the oldest entry. `owed`: whether somebody may still have wanted it. */
  evict(owed: boolean): void {
    const entry = this.entries.shift();
    if (entry === undefined) return;
    if (owed) this.evictedUpTo = entry.sequence;
    this.#ids.delete(entry);
    this.#indexBytes -= entryCost(entry);
    this.slabs.release(entry.slab);
    const { audience } = entry;
    if (audience.kind !== 'some') {
      this.whole.shift();
      return;
    }
    if (isWide(audience)) {
      this.wide.shift();
    } else {
      for (const user of audience.users) this.#drop(this.#users, user);
      for (const topic of audience.topics) if (this.#drop(this.#topics, topic)) this.#resolved.forget();
    }
    if (audience.topics.size > 0) this.topical.shift();
  }

  /** True: it is the first one. */
  #add(index: Index, name: string, entry: Entry): boolean {
    const list = index.get(name);
    if (list !== undefined) {
      list.push(entry);
      return false;
    }
    const first = new Deque<Entry>();
    first.push(entry);
    // A name that was cut out of a header keeps all of it in memory, and a list may outlive its first entry by far.
    index.set(Buffer.from(name).toString(), first);
    this.#indexBytes += KEY_BYTES + name.length * 2;
    return true;
  }

  /** The oldest entry of the ring is the oldest in each list. True: it was the last one. */
  #drop(index: Index, name: string): boolean {
    const list = index.get(name);
    list?.shift();
    if (list === undefined || list.length > 0) return false;
    index.delete(name);
    this.#indexBytes -= KEY_BYTES + name.length * 2;
    return true;
  }
}

function isWide({ users, topics }: { readonly users: Names; readonly topics: Names }): boolean {
  return users.size + topics.size > WIDE;
}

function entryCost(entry: Entry): number {
  const cost = ENTRY_BYTES + entry.id.length;
  if (entry.audience.kind !== 'some') return cost;
  return cost + namesCost(entry.audience.users) + namesCost(entry.audience.topics);
}

/** Two bytes a character, as a string has from its first one beyond Latin-1 on. */
function namesCost(names: Names): number {
  if (names.size === 0) return 0;
  let cost = names.size === 1 ? ONLY_NAME_BYTES : NAMES_BYTES;
  for (const name of names) cost += NAME_BYTES + name.length * 2;
  return cost;
}
