import type { Audience } from '../../src/log/event.js';
import { pickFrom, type Setting, type Step, TOPICS } from './steps.js';
import type { Publication } from './model.js';
import type { Pod } from './pod.js';

const CROWD = Array.from({ length: 40 }, (_, i) => `crowd-${i}`);

/** What is published, and how it comes to the pods: late perhaps, past others, or never because the pod was away. */
export class Broker {
  readonly #setting: Setting;
  readonly #pods: readonly [Pod, Pod];
  /** The clocks differ by more than the overlap. */
  readonly #farApart: boolean;
  readonly #announce: (pod: Pod) => void;
  readonly #published: Publication[] = [];

  /** `announce`: the pod has lost the feed or has it again, and is about to hear of it. */
  constructor(setting: Setting, pods: readonly [Pod, Pod], farApart: boolean, announce: (pod: Pod) => void) {
    this.#setting = setting;
    this.#pods = pods;
    this.#farApart = farApart;
    this.#announce = announce;
  }

  publish(step: Extract<Step, { kind: 'publish' }>): void {
    const number = this.#published.length;
    const before = step.again === null ? undefined : this.#published[step.again.of % number];
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
    this.#published.push(one);
    this.#pods.forEach((pod, i) => {
      if (step.late[i] === true || pod.lost) pod.arriving.push(one);
      else pod.take(one);
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
    for (const one of pod.arriving.splice(0)) pod.take(one);
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
    if (unbroken || this.#farApart) pod.hub.attached('unbroken');
    else pod.begin('gap', this.#published.length);
  }
}
