import type { Audience } from '../log/event.js';
import { isName, isTopic } from '../router/topic.js';
import type { RejectionReason } from './rejections.js';

/** Who an event in body form is for, or why that can't be said. `fields`: the body's top level. */
export function audienceOfFields(
  fields: Readonly<Record<string, unknown>>,
  maxRecipients: number,
): Audience | RejectionReason {
  const { tenant, user, users, topic, topics, send_to_all: all, send_to_tenant: whole } = fields;
  if (!isFlag(all) || !isFlag(whole)) return 'invalid_flag';
  // Before anything is done per entry: a quarter of a megabyte has room for 60,000 users.
  if (count(user) + count(users) + count(topic) + count(topics) > maxRecipients) return 'too_many_recipients';
  const named = tenant === undefined ? undefined : nameOf(tenant);
  if (named === null) return 'invalid_tenant';
  const toUsers = collect(user, users, nameOf);
  if (toUsers === null) return 'invalid_users';
  const toTopics = collect(topic, topics, topicOf);
  if (toTopics === null) return 'invalid_topics';
  return decide(all === true, whole === true, named, toUsers, toTopics);
}

/**
 * Who an event in header form is for, or why that can't be said.
 * @param to words `user:<id>` and `topic:<topic>` separated by spaces, or `tenant`, or `all`
 * @param tenant the header, `undefined` if there is none
 */
export function audienceOfHeaders(
  to: string,
  tenant: unknown,
  maxRecipients: number,
): Audience | RejectionReason {
  const words = to.split(' ').filter(word => word !== '');
  const all = words.includes('all');
  const whole = words.includes('tenant');
  if (words.length > maxRecipients && !all && !whole) return 'too_many_recipients';
  const named = tenant === undefined ? undefined : intactNameOf(tenant);
  if (named === null) return 'invalid_tenant';
  const users: string[] = [];
  const topics: string[] = [];
  for (const word of words) {
    if (word === 'all' || word === 'tenant') continue;
    if (word.startsWith('user:')) {
      const user = intactNameOf(word.slice('user:'.length));
      if (user === null) return 'invalid_users';
      users.push(user);
    } else if (word.startsWith('topic:')) {
      const topic = topicOf(word.slice('topic:'.length));
      if (topic === null) return 'invalid_topics';
      topics.push(topic);
    } else return 'invalid_to';
  }
  if ((all || whole) && words.length > 1) return 'contradicting_audience';
  return decide(all, whole, named, unique(users), unique(topics));
}

function decide(
  all: boolean,
  whole: boolean,
  tenant: string | undefined,
  users: readonly string[],
  topics: readonly string[],
): Audience | RejectionReason {
  const some = users.length > 0 || topics.length > 0;
  if (all) return whole || some || tenant !== undefined ? 'contradicting_audience' : { kind: 'all' };
  if (whole && some) return 'contradicting_audience';
  if (!whole && !some) return 'no_audience';
  if (tenant === undefined) return 'no_tenant';
  return whole ? { kind: 'tenant', tenant } : { kind: 'some', tenant, users, topics };
}

function isFlag(value: unknown): value is boolean | undefined {
  return value === undefined || typeof value === 'boolean';
}

function count(value: unknown): number {
  if (value === undefined) return 0;
  return Array.isArray(value) ? value.length : 1;
}

/** The entries of the singular and the plural field, none twice; `null` if either is anything but what it should be. */
function collect(
  single: unknown,
  list: unknown,
  read: (value: unknown) => string | null,
): readonly string[] | null {
  const entries: string[] = [];
  if (single !== undefined) {
    const entry = read(single);
    if (entry === null) return null;
    entries.push(entry);
  }
  if (list !== undefined) {
    if (!Array.isArray(list) || list.length === 0) return null;
    for (const value of list) {
      const entry = read(value);
      if (entry === null) return null;
      entries.push(entry);
    }
  }
  return unique(entries);
}

function unique(entries: readonly string[]): readonly string[] {
  return entries.length < 2 ? entries : [...new Set(entries)];
}

/** Publishers keep ids as numbers as often as not; beyond 2^53 the digits are already wrong. */
function nameOf(value: unknown): string | null {
  if (typeof value === 'string') return isName(value) ? value : null;
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : null;
}

/** The AMQP library decodes broken UTF-8 in headers to U+FFFD, which would make one tenant of two. */
function intactNameOf(value: unknown): string | null {
  return typeof value === 'string' && value.includes('\uFFFD') ? null : nameOf(value);
}

function topicOf(value: unknown): string | null {
  return typeof value === 'string' && isTopic(value) ? value : null;
}
