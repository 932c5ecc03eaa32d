import type { Clock } from '../clock.js';
import type { PastReader, StreamPlace } from '../connection/feed.js';
import type { AmqpConsumer, StreamOffset } from './amqp.js';
import { type AttachmentOptions, attach, type Ending, type Link, stepOf } from './attachment.js';
import type { FeedAttachment } from './broker-feed.js';
import { keepTargets } from './coverage.js';
import type { Delivery } from './delivery.js';
import type { Fault } from './fault.js';
import { look, type Looked } from './stream-look.js';
import { type PastHandlers, readPast } from './stream-past.js';
import { isJump, isSamePlace, placeOf } from './stream-place.js';
import type { AttachmentHandlers } from './supervisor.js';
import type { StreamTopology } from './topology.js';

export interface StreamAttachmentOptions extends AttachmentOptions {
  readonly topology: StreamTopology;
  readonly prefetch: number;
  readonly historyMaxEvents: number;
  readonly historyMaxAgeMs: number;
  readonly lookGraceMs: number;
  /** The last message taken before: go on behind it. `null`: none. */
  readonly after: StreamPlace | null;
}

export interface StreamAttachmentHandlers extends AttachmentHandlers<Ending> {
  /** Right before `ready`. `unbroken`: what comes next is what stands behind `after`; `anew`: it begins somewhere else. */
  began(continuity: 'unbroken' | 'anew'): void;
  /** In order; never before `ready` nor after `ended`. Must not throw. */
  delivered(delivery: Delivery, place: StreamPlace): void;
  /** Everything that reached the stream before `until` (wall clock, ms) was delivered. */
  covered(until: number): void;
  /** Whether it was there; the first look is before `began`. */
  canaryLooked(isThere: boolean): void;
  canaryRefused(fault: Fault): void;
}

/**
 * The stream goes on, yet nothing comes from it: the consumer is dead, though nobody says so. Seen on 3.10 when the next segment was
 * trimmed in front of a slow consumer: its reader then finds an end of the stream for ever.
 */
const STALL_MS = 10_000;
/** What comes while it is held all goes into a log that is a quarter of the live one's size: a few MB at most. */
const PAST_PREFETCH = 100;
/** A broker that has just started may take a while to know what its stream holds. */
const EMPTY_LOOKS = 5;

/** What becomes of the next delivery. */
type Reading =
  /** The first must be this one, to show that the stream is the same and nothing is missing. */
  | { readonly kind: 'proving'; readonly after: StreamPlace; readonly decided: () => void }
  | { readonly kind: 'refuted' }
  | { readonly kind: 'flowing' };

export interface StreamAttachment extends FeedAttachment {
  /** Reads the stream from some offset on, beside. Only while it is attached. */
  readPast(from: number, handlers: PastHandlers): PastReader;
}

/** One connection that reads the stream. */
export function attachStream(
  options: StreamAttachmentOptions,
  clock: Clock,
  handlers: StreamAttachmentHandlers,
): StreamAttachment {
  const { topology, lookGraceMs: graceMs, after } = options;
  const { stream } = topology;
  const targets = keepTargets(-1, until => handlers.covered(until));
  /** Who is to be told of the end besides. */
  const pastEnds = new Set<(why: string) => void>();
  let attached: Link | null = null;
  let consumer: AmqpConsumer | null = null;
  let isHeld = false;
  let began = false;
  /** Offset of the newest one delivered here. */
  let at: number | null = null;
  let isEmpty = false;
  let progress: { readonly at: number | null; readonly since: number } = { at, since: clock.monotonic() };

  async function setUp(link: Link): Promise<() => Promise<void>> {
    const channel = await link.openChannel();
    // Before the binding: a deletion right behind it is noticed.
    if (topology.canary !== null) {
      await link.watch(topology.canary, {
        onLooked: isThere => handlers.canaryLooked(isThere),
        onRefused: fault => handlers.canaryRefused(fault),
      });
    }
    for (const declaration of topology.declarations) {
      link.doing(stepOf(declaration, 'stream'));
      await channel.declare(declaration);
    }
    link.doing('reading the stream');
    let reading: Reading = { kind: 'flowing' };
    if (after === null || !(await goOnBehind(after))) await beginAnew();
    void link.keepBound([topology.eventsBinding], link.unbound);
    return () => sound(link, () => lookFrom('last'));

    function lookFrom(from: StreamOffset): Promise<Looked | null> {
      return look(link, { stream, from, graceMs });
    }

    async function read(from: StreamOffset): Promise<{ consumer: AmqpConsumer; close: () => Promise<void> }> {
      const channel = await link.openChannel();
      const consumer = await channel.consume(stream, {
        prefetch: options.prefetch,
        from,
        onDelivery: received,
        onCancel: link.cancelled,
      });
      consumer.hold(isHeld);
      return { consumer, close: () => channel.close() };
    }

    function received(delivery: Delivery): void {
      if (link.isOver()) return;
      const place = placeOf(delivery);
      if (place === null || reading.kind === 'refuted') return;
      if (reading.kind === 'proving') {
        const { decided } = reading;
        if (isSamePlace(place, reading.after)) {
          reading = { kind: 'flowing' };
          targets.reached(place.offset);
          begin('unbroken');
        } else reading = { kind: 'refuted' };
        decided();
        return;
      }
      begin('anew');
      // Whether something is missing shows when the last one is asked for again; the step right behind that one is then the stream's own.
      if (at !== null && isJump(at, place.offset)) {
        const text = `the stream went on with offset ${place.offset} after ${at}: what was between may have been trimmed`;
        link.end('trimmed', { code: null, text });
        return;
      }
      at = place.offset;
      handlers.delivered(delivery, place);
      targets.reached(place.offset);
    }

    function begin(continuity: 'unbroken' | 'anew'): void {
      if (began) return;
      began = true;
      attached = link;
      handlers.began(continuity);
      link.ready();
    }

    /** Whether the stream still holds that message, and so all behind it. Takes as long as that is uncertain. */
    async function goOnBehind(place: StreamPlace): Promise<boolean> {
      let waiting = link.pause(graceMs);
      reading = { kind: 'proving', after: place, decided: () => waiting.end() };
      const proof = await read(place.offset);
      for (let empty = 0; !link.isOver(); ) {
        await waiting.over;
        if (outcome() !== 'proving') break;
        // An offset beyond the end waits for what comes next. So the stream is behind it, or the broker is slow.
        const end = await lookFrom('last');
        if (outcome() !== 'proving') break;
        if (end === null) empty += (await channel.countWaiting(stream)) === 0 ? 1 : 0;
        if (end === null ? empty >= EMPTY_LOOKS : end.last.offset < place.offset) break;
        waiting = link.pause(graceMs);
      }
      if (outcome() === 'flowing') {
        consumer = proof.consumer;
        return true;
      }
      reading = { kind: 'refuted' };
      await proof.close();
      return false;
    }

    function outcome(): Reading['kind'] {
      return reading.kind;
    }

    async function beginAnew(): Promise<void> {
      const start = await findStart();
      reading = { kind: 'flowing' };
      consumer = (await read(start.from)).consumer;
      begin('anew');
      if (link.isOver()) return;
      isEmpty = start.end === null;
      if (start.end === null) handlers.covered(start.until);
      else targets.aim(start.until, start.end);
    }

    /** One history window before the end, but at least the last message: clients that were idle stand there. */
    async function findStart(): Promise<{ from: StreamOffset; until: number; end: number | null }> {
      for (;;) {
        const until = clock.wall();
        const tail = await lookFrom('last');
        if (tail !== null) {
          const seconds = Math.floor((until - options.historyMaxAgeMs) / 1000);
          const window = await lookFrom({ seconds });
          return { from: startIn(tail, window), until, end: tail.last.offset };
        }
        if (link.isOver() || (await channel.countWaiting(stream)) === 0) {
          return { from: 'first', until, end: null };
        }
      }
    }

    function startIn(tail: Looked, window: Looked | null): number {
      const oldest = (window ?? tail).first.offset;
      return Math.min(tail.last.offset, Math.max(oldest, tail.last.offset - options.historyMaxEvents + 1));
    }
  }

  /** What the stream holds now will be here once its last message is. */
  async function sound(link: Link, lookAtEnd: () => Promise<Looked | null>): Promise<void> {
    const now = clock.monotonic();
    if (isHeld || !targets.isPending || progress.at !== at) progress = { at, since: now };
    else if (now - progress.since >= STALL_MS) {
      const text = `the stream goes on, but nothing has come from it for ${STALL_MS} ms`;
      link.end('unanswered', { code: null, text });
      return;
    }
    const until = clock.wall();
    const tail = await lookAtEnd();
    if (link.isOver()) return;
    if (tail !== null) targets.aim(until, tail.last.offset);
    else if (isEmpty && at === null) handlers.covered(until);
  }

  function ended(ending: Ending): void {
    for (const end of pastEnds) end('the attachment ended');
    handlers.ended(ending);
  }

  const plan = { setUp, tidyUp: () => Promise.resolve() };
  const attachment = attach(options, clock, { ...handlers, ended }, plan);
  return {
    ...attachment,
    readPast(from, past) {
      const prefetch = Math.min(options.prefetch, PAST_PREFETCH);
      return readPast(attached, { stream, from, prefetch, ends: pastEnds }, past);
    },
    hold(held) {
      isHeld = held;
      consumer?.hold(held);
    },
  };
}
