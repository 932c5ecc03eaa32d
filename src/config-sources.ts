import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Setting, Slice } from './setting.js';

/** All settings: by group, then by key, as in the configuration files. */
export type Groups = Readonly<Record<string, Slice>>;

/** What was given and where, before anything is checked against the formats. */
export interface Sources {
  /** The known variables that are set, `<NAME>_FILE` resolved. */
  readonly env: Record<string, string>;
  /** What the files say, later ones first in rank; known keys only. */
  readonly layers: readonly Record<string, Record<string, unknown>>[];
  /** How to call the place that a value comes from; settings left at their defaults are missing. */
  readonly places: ReadonlyMap<Setting<unknown>, string>;
  /** Settings that have no value because reading one failed. */
  readonly broken: ReadonlySet<Setting<unknown>>;
  readonly faults: readonly string[];
}

export type FileText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'fault'; readonly why: string };

/** Reads the files of a folder (`null`: none) and the environment, which outranks them. */
export function readSources(
  groups: Groups,
  env: NodeJS.ProcessEnv,
  folder: string | null,
  environment: string,
): Sources {
  const faults: string[] = [];
  const places = new Map<Setting<unknown>, string>();
  const layers: Record<string, Record<string, unknown>>[] = [];
  for (const file of folder === null ? [] : ['default.json', `${environment}.json`, 'local.json']) {
    const name = `${basename(folder ?? '')}/${file}`;
    const content = readJson(join(folder ?? '', file));
    if (content.kind === 'fault') faults.push(`${name}: ${content.why}`);
    else if (content.kind === 'json') layers.push(pickKnown(groups, content.value, name, places, faults));
  }
  const variables = readEnvironment(groups, env, places, faults);
  return { ...variables, layers, places, faults };
}

/** A whole text file. The reason names no path: it may be a secret put into the wrong variable. */
export function readText(path: string): FileText {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    return { kind: 'fault', why: `the file can't be read (${code})` };
  }
  if (!isUtf8(bytes)) return { kind: 'fault', why: 'the file is no UTF-8 text' };
  const text = bytes.toString('utf8');
  return text.trim() === '' ? { kind: 'fault', why: 'the file is empty' } : { kind: 'text', text };
}

function readEnvironment(
  groups: Groups,
  env: NodeJS.ProcessEnv,
  places: Map<Setting<unknown>, string>,
  faults: string[],
): Pick<Sources, 'env' | 'broken'> {
  const values: Record<string, string> = {};
  const broken = new Set<Setting<unknown>>();
  for (const setting of Object.values(groups).flatMap(slice => Object.values(slice))) {
    const name = setting.env;
    // Compose's `NAME=${NAME:-}` and optional keys of a Secret yield empty variables: not given, like missing ones.
    const direct = env[name] || undefined;
    const path = setting.fromFile ? env[`${name}_FILE`] || undefined : undefined;
    if (direct !== undefined && path !== undefined) {
      faults.push(`${name}, ${name}_FILE: only one of them may be set`);
      broken.add(setting);
      places.set(setting, name);
    } else if (direct !== undefined) {
      values[name] = direct;
      places.set(setting, name);
    } else if (path !== undefined) {
      places.set(setting, `${name}_FILE`);
      const content = readText(path);
      if (content.kind === 'text') {
        // Editors and `echo` end files with a newline that is no part of the secret.
        values[name] = content.text.replace(/\r?\n$/, '');
      } else {
        faults.push(`${name}_FILE: must be the path of a file that holds the value: ${content.why}`);
        broken.add(setting);
      }
    }
  }
  return { env: values, broken };
}

type Json = { kind: 'json'; value: unknown } | { kind: 'none' } | { kind: 'fault'; why: string };

function readJson(path: string): Json {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    return code === 'ENOENT' ? { kind: 'none' } : { kind: 'fault', why: `the file can't be read (${code})` };
  }
  try {
    return { kind: 'json', value: JSON.parse(text) };
  } catch (error) {
    // Of V8's message only the place: the rest quotes the text, which may hold a secret.
    const place =
      error instanceof Error ? / at position \d+(?: \(line \d+ column \d+\))?$/.exec(error.message) : null;
    return { kind: 'fault', why: `must be JSON, but can't be parsed${place?.[0] ?? ''}` };
  }
}

/** Unknown keys are faults: convict finds them only once everything is merged, without the file. */
function pickKnown(
  groups: Groups,
  content: unknown,
  file: string,
  places: Map<Setting<unknown>, string>,
  faults: string[],
): Record<string, Record<string, unknown>> {
  const picked: Record<string, Record<string, unknown>> = {};
  if (!isObject(content)) {
    faults.push(`${file}: must be a JSON object of groups, like {"listener": {"port": 8080}}`);
    return picked;
  }
  for (const [group, values] of Object.entries(content)) {
    const slice = Object.hasOwn(groups, group) ? groups[group] : undefined;
    if (slice === undefined) {
      faults.push(`${file}: ${quote(group)} is no known group; there are ${Object.keys(groups).join(', ')}`);
      continue;
    }
    if (!isObject(values)) {
      faults.push(`${file}: ${group}: must be a JSON object of settings`);
      continue;
    }
    const known: Record<string, unknown> = {};
    for (const [key, raw] of Object.entries(values)) {
      const setting = Object.hasOwn(slice, key) ? slice[key] : undefined;
      if (setting === undefined) {
        faults.push(`${file}: ${quote(`${group}.${key}`)} is no known key; docs/configuration.md lists them`);
      } else if (isObject(raw)) {
        faults.push(`${file}: ${group}.${key}: must be ${setting.format.allowed}, not a JSON object`);
      } else {
        known[key] = raw;
        places.set(setting, `${file}: ${group}.${key}`);
      }
    }
    picked[group] = known;
  }
  return picked;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value fit for one line of a terminal: escaped, cut, without keys and without passwords in addresses. */
export function quote(raw: unknown): string {
  const json = JSON.stringify(raw) ?? 'undefined';
  if (json.includes('-----BEGIN ')) return '"-----BEGIN …" [not shown]';
  const text = json
    .replace(/:\/\/.*@/gs, '://[not shown]@')
    .replace(
      /[\u007f-\u009f\u2028\u2029]/g,
      char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
