import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type Entry, frameWithCursor } from '../../src/log/entry.js';
import type { Event } from '../../src/log/event.js';
import type { EventLog } from '../../src/log/log.js';
import { Entitlement } from '../../src/router/entitlement.js';
import {
  START,
  aLog,
  anEvent,
  cursorOf,
  frameOf,
  moment,
  toAll,
  toTenant,
  toTopics,
  toUsers,
} from '../support/events.js';

/** A browser that moves from pod to pod with nothing but the newest cursor that it has handled. */
class Traveller {
  readonly seen = new Set<string>();
  cursor: string;
  #log: EventLog;
  #position: number;
  #reader: Entitlement;
  #overlap: { readonly cursor: string; readonly until: number } | null = null;

  constructor(log: EventLog) {
    this.#log = log;
    this.#position = log.head;
    this.#reader = new Entitlement('acme', '7', log.head);
    this.cursor = log.cursorAt(log.head, log.coveredUntil);
  }

  /** Handles what is due, a few events or all of it. */
  read(events: number, now: number): void {
    for (let left = events; left > 0; left--) {
      const range = { from: this.#position, to: this.#log.head };
      const run = this.#log.read(this.#reader, range, { bytes: 1, looks: 1e6 }, moment(now).monotonic);
      const [entry] = run.entries;
      this.#position = run.upTo;
      if (entry === undefined) {
        this.#ping();
        return;
      }
      this.seen.add(entry.id);
      this.cursor = cursorOf(this.#frame(entry));
    }
  }

  /** Comes back to another pod, or to the same. */
  move(log: EventLog): void {
    const located = log.locate(this.cursor, 'acme');
    if (located.kind !== 'at') assert.fail(`not resumed: ${JSON.stringify(located)}`);
    const { sequence, overlapUntil } = located;
    this.#log = log;
    this.#position = sequence;
    this.#reader = new Entitlement('acme', '7', sequence);
    this.#reader.add('deals.*', sequence);
    this.#overlap = overlapUntil === null ? null : { cursor: this.cursor, until: overlapUntil };
  }

  #frame(entry: Entry): Buffer {
    const overlap = this.#overlap;
    if (overlap === null || entry.sequence > overlap.until) return frameOf(entry);
    return frameWithCursor(entry, overlap.cursor);
  }

  #ping(): void {
    if (this.#overlap !== null && this.#position < this.#overlap.until) return;
    this.cursor = this.#log.cursorAt(this.#position, this.#log.coveredUntil);
  }
}

/** As measured between two queues of one node. */
const PLACES_OFF = 172;

const audienceOf = (i: number) =>
  [toUsers('acme', '7'), toTenant('acme'), toTenant('other'), toTopics('acme', 'deals.1'), toAll][i % 5] ??
  toAll;

const isOwed = (event: Event): boolean => event.audience.kind === 'all' || event.audience.tenant === 'acme';

/** Each pod's own order: nothing is further from its place than publishers' interleaving brings it. */
function interleaved(events: readonly Event[], noise: readonly number[]): Event[] {
  const places = events.map((event, i) => ({
    event,
    place: i + ((noise[i % noise.length] ?? 0) % PLACES_OFF),
  }));
  return places.sort((a, b) => a.place - b.place).map(({ event }) => event);
}

test('a reader that moves between two pods misses nothing, though they have the events in different orders', () => {
  const noise = fc.array(fc.nat(PLACES_OFF), { minLength: 100, maxLength: 100 });
  const stop = fc.record({ after: fc.integer({ min: 1, max: 300 }), reads: fc.nat(150), move: fc.boolean() });
  let replayed = 0;
  fc.assert(
    fc.property(noise, noise, fc.array(stop, { minLength: 5, maxLength: 25 }), (one, two, stops) => {
      const events = Array.from({ length: 2500 }, (_, i) => anEvent(`e${i}`, audienceOf(i)));
      // No overlap in time at all: what it saves is not to hide what the one in positions does.
      const limits = { resumeOverlapMs: 0 };
      const pods = [
        { log: aLog(limits, { firstEpoch: 100 }), events: interleaved(events, one) },
        { log: aLog(limits, { firstEpoch: 200 }), events: interleaved(events, two) },
      ] as const;
      let at = 0;
      const receive = (count: number) => {
        for (const end = Math.min(at + count, events.length); at < end; at++) {
          for (const { log, events } of pods) {
            const event = events[at];
            if (event !== undefined) log.append(event, moment(at));
            // Not the truth: other events of this time are up to 172 places away.
            log.cover(START + at, START + at);
          }
        }
      };
      receive(200);
      const traveller = new Traveller(pods[0].log);
      // On one pod first, so that what it is owed can be said exactly.
      const before = new Set(pods[0].events.slice(0, 200).map(event => event.id));
      let here = 0;
      traveller.move(pods[0].log);
      for (const { after, reads, move } of stops) {
        receive(after);
        if (reads > 0) traveller.read(reads, at);
        if (!move) continue;
        here = 1 - here;
        traveller.move(pods[here === 0 ? 0 : 1].log);
      }
      receive(events.length);
      traveller.read(events.length, at);
      for (const event of events) {
        if (isOwed(event) && !before.has(event.id)) {
          assert.ok(traveller.seen.has(event.id), `${event.id} is missing`);
        }
        if (!isOwed(event)) assert.ok(!traveller.seen.has(event.id));
      }
      for (const id of before) if (traveller.seen.has(id)) replayed++;
    }),
    { numRuns: 40 },
  );
  assert.ok(replayed > 0, 'the overlap was never put to use');
});

test('where one pod’s share of the feed stalls, its cursors stay behind and nothing is lost', () => {
  const stalled = aLog({ resumeOverlapMs: 1000 }, { firstEpoch: 100 });
  const fluent = aLog({ resumeOverlapMs: 1000 }, { firstEpoch: 200 });
  const events = Array.from({ length: 40_000 }, (_, i) => anEvent(`e${i}`, toTenant('acme')));
  const traveller = new Traveller(stalled);
  events.forEach((event, ms) => {
    fluent.append(event, moment(ms));
    fluent.cover(START + ms, START + ms);
    // From 10 s to 20 s every second event reaches this pod only at the end: far more than any overlap.
    const held = ms >= 10_000 && ms < 20_000 && ms % 2 === 0;
    if (!held) stalled.append(event, moment(ms));
    if (ms < 10_000) stalled.cover(START + ms, START + ms);
    if (ms === 19_000) {
      traveller.read(Infinity, ms);
      traveller.move(fluent);
    }
  });
  traveller.read(Infinity, 40_000);
  assert.equal(traveller.seen.size, events.length);
});

test('repeated moves while the overlap is replayed don’t walk backwards', () => {
  const pods = [aLog({}, { firstEpoch: 100 }), aLog({}, { firstEpoch: 200 })] as const;
  for (let ms = 0; ms < 30_000; ms += 10) {
    for (const log of pods) {
      log.append(anEvent(`e${ms}`, toTenant('acme')), moment(ms));
      log.cover(START + ms, START + ms);
    }
  }
  const traveller = new Traveller(pods[0]);
  const begun = pods[1].locate(traveller.cursor, 'acme');
  assert.ok(begun.kind === 'at');
  for (let i = 1; i <= 20; i++) {
    const log = i % 2 === 0 ? pods[0] : pods[1];
    traveller.move(log);
    traveller.read(5, 30_000);
    const located = log.locate(traveller.cursor, 'acme');
    // The cursor presented is still the position: on the pod that it is from, that is exact.
    assert.ok(located.kind === 'at' && located.coveredUntil === begun.coveredUntil);
  }
});
