import { parseArgs } from 'node:util';
import type { BrokerKind } from './broker.js';
import type { Fault, Feed } from './faults/fault.js';
import { faultsOf } from './faults/index.js';
import { seeded } from './random.js';

export const USAGE = `npm run chaos -- [options]
  --feed queue|stream   (queue)
  --faults a,b          some of them; without it all, each alone
  --pairs N|all         instead: so many pairs of them at the same time, drawn by the seed
  --part K/N            only the Kth of N equal parts of these rows, to share them out
  --seed N              (by chance)
  --minutes N           of faults, each row (0.5)
  --runs N              of each row, with the seeds N, N + 1, … (1)
  --clients N           (200; 2,000 for --jitter and --deploy)
  --pods N              (3)
  --rate N              events a second (60; 20 for --jitter and --deploy)
  --jitter              the jitter profile, and beside it the same with clients that present no cursor
  --deploy              a rolling deploy of all pods
  --soak MINUTES        faults drawn at random for so long, and what the pods keep (npm run soak -- MINUTES)
  --mutants             the checker against services with known bugs
  --check FILE          only judges a history that was kept
  --merge FILES         one table of what several runs wrote with --json, names separated by commas
  --json FILE           figures and findings
  --list                the faults`;

export type Task =
  | { readonly kind: 'rows'; readonly rows: readonly (readonly Fault[])[] }
  | { readonly kind: 'jitter' }
  | { readonly kind: 'deploy' }
  | { readonly kind: 'soak'; readonly faults: readonly Fault[]; readonly minutes: number }
  | { readonly kind: 'mutants' }
  | { readonly kind: 'check'; readonly file: string }
  | { readonly kind: 'merge'; readonly files: readonly string[] }
  | { readonly kind: 'list' };

export interface Arguments {
  readonly task: Task;
  readonly feed: Feed;
  readonly seed: number;
  readonly runs: number;
  /** Of faults, each row. */
  readonly forMs: number;
  readonly clients: number;
  readonly pods: number;
  readonly eventsPerSecond: number;
  readonly json: string | null;
}

const MODEST = { clients: '200', rate: '60' };
const MANY = { clients: '2000', rate: '20' };

/** Throws with a sentence for the reader if they are wrong. */
export function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      feed: { type: 'string', default: 'queue' },
      faults: { type: 'string' },
      pairs: { type: 'string' },
      part: { type: 'string', default: '1/1' },
      seed: { type: 'string' },
      minutes: { type: 'string', default: '0.5' },
      runs: { type: 'string', default: '1' },
      clients: { type: 'string' },
      pods: { type: 'string', default: '3' },
      rate: { type: 'string' },
      jitter: { type: 'boolean', default: false },
      deploy: { type: 'boolean', default: false },
      soak: { type: 'string' },
      mutants: { type: 'boolean', default: false },
      check: { type: 'string' },
      merge: { type: 'string' },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
    },
  });
  const feed = feedOf(values.feed);
  const seed =
    values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : whole('seed', values.seed, 0);
  const usual = values.jitter || values.deploy ? MANY : MODEST;

  function taskOf(): Task {
    if (values.list) return { kind: 'list' };
    if (values.check !== undefined) return { kind: 'check', file: values.check };
    if (values.merge !== undefined) return { kind: 'merge', files: values.merge.split(',') };
    if (values.mutants) return { kind: 'mutants' };
    if (values.jitter) return { kind: 'jitter' };
    if (values.deploy) return { kind: 'deploy' };
    const faults = values.faults?.split(',').map(name => faultOf(name, feed)) ?? faultsOf(feed);
    if (values.soak !== undefined) {
      return {
        kind: 'soak',
        faults: faults.filter(({ needs }) => needs === null || needs === 'one node'),
        minutes: positive('soak', values.soak),
      };
    }
    const rows =
      values.pairs === undefined ? faults.map(fault => [fault]) : pairs(faults, values.pairs, seed);
    return { kind: 'rows', rows: partOf(byBroker(rows), values.part) };
  }

  return {
    task: taskOf(),
    feed,
    seed,
    runs: whole('runs', values.runs, 1),
    forMs: positive('minutes', values.minutes) * 60_000,
    clients: whole('clients', values.clients ?? usual.clients, 1),
    pods: whole('pods', values.pods, 1),
    eventsPerSecond: whole('rate', values.rate ?? usual.rate, 1),
    json: values.json ?? null,
  };
}

/** Which broker faults are done to. */
export function brokerFor(faults: readonly Fault[]): BrokerKind {
  return faults.find(({ needs }) => needs !== null)?.needs ?? 'one node';
}

/** Those that can happen at the same time: two of the same part would come one after the other. */
export function pairsOf(faults: readonly Fault[]): Fault[][] {
  return faults.flatMap((first, index) =>
    faults
      .slice(index + 1)
      .filter(second => second.part !== first.part)
      .map(second => [first, second]),
  );
}

function pairs(faults: readonly Fault[], count: string, seed: number): Fault[][] {
  const all = pairsOf(faults);
  return count === 'all'
    ? all
    : seeded(seed)
        .fork('pairs')
        .some(all, whole('pairs', count, 1));
}

/** Rows with the same broker together, or each would start one anew. */
function byBroker(rows: readonly (readonly Fault[])[]): (readonly Fault[])[] {
  const kinds: readonly BrokerKind[] = ['one node', 'two nodes', 'three nodes'];
  return kinds.flatMap(kind => rows.filter(faults => brokerFor(faults) === kind));
}

/** `part`: K/N. The parts of one list differ in length by one at most, and together they are the list. */
export function partOf<T>(rows: readonly T[], part: string): readonly T[] {
  const [, k, n] = (/^(\d+)\/(\d+)$/.exec(part) ?? []).map(Number);
  if (k === undefined || n === undefined || k < 1 || k > n)
    throw new Error(`--part is ${part}; it must be K/N with K from 1 to N.`);
  const edge = (parts: number) => Math.round((rows.length * parts) / n);
  return rows.slice(edge(k - 1), edge(k));
}

function feedOf(text: string): Feed {
  if (text === 'queue' || text === 'stream') return text;
  throw new Error(`--feed is ${text}; it must be queue or stream.`);
}

function faultOf(name: string, feed: Feed): Fault {
  const fault = faultsOf(feed).find(one => one.name === name);
  if (fault !== undefined) return fault;
  throw new Error(
    `There is no fault ${name} with --feed ${feed}. There are: ${faultsOf(feed)
      .map(one => one.name)
      .join(', ')}.`,
  );
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new Error(`--${name} is ${text}; it must be a number above 0.`);
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`--${name} is ${text}; it must be a whole number from ${least} on.`);
}
