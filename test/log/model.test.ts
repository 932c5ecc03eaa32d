import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Event } from '../../src/log/event.js';
import type { EventLog, LogLimits, Moment } from '../../src/log/log.js';
import { Entitlement } from '../../src/router/entitlement.js';
import { START, aLog, cursorOf, frameOf, textOf } from '../support/events.js';
import { contentOf, Model, type Person, type Told } from './model.js';
import { step, type Step } from './model-steps.js';

/**
 * The log and the entitlement against a list and filters. Cases: WARREN_CASES, 2,000 without. A failure prints its
 * seed and path; given to `fc.assert` they run that case again.
 */
const CASES = Number(process.env['WARREN_CASES'] ?? 2000);

const LIMITS: Readonly<Record<string, Partial<LogLimits>>> = {
  roomy: {},
  'few events': { maxEvents: 8 },
  'few bytes': { maxBytes: 20_000 },
  'short age': { maxAgeMs: 25 },
};

/** The log and the model, side by side. */
class Run {
  readonly #model = new Model();
  readonly #log: EventLog;
  readonly #limits: Partial<LogLimits>;
  readonly #readers: { person: Person; entitlement: Entitlement; position: number }[] = [];
  #now = 1;

  constructor(limits: Partial<LogLimits>) {
    this.#limits = limits;
    this.#log = aLog(limits);
    for (const tenant of ['a', '__proto__', '7']) this.#join(tenant, '7');
  }

  take(step: Step): void {
    switch (step.kind) {
      case 'append':
        this.#append({ ...step.event, expiresAt: step.ttl === null ? null : START + this.#now + step.ttl });
        return;
      case 'wait':
        this.#now += step.ms;
        this.#log.tick(this.#moment());
        return;
      case 'epoch':
        this.#log.beginEpoch(this.#moment());
        return;
      case 'join':
        this.#join(step.tenant, step.user);
        return;
      case 'subscribe':
      case 'unsubscribe':
        this.#subscribe(step.who, step.pattern, step.kind === 'subscribe');
        return;
      case 'read':
        this.#read(step.who, step);
    }
  }

  /** Everybody reads to the end. */
  finish(): void {
    for (let who = 0; who < this.#readers.length; who++) {
      for (let i = 0; (this.#readers[who]?.position ?? 0) < this.#log.head; i++) {
        assert.ok(i < 1000, 'no end to it');
        this.#read(who, { bytes: 5000, looks: 100, to: 1e6 });
      }
    }
  }

  #moment(): Moment {
    return { wall: START + this.#now, monotonic: this.#now };
  }

  #join(tenant: string, user: string): void {
    const since = this.#log.head;
    this.#readers.push({
      person: { tenant, user, since, subscriptions: new Map() },
      entitlement: new Entitlement(tenant, user, since),
      position: since,
    });
  }

  #subscribe(who: number, pattern: string, begins: boolean): void {
    const reader = this.#readers[who % this.#readers.length];
    assert.ok(reader !== undefined);
    const { subscriptions } = reader.person;
    if (!begins) {
      assert.equal(reader.entitlement.remove(pattern), subscriptions.delete(pattern));
      return;
    }
    reader.entitlement.add(pattern, this.#log.head);
    if (!subscriptions.has(pattern)) subscriptions.set(pattern, this.#log.head);
  }

  #append(event: Event): void {
    const known = this.#model.find(event);
    const outcome = this.#log.append(event, this.#moment());
    if (event.expiresAt !== null && event.expiresAt <= START + this.#now) {
      assert.equal(outcome, 'expired');
      return;
    }
    if (outcome === 'appended') {
      const expiresAt = event.expiresAt === null ? Infinity : event.expiresAt - START;
      this.#model.told.push({ sequence: this.#log.head, event, expiresAt });
      const gone = known === undefined || this.#isEvicted(known);
      assert.ok(gone, `${event.id} was taken although it is in the log`);
    } else {
      assert.ok(known !== undefined, `${event.id} was refused although it is new`);
      assert.equal(outcome, contentOf(known.event) === contentOf(event) ? 'duplicate' : 'conflict');
    }
    const { bytes, events } = this.#log.size;
    assert.ok(bytes <= (this.#limits.maxBytes ?? Infinity) && events <= (this.#limits.maxEvents ?? Infinity));
  }

  #isEvicted({ sequence, event, expiresAt }: Told): boolean {
    const tenant = event.audience.kind === 'all' ? 'nobody' : event.audience.tenant;
    return sequence <= this.#log.evictedUpTo(tenant) || expiresAt <= this.#now;
  }

  #read(who: number, { bytes, looks, to }: { bytes: number; looks: number; to: number }): void {
    const reader = this.#readers[who % this.#readers.length];
    assert.ok(reader !== undefined);
    const { person, entitlement, position } = reader;
    const evicted = this.#log.evictedUpTo(person.tenant);
    const boundary = this.#log.boundaryAfter(position);
    if (Object.keys(this.#limits).length === 0) assert.equal(evicted, 0);
    if (position < evicted || position === boundary - 1) {
      // It would be told to fetch its state.
      reader.position = position < evicted ? this.#log.head : this.#log.boundary;
      return;
    }
    const range = { from: position, to: Math.min(position + to, this.#log.head, boundary - 1) };
    const run = this.#log.read(entitlement, range, { bytes, looks }, this.#moment().monotonic);
    assert.ok(run.upTo > position || range.to === position, 'no progress');
    assert.ok(run.upTo <= range.to);
    const due = this.#model.due(person, position, run.upTo, this.#now);
    assert.deepEqual(
      run.entries.map(entry => entry.sequence),
      due.map(({ sequence }) => sequence),
    );
    run.entries.forEach((entry, i) => {
      const event = due[i]?.event;
      assert.ok(event !== undefined);
      const frame = frameOf(entry);
      assert.ok(textOf(frame).endsWith(`,"data":${Buffer.from(event.data).toString()}}`));
      assert.equal(entry.id, event.id);
      if (entry.sequence < this.#log.boundary) return;
      const located = this.#log.locate(cursorOf(frame), person.tenant);
      assert.ok(located.kind === 'at' && located.sequence === entry.sequence);
    });
    reader.position = run.upTo;
  }
}

test('whatever happens, a reader gets exactly what the model says, in order and once, or is told that it fell off', () => {
  const limits = fc.constantFrom(...Object.keys(LIMITS));
  fc.assert(
    fc.property(limits, fc.array(step, { maxLength: 80, size: 'max' }), (name, steps) => {
      const run = new Run(LIMITS[name] ?? {});
      for (const step of steps) run.take(step);
      run.finish();
    }),
    { numRuns: CASES },
  );
});
