import type { StreamPlace } from '../../src/connection/feed.js';
import type { Audience } from '../../src/log/event.js';
import { pickFrom, type Setting, type Step, TOPICS } from './steps.js';
import type { Publication } from './model.js';
import type { Pod } from './pod.js';
import { type Arrival, Stream } from './stream.js';

const CROWD = Array.from({ length: 40 }, (_, i) => `crowd-${i}`);

type Lateness = readonly [boolean, boolean];

/** What is published, and how it comes to the pods: late perhaps, past others, or never because the pod was away. */
export class Broker {
  readonly published: Publication[] = [];
  readonly #setting: Setting;
  readonly #pods: readonly [Pod, Pod];
  /** The clocks differ by more than the overlap. */
  readonly #farApart: boolean;
  readonly #announce: (pod: Pod) => void;
  readonly #stream = new Stream();

  /** `announce`: the pod has lost the feed or has it again, and is about to hear of it. */
  constructor(setting: Setting, pods: readonly [Pod, Pod], farApart: boolean, announce: (pod: Pod) => void) {
    this.#setting = setting;
    this.#pods = pods;
    this.#farApart = farApart;
    this.#announce = announce;
  }

  publish(step: Extract<Step, { kind: 'publish' }>): void {
    const number = this.published.length;
    const before = step.again === null ? undefined : this.published[step.again.of % number];
    const now = this.#pods[0].clock.wall();
    const one: Publication = {
      number,
      id: before?.id ?? `e${number}`,
      content: before !== undefined && step.again?.same === true ? before.content : number,
      audience: before?.audience ?? this.#audience(step),
      at: this.#pods[0].clock.monotonic(),
      size: before?.size ?? step.size,
      expiresAt: step.ttl === null ? Infinity : now + step.ttl,
    };
    this.#send(one, this.#stream.place(step.skips), step.late);
    this.published.push(one);
  }

  /** A message that is no event. Who reads a queue need not know of it. */
  reject(late: Lateness): void {
    this.#send(null, this.#stream.place(0), late);
  }

  #send(one: Publication | null, place: StreamPlace, late: Lateness): void {
    const [first] = this.#pods;
    const message = { one, at: first.clock.monotonic(), before: this.published.length };
    this.#pods.forEach((pod, i) => {
      const isLate = late[i] === true || pod.lost;
      if (pod.reads === 'stream') {
        pod.arriving.push({ ...message, place });
        // A stream is read in order: what comes now brings all that was late.
        if (!isLate) this.deliver(pod);
      } else if (one !== null) {
        if (isLate) pod.arriving.push({ ...message, place: null });
        else pod.take({ ...message, place: null });
      }
    });
  }

  #audience(step: Extract<Step, { kind: 'publish' }>): Audience {
    const tenant = pickFrom(this.#setting.tenants, step.tenant);
    const user = pickFrom(this.#setting.users, step.user);
    const some = { kind: 'some', tenant, users: [], topics: [] } as const;
    switch (step.to) {
      case 'all':
        return { kind: 'all' };
      case 'tenant':
        return { kind: 'tenant', tenant };
      case 'user':
        return { ...some, users: [user] };
      case 'topic':
        return { ...some, topics: step.topics };
      case 'both':
        return { ...some, users: [user], topics: step.topics };
      case 'crowd':
        return { ...some, users: [user, ...CROWD], topics: TOPICS.slice(0, step.user % 3) };
    }
  }

  deliver(pod: Pod): void {
    if (pod.lost) return;
    for (const message of pod.arriving.splice(0)) pod.take(message);
  }

  lose(pod: Pod): void {
    if (pod.lost) return;
    pod.lost = true;
    this.#announce(pod);
    pod.hub.lost('the broker is away');
  }

  attach(pod: Pod, unbroken: boolean): void {
    if (!pod.lost) return;
    pod.lost = false;
    pod.held = false;
    this.#announce(pod);
    const broken = !unbroken && !this.#farApart;
    if (pod.reads === 'queue') {
      if (broken) pod.arriving.length = 0;
      if (broken) pod.begin('gap', this.published.length, null);
      else pod.hub.attached('unbroken', null);
      return;
    }
    // What was trimmed away meanwhile. The last of it may still be known.
    const trimmed: Arrival[] = broken ? pod.arriving.splice(0, Math.ceil(pod.arriving.length / 2)) : [];
    if (trimmed.length === 0 && !pod.isOld) {
      pod.hub.attached('unbroken', null);
      return;
    }
    const last = trimmed.at(-1)?.place ?? null;
    pod.begin(
      'gap',
      pod.arriving[0]?.before ?? this.published.length,
      (last?.offset ?? 0) % 2 === 0 ? last : null,
    );
  }

  /** The stream is deleted and created anew, with the messages that come from now on. */
  createAnew(): void {
    if (this.#farApart) return;
    this.#stream.createAnew();
    for (const pod of this.#pods) {
      if (pod.reads === 'queue') continue;
      this.lose(pod);
      pod.arriving.length = 0;
      pod.isOld = true;
    }
  }
}
