import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import convict from 'convict';
import { type AdminConfig, adminConfig, adminSettings } from './admin/settings.js';
import { type AuthConfig, authConfig, authSettings } from './auth/settings.js';
import {
  type EventsConfig,
  eventSettings,
  eventsConfig,
  type FeedConfig,
  feedConfig,
  feedSettings,
} from './broker/settings.js';
import { quote, readSources, readText, type Sources } from './config-sources.js';
import { type ConnectionsConfig, connectionSettings, connectionsConfig } from './connection/settings.js';
import { type LogConfig, logConfig, logSettings } from './log/settings.js';
import { type Given, isComplete, type Setting, type Slice } from './setting.js';
import { type ProcessConfig, processConfig, processSettings } from './settings.js';
import { type ListenerConfig, listenerConfig, listenerSettings } from './transport/settings.js';

/** Everything that can be set: by group, then by key, as in the configuration files. */
export const SETTINGS = {
  listener: listenerSettings,
  admin: adminSettings,
  feed: feedSettings,
  events: eventSettings,
  auth: authSettings,
  log: logSettings,
  connections: connectionSettings,
  process: processSettings,
} satisfies Record<string, Slice>;

/** The whole configuration, checked and deeply frozen. It holds secrets: never log it. */
export interface Config extends ProcessConfig {
  readonly production: boolean;
  readonly listener: ListenerConfig;
  readonly admin: AdminConfig;
  readonly feed: FeedConfig;
  readonly events: EventsConfig;
  readonly auth: AuthConfig;
  /** Newest first; `null`: derive one from the secret, or make a random one. */
  readonly cursorKeys: readonly string[] | null;
  readonly log: LogConfig;
  readonly connections: ConnectionsConfig;
}

/** `faults`: all that is wrong, one line each, without secrets. The start should end with exit code 78. */
export type ConfigOutcome =
  | { readonly kind: 'ok'; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly kind: 'faults'; readonly faults: readonly string[] };

/**
 * Reads the configuration: defaults, then `config/default.json`, `config/<NODE_ENV>.json` and `config/local.json`,
 * then the environment, the later outranking the earlier. `folder` stands in for `config/` of this package.
 */
export function loadConfig(
  env: NodeJS.ProcessEnv,
  options: { readonly folder?: string } = {},
): ConfigOutcome {
  const environment = env['NODE_ENV'] || 'production';
  if (!/^[\w-]+$/.test(environment)) {
    return {
      kind: 'faults',
      faults: [`NODE_ENV: must be letters, digits, _ and -, not ${quote(environment)}`],
    };
  }
  // Whatever isn't known to be a workplace is production: a forgotten or misspelt NODE_ENV must not weaken anything.
  const production = environment !== 'development' && environment !== 'test';
  const sources = readSources(SETTINGS, env, options.folder ?? findFolder(), environment);
  const faults = [...sources.faults];
  const warnings: string[] = [];
  const given = check(sources, production, faults, warnings);

  const parts = {
    production,
    listener: listenerConfig(given),
    admin: adminConfig(given),
    feed: feedConfig(given),
    events: eventsConfig(given),
    auth: authConfig(given),
    cursorKeys: cursorKeys(given),
    log: logConfig(given),
    connections: connectionsConfig(given),
    process: processConfig(given),
  };
  checkSizes(given);
  checkPorts(given);
  if (
    faults.length > 0 ||
    !isComplete<Omit<Config, keyof ProcessConfig> & { process: ProcessConfig }>(parts)
  ) {
    return { kind: 'faults', faults };
  }
  const { process, ...sections } = parts;
  return { kind: 'ok', config: freeze({ ...sections, ...process }), warnings };
}

/** Lets convict merge the sources and run the formats; collects all faults on the way. */
function check(sources: Sources, production: boolean, faults: string[], warnings: string[]): Given {
  const broken = new Set(sources.broken);
  const schema = Object.fromEntries(
    Object.entries<Slice>(SETTINGS).map(([group, slice]) => [
      group,
      Object.fromEntries(Object.entries(slice).map(([key, setting]) => [key, toConvict(setting)])),
    ]),
  );

  function toConvict(setting: Setting<unknown>): convict.SchemaObj<unknown> {
    return {
      doc: setting.doc,
      env: setting.env,
      // As text: convict picks a conversion by the type of the default, and its number is `parseFloat`. The format is
      // a function of this schema: one registered by name would hold for every other user of convict in the process.
      default: setting.default,
      sensitive: setting.sensitive ?? false,
      format(raw: unknown) {
        if (broken.has(setting)) return;
        const parsed = setting.format.parse(raw);
        if (parsed.kind === 'value') return;
        broken.add(setting);
        faults.push(describeFault(setting, sources.places.get(setting) ?? setting.env, raw, parsed.problem));
        throw new Error(`must be ${setting.format.allowed}`);
      },
    };
  }

  // Without `args` convict would parse the command line of this process.
  const merged = convict<Record<string, Record<string, unknown>>>(schema, { env: sources.env, args: [] });
  for (const layer of sources.layers) merged.load(layer);
  const before = faults.length;
  try {
    merged.validate({ allowed: 'strict' });
  } catch (error) {
    // convict's own text is one blob without the variables' names; what it found is in `faults` already.
    if (faults.length === before) throw error;
  }

  const values = new Map<Setting<unknown>, unknown>();
  for (const [group, slice] of Object.entries<Slice>(SETTINGS)) {
    const properties = merged.getProperties()[group] ?? {};
    for (const [key, setting] of Object.entries(slice)) values.set(setting, properties[key]);
  }

  function read<T>(setting: Setting<T>): T | undefined {
    if (broken.has(setting)) return undefined;
    const parsed = setting.format.parse(values.get(setting));
    return parsed.kind === 'value' ? parsed.value : undefined;
  }

  return {
    production,
    read,
    readFile(setting) {
      const path = read(setting);
      if (path === undefined || path === null) return path;
      const content = readText(path);
      if (content.kind === 'text') return content.text;
      broken.add(setting);
      faults.push(describeFault(setting, sources.places.get(setting) ?? setting.env, path, content.why));
      return undefined;
    },
    isGiven: setting => sources.places.has(setting) && (broken.has(setting) || values.get(setting) !== null),
    fault: line => faults.push(line),
    warn: line => warnings.push(line),
  };
}

function describeFault(
  setting: Setting<unknown>,
  place: string,
  raw: unknown,
  problem: string | undefined,
): string {
  // What should be a path may be a secret put into the wrong variable.
  const isHidden = setting.sensitive || setting.env.endsWith('_FILE');
  const shown = isHidden ? '' : `, not ${quote(raw)}`;
  return `${place}: must be ${setting.format.allowed}${shown}${problem === undefined ? '' : `: ${problem}`}`;
}

function cursorKeys(given: Given): readonly string[] | null | undefined {
  const keys = given.read(logSettings.cursorKey);
  const publicKey = [authSettings.publicKeyFile, authSettings.jwksUrl].find(setting =>
    given.isGiven(setting),
  );
  if (keys === null && publicKey && given.production) {
    // A random key per pod would turn every reconnect to another pod into a resync.
    given.fault(
      `CURSOR_KEY: must be set in production with ${publicKey.env}, the same on all pods (openssl rand -hex 32)`,
    );
    return undefined;
  }
  return keys;
}

/** Settings of different groups that go badly together. */
function checkSizes(given: Given): void {
  const largest = given.read(eventSettings.maxEventBytes);
  for (const setting of [logSettings.maxBytes, feedSettings.queueMaxBytes]) {
    const room = given.read(setting);
    if (largest !== undefined && room !== undefined && room < largest) {
      given.warn(
        `${setting.env} (${room}) is below MAX_EVENT_BYTES (${largest}): the largest events cannot be held`,
      );
    }
  }
  if (given.read(feedSettings.kind) !== 'stream') return;
  for (const [kept, wanted] of [
    [feedSettings.streamMaxAgeMs, logSettings.maxAgeMs],
    [feedSettings.streamMaxBytes, logSettings.maxBytes],
  ] as const) {
    const [has, needs] = [given.read(kept), given.read(wanted)];
    if (has !== undefined && needs !== undefined && has < needs) {
      given.warn(
        `${kept.env} (${has}) is below ${wanted.env} (${needs}): a new pod finds less in the stream than the others hold`,
      );
    }
  }
}

function checkPorts(given: Given): void {
  const port = given.read(listenerSettings.port);
  if (port !== undefined && port !== 0 && port === given.read(adminSettings.port)) {
    given.fault(`ADMIN_PORT: must differ from PORT, but both are ${port}`);
  }
}

/** `config/` beside the package.json above this file, which runs from dist/ as well as from a test build. */
function findFolder(): string | null {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) return null;
    folder = parent;
  }
  return join(folder, 'config');
}

function freeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) freeze(part);
  }
  return Object.freeze(value);
}
