import {
  bytes,
  fault,
  flag,
  listOf,
  milliseconds,
  oneOf,
  textWhere,
  value,
  wholeNumber,
} from '../formats.js';
import { type Format, type Given, isComplete, type Slice } from '../setting.js';
import { type FeedTls, readTlsFiles, tlsSettings } from './tls-files.js';
import { segmentBytes } from './topology.js';

/** What amqplib takes from a URL's query. It would ignore the rest in silence, RabbitMQ's `verify=` included. */
const NUMERIC_PARAMETERS = ['heartbeat', 'frameMax', 'channelMax', 'maxFrameSize'];

const UNENCODED = "percent-encode / ? # @ : , in the user's name and password";

/** One broker address. Whatever is wrong, no piece of it is repeated: a stray `/` makes a password look like a path. */
const amqpUrl: Format<string> = {
  allowed: 'amqp://user:password@host:port/vhost, or amqps://',
  parse(raw) {
    if (typeof raw !== 'string' || !/^amqps?:\/\//.test(raw)) return fault();
    if (/[\s\p{Cc}]/u.test(raw)) return fault('has blanks in it');
    if (!URL.canParse(raw)) return fault(`can't be parsed; ${UNENCODED}`);
    const url = new URL(raw);
    if (url.hash !== '' || `${url.pathname}${url.search}`.includes('@'))
      return fault(`can't be parsed; ${UNENCODED}`);
    if (url.hostname === '') return fault('has no host');
    // Of an amqp address the URL standard takes almost anything as a host, `one;amqp` included.
    if (!/^(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])$/.test(url.hostname)) return fault('has no proper host');
    if (/%(?![0-9A-Fa-f]{2})/.test(raw)) return fault('has a % that starts no escape; write it as %25');
    for (const [name, text] of url.searchParams) {
      if (!NUMERIC_PARAMETERS.includes(name) && name !== 'locale') {
        return fault(`has an unknown parameter; known are ${NUMERIC_PARAMETERS.join(', ')} and locale`);
      }
      if (name !== 'locale' && !/^\d{1,10}$/.test(text)) return fault(`has a ${name} that is no number`);
    }
    return value(raw);
  },
};

/** AMQP 0-9-1 §1.2: short strings have at most 255 bytes. */
const exchangeName = textWhere(
  'the name of an exchange: 1 to 255 bytes without blanks or control characters',
  text => text !== '' && Buffer.byteLength(text) <= 255 && !/[\s\p{Cc}]/u.test(text),
);

const streamName = textWhere(
  'the name of a queue: 1 to 255 bytes without blanks or control characters, not starting with "amq."',
  text =>
    text !== '' && Buffer.byteLength(text) <= 255 && !/[\s\p{Cc}]/u.test(text) && !text.startsWith('amq.'),
);

/** Leaves room for `.<pod>.<random>` within 255 bytes; `amq.` belongs to the broker (403). */
const queuePrefix = textWhere(
  '1 to 64 characters A-Z a-z 0-9 . _ : -, not starting with "amq."',
  text => /^[A-Za-z0-9._:-]{1,64}$/.test(text) && !text.startsWith('amq.'),
);

/** Where events come from; the group `feed` in the configuration files. */
export const feedSettings = {
  kind: {
    env: 'FEED',
    doc: 'queue: each pod reads RabbitMQ through a queue of its own. stream: all pods read one RabbitMQ stream, so that neither an outage of the broker nor a new pod makes clients fetch their state anew. memory: no RabbitMQ, only what is posted to this process; for trying out and for tests.',
    default: 'queue',
    format: oneOf(['queue', 'stream', 'memory']),
  },
  urls: {
    env: 'AMQP_URL',
    doc: 'RabbitMQ, one address or more, comma separated and tried in turn. Special characters in user and password percent-encoded (a comma is %2C), the virtual host / is %2F. amqps:// for TLS.',
    default: 'amqp://guest:guest@localhost:5672',
    format: listOf(amqpUrl, 'amqp:// or amqps:// addresses, comma separated', 32),
    sensitive: true,
    fromFile: true,
  },
  ...tlsSettings,
  exchange: {
    env: 'AMQP_EXCHANGE',
    doc: 'The durable fanout exchange that backends publish to.',
    default: 'push.events',
    format: exchangeName,
  },
  controlExchange: {
    env: 'AMQP_CONTROL_EXCHANGE',
    doc: 'The durable fanout exchange through which pods tell one another how far the broker has come. The same for all pods that share AMQP_EXCHANGE, another one for others.',
    default: 'push.control',
    format: exchangeName,
  },
  declare: {
    env: 'AMQP_DECLARE',
    doc: "Whether the pod declares the exchanges, a canary that tells when somebody deletes the one that backends publish to, and with FEED=stream the stream. false where they exist already and the pod's user may not.",
    default: 'true',
    format: flag,
  },
  stream: {
    env: 'AMQP_STREAM',
    doc: 'FEED=stream: the stream that is bound to the exchange and that all pods read.',
    default: 'push.history',
    format: streamName,
  },
  streamMaxBytes: {
    env: 'AMQP_STREAM_MAX_BYTES',
    doc: 'FEED=stream: how much the stream keeps on disk, on each of its nodes. It is trimmed by sixteenths. A pod that was cut off for longer than this spans tells its clients to fetch their state anew. Fixed once the stream is declared.',
    default: '1GiB',
    format: bytes(1),
  },
  streamMaxAgeMs: {
    env: 'AMQP_STREAM_MAX_AGE_MS',
    doc: 'FEED=stream: how long the stream keeps an event, roughly: the sixteenth that is being written stays. At least HISTORY_MAX_AGE_MS, or new pods know less than old ones. Fixed once the stream is declared.',
    default: '3600000',
    format: milliseconds(1000),
  },
  queuePrefix: {
    env: 'AMQP_QUEUE_PREFIX',
    doc: "The pod's queue is called <prefix>.<pod>.<random>; permissions and policies go by the prefix.",
    default: 'push.pod',
    format: queuePrefix,
  },
  queueMaxLength: {
    env: 'AMQP_QUEUE_MAX_LENGTH',
    doc: "Events that may wait in the pod's queue. Past this the broker drops the oldest and the pod's clients are told to fetch the state anew.",
    default: '50000',
    format: wholeNumber(1, 2 ** 31 - 1),
  },
  queueMaxBytes: {
    env: 'AMQP_QUEUE_MAX_BYTES',
    doc: 'The same in bytes. Protects the broker from a pod that hangs.',
    default: '256MiB',
    format: bytes(1),
  },
  prefetch: {
    env: 'AMQP_PREFETCH',
    doc: 'Events on their way to the pod and not acknowledged yet. More is no faster; it only weakens the brake.',
    default: '1000',
    // 0 would mean "no limit"; above 16 bits amqplib rejects the call and its channel never answers again.
    format: wholeNumber(1, 65_535),
  },
  reconnectDeadlineMs: {
    env: 'FEED_RECONNECT_DEADLINE_MS',
    doc: 'How long RabbitMQ may be unreachable, also at the start, before the process ends with exit code 69 for Kubernetes to start it anew. 0: at once. -1: try for ever.',
    default: '120000',
    format: milliseconds(-1),
  },
} satisfies Slice;

/** What an event may be; the group `events` in the configuration files. */
export const eventSettings = {
  maxEventBytes: {
    env: 'MAX_EVENT_BYTES',
    doc: 'Largest message from the broker; larger ones are rejected and counted. Each event is held once per pod and sent to every recipient.',
    default: '262144',
    format: bytes(1, 128 * 2 ** 20),
  },
  maxRecipients: {
    env: 'MAX_RECIPIENTS',
    doc: 'Users and topics that one event may name; past this use a topic or the whole tenant.',
    default: '1000',
    format: wholeNumber(1, 1_000_000),
  },
} satisfies Slice;

interface BrokerConfig {
  readonly urls: readonly string[];
  /** `null`: no files given. */
  readonly tls: FeedTls | null;
  readonly exchange: string;
  readonly controlExchange: string;
  readonly declare: boolean;
  readonly prefetch: number;
  /** 0: give up at once; -1: never. */
  readonly reconnectDeadlineMs: number;
}

export interface QueueFeedConfig extends BrokerConfig {
  readonly kind: 'queue';
  readonly queuePrefix: string;
  readonly queueMaxLength: number;
  readonly queueMaxBytes: number;
}

export interface StreamFeedConfig extends BrokerConfig {
  readonly kind: 'stream';
  readonly stream: string;
  readonly streamMaxBytes: number;
  readonly streamMaxAgeMs: number;
}

export type FeedConfig = QueueFeedConfig | StreamFeedConfig | { readonly kind: 'memory' };

export interface EventsConfig {
  readonly maxEventBytes: number;
  readonly maxRecipients: number;
}

export function feedConfig(given: Given): FeedConfig | undefined {
  const kind = given.read(feedSettings.kind);
  if (kind === undefined) return undefined;
  if (kind === 'memory') {
    if (given.production) given.warn('FEED=memory: events live in this process only, RabbitMQ is not used');
    return { kind };
  }
  const broker = brokerConfig(given);
  if (kind === 'queue') {
    const parts = {
      kind,
      ...broker,
      queuePrefix: given.read(feedSettings.queuePrefix),
      queueMaxLength: given.read(feedSettings.queueMaxLength),
      queueMaxBytes: given.read(feedSettings.queueMaxBytes),
    };
    return isComplete<QueueFeedConfig>(parts) ? parts : undefined;
  }
  const parts = {
    kind,
    ...broker,
    stream: given.read(feedSettings.stream),
    streamMaxBytes: given.read(feedSettings.streamMaxBytes),
    streamMaxAgeMs: given.read(feedSettings.streamMaxAgeMs),
  };
  checkSegments(given, parts.streamMaxBytes);
  return isComplete<StreamFeedConfig>(parts) ? parts : undefined;
}

function brokerConfig(given: Given) {
  const parts = {
    urls: given.read(feedSettings.urls),
    tls: readTlsFiles(given),
    exchange: given.read(feedSettings.exchange),
    controlExchange: given.read(feedSettings.controlExchange),
    declare: given.read(feedSettings.declare),
    prefetch: given.read(feedSettings.prefetch),
    reconnectDeadlineMs: given.read(feedSettings.reconnectDeadlineMs),
  };
  if (given.production && !given.isGiven(feedSettings.urls)) {
    given.warn('AMQP_URL is not set: the broker on this machine is used, with its guest account');
  }
  if (parts.tls && parts.urls?.every(url => url.startsWith('amqp:'))) {
    // Certificates without TLS: whoever set them believes that the connection is encrypted.
    given.fault('AMQP_URL: must have an amqps:// address when AMQP_CA_FILE or AMQP_CERT_FILE is set');
  }
  if (parts.exchange !== undefined && parts.exchange === parts.controlExchange) {
    given.fault('AMQP_CONTROL_EXCHANGE: must be another exchange than AMQP_EXCHANGE');
  }
  return parts;
}

/** A segment that a few events fill would make one event more or less trim half of the history. */
const EVENTS_PER_SEGMENT = 8;

function checkSegments(given: Given, streamMaxBytes: number | undefined): void {
  const largest = given.read(eventSettings.maxEventBytes);
  if (largest === undefined || streamMaxBytes === undefined) return;
  if (segmentBytes(streamMaxBytes) < EVENTS_PER_SEGMENT * largest) {
    given.fault(
      `AMQP_STREAM_MAX_BYTES: must be at least 128 times MAX_EVENT_BYTES (${largest}), not ${streamMaxBytes}: a sixteenth of it is trimmed at a time`,
    );
  }
}

export function eventsConfig(given: Given): EventsConfig | undefined {
  const parts = {
    maxEventBytes: given.read(eventSettings.maxEventBytes),
    maxRecipients: given.read(eventSettings.maxRecipients),
  };
  return isComplete<EventsConfig>(parts) ? parts : undefined;
}
