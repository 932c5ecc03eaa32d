import assert from 'node:assert/strict';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { CursorCodec } from '../../src/log/cursor.js';
import { Broker } from './broker.js';
import { type Checks, Client, type Message, type Token } from './client.js';
import { Ledger } from './ledger.js';
import type { Who } from './model.js';
import { assertRoutes, OVERLAP_MS, Pod, START } from './pod.js';
import { pickFrom, type Setting, type Step } from './steps.js';

const TOKEN_MS = { good: 3_600_000, slow: 3_600_000, short: 1500, bad: 3_600_000, other: 3_600_000 };
/** After so long nobody waits for the pod to come as far as its cursor, a look or two later. */
const PARKED_MS = 2100;
/** As long as those of a tenant pause at most. */
const PAUSE_MS = 250;
const foreign = new CursorCodec(['a key of somebody else altogether']);

/** Two pods on one broker, their clients, and the model of it all. */
export class World {
  readonly clients: Client[] = [];
  readonly #setting: Setting;
  readonly #pods: readonly [Pod, Pod];
  readonly #ledger = new Ledger();
  readonly #checks: Checks = new Map();
  readonly #broker: Broker;
  #refs = 0;

  constructor(setting: Setting) {
    const { limits, skewMs, feeds } = setting;
    this.#setting = setting;
    // With the whole history there, even clocks further apart than the overlap do no harm.
    // Else they have to differ by less: a millisecond is long here.
    const most = OVERLAP_MS - 1;
    const skew = limits === 'roomy' ? skewMs : Math.max(-most, Math.min(most, skewMs));
    this.#pods = [
      new Pod(feeds[0], setting, { own: 0, spread: skew }, 1000, this.#checks),
      new Pod(feeds[1], setting, { own: skew, spread: skew }, 2000, this.#checks),
    ];
    this.#broker = new Broker(setting, this.#pods, Math.abs(skew) >= OVERLAP_MS, pod => this.#announce(pod));
    for (const pod of this.#pods) {
      pod.begin('first', 0, null);
      // Only from here on can a pod vouch for positions of the other.
      pod.clock.advance(2 * OVERLAP_MS + Math.abs(setting.skewMs));
      pod.cover();
    }
  }

  async take(step: Step): Promise<void> {
    // A drain reaches them one by one: what a check that ends in between would do can't be known from outside.
    if (step.kind === 'drain') await this.#answerAll(this.#pods[step.pod]);
    this.#perform(step);
    // A checked token and the end of a drain are a promise's turn away.
    const waits = 'token' in step || step.kind === 'answer' || step.kind === 'resume';
    if (waits || this.#pods.some(({ draining }) => draining)) await turnOfTheLoop();
    for (const client of this.clients) client.letIn();
    this.#obey();
  }

  /** Everybody takes all there is, then leaves; nothing stays behind. */
  async finish(): Promise<void> {
    for (const pod of this.#pods) {
      if (pod.lost) this.#broker.attach(pod, true);
      this.#broker.deliver(pod);
    }
    for (const pod of this.#pods) await this.#answerAll(pod);
    for (const pod of this.#pods) pod.clock.advance(PARKED_MS);
    for (const client of this.clients) client.letIn();
    for (const client of this.clients) this.#unblock(client);
    for (const pod of this.#pods) this.#settle(pod);
    for (const client of this.clients) this.#cut(client);
    for (const pod of this.#pods) {
      this.#settle(pod);
      const left = JSON.stringify(pod.hub.size).match(/"\w+":[1-9]/g);
      assert.equal(left, null, `something stays behind: ${left?.join()}`);
      pod.clock.advance(1000);
      assert.equal(pod.held, false, 'nobody waits, so the feed goes on');
      pod.hub.stop();
      pod.clock.advance(10_000);
      assert.deepEqual(pod.clock.pending(), [], 'no timer is left');
    }
  }

  #perform(step: Step): void {
    switch (step.kind) {
      case 'connect': {
        const { tenants, users } = this.#setting;
        const tenant = pickFrom(tenants, step.tenant);
        const user = pickFrom(users, step.user);
        const cursor = this.#cursor(step.cursor);
        const client = this.#open(this.#pods[step.pod]);
        client.send({
          ...this.#token(client, { tenant, user, grants: step.grants }, step.token),
          subscribe: step.subscribe,
          ...cursor,
        });
        return;
      }
      case 'resume':
        this.#resume(this.#some(step.who), step);
        return;
      case 'request': {
        const { subscribe, unsubscribe, ping } = step;
        this.#some(step.who)?.send({ subscribe, unsubscribe, ping, ref: ++this.#refs });
        return;
      }
      case 'refresh': {
        const client = this.#some(step.who);
        const person = client?.person;
        if (client === undefined || person === undefined || person === null) return;
        const { tenants } = this.#setting;
        const tenant = step.token === 'other' ? tenants.find(name => name !== person.tenant) : person.tenant;
        const who = { tenant: tenant ?? '', user: person.user, grants: step.grants };
        client.send({ ...this.#token(client, who, step.token), subscribe: step.subscribe });
        return;
      }
      case 'answer':
        this.#some(step.who)?.answer(this.#checks);
        return;
      case 'publish':
        this.#broker.publish(step);
        return;
      case 'reject':
        this.#broker.reject(step.late);
        return;
      case 'recreate':
        this.#broker.createAnew();
        return;
      case 'block':
      case 'release':
      case 'unblock':
      case 'cut':
        this.#trouble(step.kind, this.#some(step.who));
        return;
      case 'deliver':
        this.#broker.deliver(this.#pods[step.pod]);
        return;
      case 'cover':
        this.#pods[step.pod].cover();
        return;
      case 'lose':
        this.#broker.lose(this.#pods[step.pod]);
        return;
      case 'attach':
        this.#broker.attach(this.#pods[step.pod], step.unbroken);
        return;
      case 'settle':
        this.#settle(this.#pods[step.pod]);
        return;
      case 'run':
        this.#pods[step.pod].run();
        return;
      case 'advance':
        for (const pod of this.#pods) pod.clock.advance(step.ms);
        if (step.covers) for (const pod of this.#pods) pod.cover();
        return;
      case 'blink':
        this.#broker.lose(this.#pods[step.pod]);
        this.#broker.attach(this.#pods[step.pod], step.unbroken);
        return;
      case 'drain':
        this.#drain(this.#pods[step.pod], step.ms);
    }
  }

  // ---- clients

  /** One of those that are still there. */
  #some(pick: number): Client | undefined {
    const there = this.clients.filter(client => !client.isOver);
    return there[pick % there.length];
  }

  #open(pod: Pod): Client {
    const client = new Client(this.clients.length, pod, pod.hub, this.#ledger, this.#broker.published);
    this.clients.push(client);
    return client;
  }

  #token(client: Client, who: Who, kind: keyof typeof TOKEN_MS): Message {
    const expiresAt = client.pod.clock.wall() + TOKEN_MS[kind];
    const token: Token = {
      identity: { ...who, expiresAt },
      bad: kind === 'bad',
      slow: kind === 'slow' ? client.number : null,
    };
    return { access_token: JSON.stringify(token), ref: ++this.#refs };
  }

  #cursor(wish: Extract<Step, { kind: 'connect' }>['cursor']): { cursor?: string } {
    switch (wish.kind) {
      case 'none':
        return {};
      case 'garbled':
        return { cursor: (this.#ledger.texts.at(-1) ?? '').slice(1) };
      case 'foreign':
        return { cursor: foreign.seal({ kind: 'pod', epoch: 1000, sequence: 1, coveredUntil: START }) };
      case 'any': {
        const { texts } = this.#ledger;
        const cursor = texts[wish.of % texts.length];
        return cursor === undefined ? {} : { cursor };
      }
    }
  }

  /** The same person comes again, with a cursor that it had, here or on the other pod. */
  #resume(before: Client | undefined, { moves, back }: Extract<Step, { kind: 'resume' }>): void {
    const identity = before?.identity;
    const person = before?.person;
    if (before === undefined || identity === undefined || identity === null || !person) return;
    this.#cut(before);
    const pod = this.#pods.find(pod => (pod === before.pod) !== moves) ?? this.#pods[0];
    const cursor = before.judge.cursors.at(-1 - back);
    const client = this.#open(pod);
    client.send({
      ...this.#token(client, { ...identity, grants: person.grants }, 'good'),
      subscribe: [...person.subscriptions.keys()],
      ...(cursor === undefined ? {} : { cursor }),
    });
  }

  #trouble(kind: 'block' | 'release' | 'unblock' | 'cut', client: Client | undefined): void {
    if (client === undefined) return;
    if (kind === 'block') client.wire.blocked = true;
    else if (kind === 'release') this.#arrive(client);
    else if (kind === 'unblock') this.#unblock(client);
    else this.#cut(client);
  }

  #arrive({ wire, connection, gone }: Client): void {
    if (gone || !wire.isWriting) return;
    wire.arrive();
    connection.flushed();
  }

  #unblock(client: Client): void {
    client.wire.blocked = false;
    this.#arrive(client);
  }

  #cut(client: Client): void {
    if (client.gone) return;
    client.gone = true;
    client.connection.closed();
    this.#checks.delete(client.number);
  }

  /** What was asked of the wires happens: pongs, goodbyes. */
  #obey(): void {
    for (const client of this.clients) {
      if (client.judge.fault !== null) throw client.judge.fault;
    }
    for (const pod of this.#pods) assert.deepEqual(pod.failures, [], 'no bug of ours shows');
    for (const client of this.clients) {
      if (client.gone) continue;
      const { wire, connection } = client;
      if (wire.probed && !wire.blocked) {
        wire.probed = false;
        connection.alive();
      }
      if (wire.ending !== null)
        assert.ok(
          client.mayEndWith(wire.ending.code),
          `ended with ${wire.ending.code} ${wire.ending.reason}`,
        );
      if (wire.terminated || wire.ending !== null) this.#cut(client);
    }
  }

  // ---- pods

  async #answerAll(pod: Pod): Promise<void> {
    const asking = () => this.clients.filter(client => client.pod === pod && client.isChecking);
    for (let clients = asking(); clients.length > 0; clients = asking()) {
      for (const client of clients) client.answer(this.#checks);
      await turnOfTheLoop();
    }
  }

  #announce(pod: Pod): void {
    const what = { event: 'stale', stale: pod.lost };
    for (const client of this.clients) {
      const { judge } = client;
      if (client.pod !== pod || client.isOver || judge.banned || judge.entry === null) continue;
      judge.placed.push({ head: pod.order.head, what });
    }
  }

  #drain(pod: Pod, ms: number): void {
    if (pod.draining) return;
    pod.draining = true;
    for (const client of this.clients) if (client.pod === pod) client.leaving = true;
    void pod.hub.drain(ms);
  }

  #pass(ms: number): void {
    for (const one of this.#pods) one.clock.advance(ms);
    for (const client of this.clients) client.letIn();
  }

  #settle(pod: Pod): void {
    if (this.#setting.lingerMs > 0) this.#pass(this.#setting.lingerMs);
    for (let i = 0; pod.isSending; i++) {
      assert.ok(i < 1000, 'there is no end to what is to be sent');
      // A tenant that is flooded pauses between rounds.
      if (pod.tasks.length === 0) this.#pass(PAUSE_MS);
      pod.run();
    }
    this.#obey();
    const there = this.clients.filter(client => client.pod === pod && !client.gone);
    for (const client of there) client.settled();
    // Who is going, or can't be told to, may be in there or not.
    if (there.every(client => !client.leaving && !client.wire.isWriting)) assertRoutes(pod, there);
  }
}
