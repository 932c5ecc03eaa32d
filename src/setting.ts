/**
 * What a setting is. Each folder declares its own as a plain object in its `settings.ts` and turns the values into
 * its section of the configuration there; `config.ts` brings them together.
 */
export interface Setting<T> {
  /** The environment variable. */
  readonly env: string;
  /** What it does and why one would change it; `.env.example` and docs/configuration.md print this. */
  readonly doc: string;
  /** Spelt as in the environment; `null`: none. */
  readonly default: string | null;
  readonly format: Format<T>;
  /** Its value appears in no message. */
  readonly sensitive?: true;
  /** May also be given as `<env>_FILE`, the path of a file that holds it. */
  readonly fromFile?: true;
}

/** Text from the environment, or any JSON from a file, to a value. Pure. */
export interface Format<T> {
  /** What is allowed, to follow "must be". */
  readonly allowed: string;
  parse(raw: unknown): Parsed<T>;
}

export type Parsed<T> =
  | { readonly kind: 'value'; readonly value: T }
  /** `problem` says what is wrong in particular. Never with a piece of a sensitive value. */
  | { readonly kind: 'fault'; readonly problem?: string };

/** A folder's settings by their keys in the configuration files. */
export type Slice = Readonly<Record<string, Setting<unknown>>>;

/** What the operator gave, as the folders see it when they build their sections. */
export interface Given {
  readonly production: boolean;
  /** `undefined`: the value has a fault, which is reported already. */
  read<T>(setting: Setting<T>): T | undefined;
  /** The text of the file whose path the setting is; `null` if there is no path; `undefined`: a fault, reported. */
  readFile(setting: Setting<string | null>): string | null | undefined;
  /** Whether a file or a variable gives this setting; else its default holds. */
  isGiven(setting: Setting<unknown>): boolean;
  /** What stops the start: one line, the variable's name first. */
  fault(line: string): void;
  /** What works, but perhaps not as meant. */
  warn(line: string): void;
}

/** Whether no value is missing because of a fault. */
export function isComplete<T extends object>(
  parts: { readonly [K in keyof T]: T[K] | undefined },
): parts is T {
  return Object.values(parts).every(part => part !== undefined);
}
