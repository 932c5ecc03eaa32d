import type { IncomingMessage, ServerResponse } from 'node:http';
import { startApp, type App } from './app.js';
import { AuthConfigError } from './auth/index.js';
import { systemClock } from './clock.js';
import { loadConfig } from './config.js';
import { createLogger } from './logger.js';

/** Exit codes after sysexits.h, so that an operator can tell them apart. */
export const EXIT = {
  ok: 0,
  /** The feed was lost for longer than its deadline: Kubernetes should start the pod anew. */
  feed: 69,
  /** A bug. */
  bug: 70,
  /** The operating system said no: a port in use, for example. */
  system: 71,
  /** A setting is wrong. */
  config: 78,
} as const;

export interface RunOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Served on the public listener besides; for the demo. */
  readonly page?: (request: IncomingMessage, response: ServerResponse) => boolean;
  readonly onStarted?: (app: App) => void;
}

/** Ctrl-C reaches a process twice if npm passes it on besides: signals closer together are one. */
const SAME_SIGNAL_MS = 50;
/** A feed that is gone for good needs no long goodbyes. */
const GIVEN_UP_DRAIN_MS = 2000;

/** Runs the service as this process: signals, exit codes, the last words. Only this file ends the process. */
export async function run(options: RunOptions): Promise<void> {
  const loaded = loadConfig(options.env);
  if (loaded.kind === 'faults') {
    for (const fault of loaded.faults) process.stderr.write(`warren: ${fault}\n`);
    process.exit(EXIT.config);
  }
  const { config, warnings } = loaded;
  const logger = createLogger({ level: config.logLevel, pod: config.podName });
  for (const warning of warnings) logger.warn({}, warning);

  process.on('uncaughtException', error => {
    logger.fatal({ err: error }, 'uncaught exception, a bug in Warren; the process ends');
    process.exit(EXIT.bug);
  });

  let app: App | null = null;
  let stopping = false;
  let signalledAt = -Infinity;
  const stop = async (drainMs: number, code: number): Promise<void> => {
    if (stopping) return;
    stopping = true;
    await app?.stop(drainMs);
    process.exit(code);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    const now = systemClock.monotonic();
    if (now - signalledAt < SAME_SIGNAL_MS) return;
    signalledAt = now;
    if (stopping) {
      logger.warn({ signal }, 'second signal: ending at once');
      process.exit(EXIT.ok);
    }
    logger.info({ signal, drainMs: config.drainMs }, 'draining');
    void stop(config.drainMs, EXIT.ok);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);

  try {
    app = await startApp(config, {
      logger,
      onGivenUp(why) {
        logger.fatal(
          { why },
          'no feed within FEED_RECONNECT_DEADLINE_MS; the process ends to be started anew',
        );
        void stop(Math.min(config.drainMs, GIVEN_UP_DRAIN_MS), EXIT.feed);
      },
      ...(options.page === undefined ? {} : { page: options.page }),
    });
    options.onStarted?.(app);
  } catch (error) {
    if (error instanceof AuthConfigError) {
      process.stderr.write(`warren: ${error.message}\n`);
      process.exit(EXIT.config);
    }
    logger.fatal({ err: error }, 'could not start');
    process.exit(isSystemError(error) ? EXIT.system : EXIT.bug);
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
