import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AdminListener } from './admin/listener.js';
import { publishEvent } from './admin/publish.js';
import { unreadyReasons } from './admin/readiness.js';
import { openAuth } from './auth/index.js';
import { BROKER_FEED_DEFAULTS } from './broker/broker-feed.js';
import { decodeDelivery } from './broker/envelope.js';
import { createEventIds } from './broker/ids.js';
import type { Decode } from './broker/intake.js';
import { createMemoryFeed } from './broker/memory.js';
import { createQueueFeed, QUEUE_FEED_DEFAULTS } from './broker/queue-feed.js';
import type { FeedReport } from './broker/report.js';
import type { RejectionReason } from './broker/rejections.js';
import { createStreamFeed, STREAM_FEED_DEFAULTS } from './broker/stream-feed.js';
import { createPlaceIds } from './broker/stream-ids.js';
import { systemClock } from './clock.js';
import type { Config } from './config.js';
import type { Feed } from './connection/feed.js';
import { type FeedState, Hub } from './connection/hub.js';
import { BROADCAST } from './connection/broadcasts.js';
import { FLOOD } from './connection/flood.js';
import { LimitedLog } from './limited-log.js';
import { CursorCodec } from './log/cursor.js';
import { EventLog } from './log/log.js';
import type { Logger } from './logger.js';
import { Metrics, type Gauges } from './metrics.js';
import { Listener } from './transport/listener.js';

export interface AppDeps {
  readonly logger: Logger;
  /** The feed has given up for good. */
  readonly onGivenUp: (why: string) => void;
  /** Served on the public listener besides. True: answered. */
  readonly page?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export interface App {
  readonly publicAddress: AddressInfo;
  readonly adminAddress: AddressInfo;
  /** Sends the clients away over `drainMs`, then lets go of everything. Idempotent. */
  stop(drainMs: number): Promise<void>;
}

/** The whole service on one page: builds the parts and owns the order in which they start and stop. */
export async function startApp(config: Config, deps: AppDeps): Promise<App> {
  const { logger } = deps;
  const clock = systemClock;
  const metrics = new Metrics();
  const secrets = cursorSecrets(config);
  const newId = createEventIds(clock);
  const idOfPlace = createPlaceIds(secrets[0]);
  const decoding = { ...config.events, now: () => clock.wall(), newId };
  const decode: Decode = (delivery, place) =>
    decodeDelivery(delivery, place === null ? decoding : { ...decoding, newId: () => idOfPlace(place) });

  const auth = openAuth(config.auth, clock, logger);
  const log = new EventLog(config.log, new CursorCodec(secrets), () => randomInt(1, 2 ** 32));
  const feed = createFeed(config, decode, feedReport(metrics, logger), logger);
  const hub = new Hub({
    limits: { ...config.connections, maxUnauthenticated: config.listener.maxUnauthenticated },
    clock,
    log,
    authenticate: auth.authenticate,
    report: metrics.connections,
    logger,
    random: Math.random,
    newSessionId: randomUUID,
    turns: { defer: setImmediate, clock, flood: FLOOD },
    broadcast: BROADCAST,
    past: feed.past,
    holdFeed: held => feed.hold(held),
    onGivenUp: deps.onGivenUp,
  });

  let draining = false;
  const reasons = () =>
    unreadyReasons(
      {
        feed: hub.feed,
        draining,
        full: hub.size.unauthenticated >= config.listener.maxUnauthenticated,
        ...warmUp(config),
        coveredUntil: log.provenAt,
      },
      hub.firstCaughtUp,
      clock.monotonic(),
    );
  let whyUnconfirmed = '';
  const unconfirmed = new LimitedLog<'unconfirmed'>(clock, (_, times) =>
    logger.warn({ why: whyUnconfirmed, times }, 'POST /events: the broker did not confirm'),
  );
  const gauges = (): Gauges => ({
    connections: hub.size.connections,
    unauthenticated: hub.size.unauthenticated,
    tenantsConnected: hub.size.routes.tenants,
    unsentBytes: hub.size.unsentBytes,
    historyEvents: log.size.events,
    historyBytes: log.size.bytes,
    historyTenants: log.size.tenants,
    pastClients: hub.size.pastClients,
    feedAttached: hub.feed.kind === 'attached',
    feedHeld: hub.isHeld,
    feedLagSeconds: hub.feed.kind === 'never' ? 0 : Math.max(0, clock.wall() - log.provenAt) / 1000,
    ready: reasons().length === 0,
  });

  const admin = new AdminListener(
    { ...config.admin, maxEventBytes: config.events.maxEventBytes },
    {
      unreadyReasons: reasons,
      metricsText: () => metrics.text(gauges()),
      stats: () => ({
        pod: config.podName,
        node: process.version,
        feed: describeFeed(hub.feed, clock.monotonic()),
        ...hub.size,
        ...metrics.snapshot(gauges()),
      }),
      publish: body =>
        publishEvent(body, {
          decode: delivery => decode(delivery, null),
          publish: message => feed.publish(message),
          onUnconfirmed: why => {
            whyUnconfirmed = why;
            unconfirmed.note('unconfirmed');
          },
        }),
      onError: err => logger.error({ err }, 'answering on the admin listener failed, a bug in Warren'),
    },
  );
  const listener = new Listener(config.listener, {
    open: wire => hub.open(wire),
    isReady: () => reasons().length === 0,
    clock,
    defer: setImmediate,
    ...(deps.page === undefined ? {} : { page: deps.page }),
  });

  const adminAddress = await admin.listen();
  const publicAddress = await listener.listen();
  logger.info({ public: publicAddress, admin: adminAddress, feed: config.feed.kind }, 'listening');
  void feed.start(hub);

  let stopped: Promise<void> | null = null;
  const stop = async (drainMs: number): Promise<void> => {
    draining = true;
    listener.drain();
    await hub.drain(drainMs);
    // Last, so that events flow until the last client is gone.
    await feed.stop();
    auth.close();
    hub.stop();
    await Promise.all([listener.close(), admin.close()]);
  };
  return { publicAddress, adminAddress, stop: drainMs => (stopped ??= stop(drainMs)) };
}

/** For how long it has been so: the clock that it is measured by means nothing outside of this process. */
function describeFeed(feed: FeedState, now: number): object {
  return feed.kind === 'never' ? feed : { kind: feed.kind, forMs: Math.round(now - feed.since) };
}

function createFeed(config: Config, decode: Decode, report: FeedReport, logger: Logger): Feed {
  const { feed, podName, log } = config;
  const deps = { clock: systemClock, logger, decode, report };
  switch (feed.kind) {
    case 'memory':
      return createMemoryFeed(deps);
    case 'queue':
      return createQueueFeed({ ...BROKER_FEED_DEFAULTS, ...QUEUE_FEED_DEFAULTS, ...feed, podName }, deps);
    case 'stream': {
      const history = { historyMaxEvents: log.maxEvents, historyMaxAgeMs: log.maxAgeMs };
      return createStreamFeed(
        { ...BROKER_FEED_DEFAULTS, ...STREAM_FEED_DEFAULTS, ...feed, ...history, podName },
        deps,
      );
    }
  }
}

function feedReport(metrics: Metrics, logger: Logger): FeedReport {
  const rejections = new LimitedLog<RejectionReason>(systemClock, (reason, times) =>
    logger.warn({ reason, times }, 'message from the broker is no valid event'),
  );
  let lastError: unknown = null;
  const failures = new LimitedLog<'failed'>(systemClock, (_, times) =>
    logger.error(
      { err: lastError, times },
      'taking in a message failed, a bug in Warren; the message is dropped',
    ),
  );
  return metrics.feed({
    rejected: reason => rejections.note(reason),
    failed: error => {
      lastError = error;
      failures.note('failed');
    },
  });
}

/**
 * Before, a fresh cursor from another pod would go back further than this one's log. A stream has been read back, but
 * while FEED is being changed clients come from pods with a queue.
 */
function warmUp(config: Config): { warmUpMs: number; leastCoveredMs: number } {
  if (config.feed.kind === 'memory') return { warmUpMs: 0, leastCoveredMs: 0 };
  // A fresh cursor names the last sounding, which is up to one interval old, and began up to one before; the marks of
  // other pods are as old. The third interval is for the messages' way, which the two leave no time for.
  const { soundIntervalMs } = BROKER_FEED_DEFAULTS;
  const { resumeOverlapMs } = config.log;
  // What other pods have covered may be an interval behind what this one has.
  return {
    warmUpMs: resumeOverlapMs + 3 * soundIntervalMs,
    leastCoveredMs: resumeOverlapMs + soundIntervalMs,
  };
}

/** All pods must come to the same key; only a single development process may make one up. */
function cursorSecrets(config: Config): [string, ...string[]] {
  const [newest, ...older] = config.cursorKeys ?? [];
  if (newest !== undefined) return [newest, ...older];
  return [config.auth.key.kind === 'secret' ? config.auth.key.secret : randomBytes(32).toString('hex')];
}
