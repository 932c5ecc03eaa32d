import { combinations, meansTopic } from '../support/topics.js';
import type { Person, Since } from './model.js';

const SAMPLES = combinations(['a', 'b', '7', '__proto__', 'zz'], 3);
const allowed = new Map<string, boolean>();
/** Whether a grant takes in all of a pattern, as far as the topics of these segments show. */
function allows(grant: string, pattern: string): boolean {
  const key = `${grant} ${pattern}`;
  const found =
    allowed.get(key) ?? SAMPLES.every(topic => !meansTopic(pattern, topic) || meansTopic(grant, topic));
  allowed.set(key, found);
  return found;
}

const isGranted = (grants: readonly string[], pattern: string): boolean =>
  grants.some(grant => allows(grant, pattern));

/** What a person asks for counts from there on, as far as it may; `most`: subscriptions at a time. */
export function subscribe(person: Person, patterns: readonly string[], since: Since, most: number) {
  const { subscriptions, grants } = person;
  const subscribed: string[] = [];
  const denied: { topic: string; code: string }[] = [];
  let asked = 0;
  for (const topic of patterns) {
    if (subscriptions.has(topic)) subscribed.push(topic);
    else if (asked++ >= most) denied.push({ topic, code: 'limit' });
    else if (topic.split('.').includes('')) denied.push({ topic, code: 'invalid' });
    else if (!isGranted(grants, topic)) denied.push({ topic, code: 'not_granted' });
    else if (subscriptions.size >= most) denied.push({ topic, code: 'limit' });
    else {
      subscribed.push(topic);
      subscriptions.set(topic, since);
    }
  }
  return { subscribed, denied };
}

/** A person's new grants. The subscriptions that end with that. */
export function adopt(person: Person, grants: readonly string[]): string[] {
  person.grants = grants;
  const lost = [...person.subscriptions.keys()].filter(topic => !isGranted(grants, topic));
  for (const topic of lost) person.subscriptions.delete(topic);
  return lost;
}
