import * as amqp from 'amqplib';
import type { Random } from './random.js';
import type { Recorder } from './recorder.js';
import type { Audience } from './records.js';
import { audience, audienceFields, contentHash, TENANTS, TOPICS } from './world.js';

export interface PublisherOptions {
  readonly name: string;
  /** Through which it reaches the broker, so that it can die as a process does: in the middle of it. */
  readonly proxy: { readonly port: number; cutAll(kind: 'reset'): void };
  readonly credentials: { readonly username: string; readonly password: string };
  readonly exchange: string;
  readonly perSecond: number;
  /**
   * Whether it wants to hear of messages that reached no queue, and publishes them again. With a stream publishers need
   * that: a broker that has just started confirms events before it has its stream again.
   */
  readonly mandatory: boolean;
}

/** A backend that publishes with confirms, and publishes again, with the same id, what was not confirmed. */
export interface ChaosPublisher {
  /** How late each event was against the schedule, ms. */
  readonly lags: readonly number[];
  start(): void;
  /** Each event is published twice from now on, or no longer. */
  setTwice(twice: boolean): void;
  /** Dies with some events published and not yet confirmed, and knows nothing of them afterwards. */
  die(): Promise<void>;
  /** No more random ones; resolves once all is confirmed. */
  settle(): Promise<void>;
  /** One for each tenant and each topic: who has them has all that came before. Resolves to their ids, all confirmed. */
  publishTombstones(): Promise<Tombstone[]>;
  stop(): Promise<void>;
}

/** An event for all of a tenant. */
export interface Tombstone {
  readonly id: string;
  readonly tenant: string;
}

interface Pending {
  /** Of the last try, on `performance.now()`. */
  sentAt: number;
  readonly id: string;
  readonly to: Audience;
  readonly data: object;
}

const STEP_MS = 5;
const UNCONFIRMED_AT_MOST = 500;
const BACK_AFTER_MS = 250;
const HEARTBEAT_SECONDS = 5;
const CONNECT_TIMEOUT_MS = 4000;
const POLL_MS = 20;
const RETURNED_AGAIN_MS = 100;
/**
 * Of one that was sent so long before another on the channel, which is confirmed, the confirm won't come any more: seen
 * on 3.10 with what was published while a node of a cluster died.
 */
const OVERTAKEN_MS = 5000;
const LOOK_EVERY_MS = 1000;
const DYING_WORDS = 5;

export function createPublisher(
  options: PublisherOptions,
  random: Random,
  recorder: Recorder,
): ChaosPublisher {
  const { name, proxy, credentials, exchange, perSecond, mandatory } = options;
  const lags: number[] = [];
  /** Published, or to be published again, and not confirmed. */
  const pending = new Map<string, Pending>();
  /** Came back as they reached no queue; their confirm, which comes behind, says nothing. */
  const returned = new Set<string>();
  let connection: amqp.ChannelModel | null = null;
  let channel: amqp.ConfirmChannel | null = null;
  let channels = 0;
  let serial = 0;
  let n = 0;
  let twice = false;
  let isOver = false;
  let timer: NodeJS.Timeout | null = null;
  let newestConfirmed = -Infinity;
  const looking = setInterval(lookForOvertaken, LOOK_EVERY_MS);

  function send(event: Pending): void {
    const open = channel;
    if (open === null) return;
    const { id, to, data } = event;
    const sentAt = performance.now();
    event.sentAt = sentAt;
    const hash = contentHash(data);
    recorder.record({ k: 'pub', phase: 'invoke', id, channel: `${name}.${channels}`, n: n++, to, hash });
    const body = Buffer.from(JSON.stringify({ id, type: 'chaos', ...audienceFields(to), data }));
    // Not persistent, as is usual for pushes: nothing here depends on the broker's disk but a stream, which writes anyway.
    const properties = { timestamp: Math.floor(Date.now() / 1000), messageId: id, mandatory };
    open.publish(exchange, '', body, properties, error => {
      if (open !== channel || !pending.has(id)) return;
      const isReturned = returned.delete(id);
      if ((error === null || error === undefined) && !isReturned) {
        pending.delete(id);
        newestConfirmed = Math.max(newestConfirmed, sentAt);
        recorder.record({ k: 'pub', phase: 'ok', id });
      } else {
        recorder.record({ k: 'pub', phase: 'fail', id });
        if (isReturned) setTimeout(() => again(event), RETURNED_AGAIN_MS);
      }
    });
  }

  function again(event: Pending): void {
    if (pending.has(event.id)) send(event);
  }

  function lookForOvertaken(): void {
    for (const event of pending.values()) {
      if (event.sentAt > newestConfirmed - OVERTAKEN_MS) continue;
      recorder.record({ k: 'pub', phase: 'info', id: event.id });
      send(event);
    }
  }

  function publish(to: Audience): string {
    const id = `${name}-${serial++}`;
    const event: Pending = { sentAt: 0, id, to, data: { id, filler: 'x'.repeat(random.between(0, 200)) } };
    pending.set(id, event);
    send(event);
    if (twice) send(event);
    return id;
  }

  async function connect(): Promise<void> {
    if (isOver) return;
    try {
      const opened = await amqp.connect(
        { hostname: '127.0.0.1', port: proxy.port, ...credentials, heartbeat: HEARTBEAT_SECONDS },
        { noDelay: true, timeout: CONNECT_TIMEOUT_MS },
      );
      opened.on('error', () => {});
      opened.on('close', () => lost(opened));
      const fresh = await opened.createConfirmChannel();
      fresh.on('error', () => {});
      // The exchange may be gone, which closes the channel alone.
      fresh.on('close', () => lost(opened));
      fresh.on('return', ({ properties }) => returned.add(String(properties.messageId)));
      if (isOver) return await opened.close();
      connection = opened;
      channel = fresh;
      channels++;
      n = 0;
      returned.clear();
      for (const event of pending.values()) send(event);
    } catch {
      if (!isOver) setTimeout(() => void connect(), BACK_AFTER_MS);
    }
  }

  function lost(which: amqp.ChannelModel): void {
    if (which !== connection) return;
    connection = null;
    channel = null;
    for (const id of pending.keys()) recorder.record({ k: 'pub', phase: 'info', id });
    which.close().catch(() => {});
    if (!isOver) setTimeout(() => void connect(), BACK_AFTER_MS);
  }

  function start(): void {
    void connect();
    let due = performance.now();
    timer = setInterval(() => {
      const now = performance.now();
      if (channel === null || pending.size >= UNCONFIRMED_AT_MOST) {
        due = now; // The broker keeps it waiting, not we.
        return;
      }
      for (; due <= now && pending.size < UNCONFIRMED_AT_MOST; due += 1000 / perSecond) {
        lags.push(now - due);
        publish(audience(random));
      }
    }, STEP_MS);
  }

  async function settle(): Promise<void> {
    if (timer !== null) clearInterval(timer);
    timer = null;
    const isDone = () => isOver || pending.size === 0;
    while (!isDone()) await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }

  return {
    lags,
    start,
    setTwice(given) {
      twice = given;
    },
    async die() {
      // Whoever says that it should may not have heard that the act is over.
      if (isOver) return;
      for (let i = 0; i < DYING_WORDS; i++) publish(audience(random));
      // So that some bytes are on their way, but the confirms of few have come back.
      await new Promise(resolve => setImmediate(resolve));
      for (const id of pending.keys()) recorder.record({ k: 'pub', phase: 'info', id });
      pending.clear();
      proxy.cutAll('reset');
    },
    settle,
    async publishTombstones() {
      const tombstones: Tombstone[] = [];
      for (const tenant of TENANTS) {
        for (const topic of TOPICS) publish({ kind: 'some', tenant, users: [], topics: [topic] });
        tombstones.push({ id: publish({ kind: 'tenant', tenant }), tenant });
      }
      await settle();
      return tombstones;
    },
    async stop() {
      isOver = true;
      clearInterval(looking);
      if (timer !== null) clearInterval(timer);
      await connection?.close().catch(() => {});
    },
  };
}
