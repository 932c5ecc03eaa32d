import type { Judgement, Verdict } from './checker/check.js';
import { type FaultKind } from './checker/findings.js';

/** A row: what was done, and what came of it. */
export interface Row {
  readonly name: string;
  readonly judgements: readonly Judgement[];
}

/** Stands between the faults of a row. */
export const PAIRED = ' + ';

/** Rows of the same name as one. */
export function merge(rows: readonly Row[]): Row[] {
  const merged = new Map<string, Judgement[]>();
  for (const { name, judgements } of rows) {
    const before = merged.get(name);
    if (before === undefined) merged.set(name, [...judgements]);
    else before.push(...judgements);
  }
  return [...merged].map(([name, judgements]) => ({ name, judgements }));
}

/** A row for each fault, with all rows that it has part in. */
export function byFault(rows: readonly Row[]): Row[] {
  return merge(
    rows.flatMap(({ name, judgements }) => name.split(PAIRED).map(fault => ({ name: fault, judgements }))),
  );
}

const COLUMNS = [
  'fault',
  'runs',
  'events',
  'observations',
  'lost',
  'duplicated',
  'misordered',
  'other',
  'resyncs',
  'heal p50',
  'heal max',
  'verdict',
] as const;

const IN_COLUMNS: readonly FaultKind[] = ['lost', 'duplicated', 'misordered'];

/** The table of docs/reliability.md: a row per fault or pair. */
export function toTable(rows: readonly Row[]): string {
  const cells = [[...COLUMNS], COLUMNS.map(() => '---'), ...rows.map(cellsOf)];
  return cells.map(row => `| ${row.join(' | ')} |`).join('\n');
}

function cellsOf({ name, judgements }: Row): string[] {
  const sum = (of: (judgement: Judgement) => number) =>
    String(judgements.reduce((total, judgement) => total + of(judgement), 0));
  const found = (kind: FaultKind) => sum(({ findings }) => findings.filter(one => one.kind === kind).length);
  const most = (of: (judgement: Judgement) => number) =>
    seconds(judgements.reduce((max, judgement) => Math.max(max, of(judgement)), 0));
  return [
    name,
    String(judgements.length),
    sum(({ figures }) => figures.confirmed),
    sum(({ figures }) => figures.observations),
    ...IN_COLUMNS.map(found),
    sum(({ findings }) => findings.filter(one => !IN_COLUMNS.includes(one.kind)).length),
    sum(({ figures }) => figures.resyncs),
    most(({ figures }) => figures.healMs.p50),
    most(({ figures }) => figures.healMs.max),
    verdictOf(judgements),
  ];
}

export function verdictOf(judgements: readonly Judgement[]): Verdict {
  return worst(judgements.map(({ verdict }) => verdict));
}

export function worst(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('invalid')) return 'invalid';
  return verdicts.includes('unknown') || verdicts.length === 0 ? 'unknown' : 'valid';
}

/** What is wrong, a line each, the first few of each kind. */
export function explain({ rig, findings }: Judgement): string[] {
  const lines = rig.map(reason => `  rig: ${reason}`);
  const counts = new Map<FaultKind, number>();
  for (const { kind, line, text } of findings) {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    if (count <= 3) lines.push(`  ${kind} (line ${line}): ${text}`);
  }
  for (const [kind, count] of counts) if (count > 3) lines.push(`  ${kind}: ${count} in all`);
  return lines;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
