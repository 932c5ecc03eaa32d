import { hostname } from 'node:os';
import { milliseconds, oneOf, orElse, textWhere } from './formats.js';
import type { LogLevel } from './logger.js';
import { type Given, isComplete, type Slice } from './setting.js';

const LOG_LEVELS = [
  'fatal',
  'error',
  'warn',
  'info',
  'debug',
  'trace',
  'silent',
] as const satisfies LogLevel[];

/** Kubernetes' host names have at most 63 characters; with the queue's prefix and a suffix this stays below AMQP's 255. */
const LONGEST_POD_NAME = 128;

/** The process as a whole; the group `process` in the configuration files. */
export const processSettings = {
  drainMs: {
    env: 'DRAIN_MS',
    doc: 'How long a stopping pod spreads the goodbyes to its clients over, so that they do not all come back at once. Keep it well below terminationGracePeriodSeconds (30 s unless set).',
    default: '15000',
    format: milliseconds(0),
  },
  logLevel: {
    env: 'LOG_LEVEL',
    doc: 'How much is logged. debug adds what info leaves out, such as each repeated failure to reach RabbitMQ. No level logs every connection or event.',
    default: 'info',
    format: oneOf(LOG_LEVELS),
  },
  podName: {
    env: 'POD_NAME',
    doc: 'Names this instance in its queue, its cursors and its log lines. Without it the host name is taken, which in Kubernetes is the name of the pod.',
    default: null,
    format: orElse(
      textWhere(
        `1 to ${LONGEST_POD_NAME} characters A-Z a-z 0-9 . _ -`,
        text => text.length <= LONGEST_POD_NAME && /^[A-Za-z0-9._-]+$/.test(text),
      ),
      null,
    ),
  },
} satisfies Slice;

export interface ProcessConfig {
  readonly drainMs: number;
  readonly logLevel: LogLevel;
  readonly podName: string;
}

export function processConfig(given: Given): ProcessConfig | undefined {
  const { drainMs, logLevel, podName } = processSettings;
  const name = given.read(podName);
  const parts = {
    drainMs: given.read(drainMs),
    logLevel: given.read(logLevel),
    podName: name === null ? toPodName(hostname()) : name,
  };
  return isComplete<ProcessConfig>(parts) ? parts : undefined;
}

/** A host name with what a queue's name shouldn't hold replaced: a laptop may be called `Zoë's Mac`. */
export function toPodName(host: string): string {
  return host.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, LONGEST_POD_NAME) || 'pod';
}
