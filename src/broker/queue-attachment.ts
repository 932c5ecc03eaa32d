import type { Clock } from '../clock.js';
import type { AmqpChannel, AmqpConsumer } from './amqp.js';
import {
  type AttachmentOptions,
  attach,
  type Ending,
  type Link,
  type LinkedAttachment,
  stepOf,
} from './attachment.js';
import { trackCoverage } from './coverage.js';
import type { Delivery } from './delivery.js';
import type { Fault } from './fault.js';
import type { AttachmentHandlers } from './supervisor.js';
import type { Declaration, QueueTopology } from './topology.js';

export interface QueueAttachmentOptions extends AttachmentOptions {
  readonly topology: QueueTopology;
  readonly prefetch: number;
  /** Names of exchanges that an earlier try may have left behind. Shared by all tries of a feed. */
  readonly leftovers: Set<string>;
}

export interface QueueAttachment extends LinkedAttachment {
  /** While held, deliveries aren't acknowledged, and what exceeds the prefetch waits at the broker. */
  hold(held: boolean): void;
}

export interface QueueAttachmentHandlers extends AttachmentHandlers<Ending> {
  /** In order; never before `ready` nor after `ended`. Must not throw. */
  delivered(delivery: Delivery): void;
  /** What a pod said through the control exchange; in order with the events. Must not throw. */
  told(delivery: Delivery): void;
  /** Everything that reached the queue before `until` (wall clock, ms) was delivered. */
  covered(until: number): void;
  /** The broker refused what it takes to hear the other pods. */
  controlRefused(fault: Fault): void;
  canaryRefused(fault: Fault): void;
}

/** One connection with the pod's queue on it. */
export function attachQueue(
  options: QueueAttachmentOptions,
  clock: Clock,
  handlers: QueueAttachmentHandlers,
): QueueAttachment {
  const { topology, leftovers } = options;
  let consumer: AmqpConsumer | null = null;
  let isHeld = false;

  async function setUp(link: Link): Promise<() => Promise<void>> {
    const channel = await link.openChannel();
    const coverage = trackCoverage({
      wall: () => clock.wall(),
      waiting: () => channel.countWaiting(topology.queue),
      onCovered(until) {
        if (!link.isOver()) handlers.covered(until);
      },
    });
    await sweep(channel);
    // Before the binding: a deletion right behind it is noticed.
    if (topology.canary !== null) {
      await link.watch(topology.canary, {
        // Each attachment begins a new epoch: what happened before it is told anyway.
        onLooked() {},
        onRefused: fault => handlers.canaryRefused(fault),
      });
    }
    for (const declaration of topology.declarations) {
      link.doing(stepOf(declaration, 'queue'));
      if (isOwnExchange(declaration)) leftovers.add(topology.overflowExchange);
      await channel.declare(declaration);
      if (declaration.kind === 'binding' && declaration.exchange === topology.overflowExchange) {
        leftovers.delete(topology.overflowExchange);
      }
    }
    await link.keepBound(topology.control, fault => handlers.controlRefused(fault));
    link.doing('consuming');
    await channel.consume(topology.overflowQueue, {
      prefetch: 1,
      from: null,
      onDelivery: () =>
        link.end('overflow', {
          code: null,
          text: 'events were dropped from the queue: it was full, or they expired in it',
        }),
      onCancel: link.cancelled,
    });
    consumer = await channel.consume(topology.queue, {
      prefetch: options.prefetch,
      from: null,
      onDelivery(delivery, exchange) {
        // The first deliveries can be in the same packet as the broker's answer, before our `await` is over.
        link.ready();
        if (link.isOver()) return;
        if (exchange === topology.controlExchange) handlers.told(delivery);
        else handlers.delivered(delivery);
        coverage.delivered();
      },
      onCancel: link.cancelled,
    });
    // The first deliveries may have asked for it before there was a consumer to hold.
    consumer.hold(isHeld);
    link.ready();
    void link.keepBound([topology.eventsBinding], link.unbound);
    return () => coverage.sound();
  }

  function isOwnExchange(declaration: Declaration): boolean {
    return declaration.kind === 'exchange' && declaration.name === topology.overflowExchange;
  }

  /**
   * An auto-delete exchange that never had a binding stays. It is left behind if the connection ends between the two
   * declarations; whoever connects next takes it away.
   */
  async function sweep(channel: AmqpChannel): Promise<void> {
    for (const exchange of leftovers) {
      await channel.deleteExchange(exchange);
      leftovers.delete(exchange);
    }
  }

  const attachment = attach(options, clock, handlers, {
    setUp,
    async tidyUp(connection) {
      // On a new channel: an error has closed the old one.
      if (leftovers.size > 0) await sweep(await connection.openChannel(() => {}));
    },
  });
  return {
    ...attachment,
    hold(held) {
      isHeld = held;
      consumer?.hold(held);
    },
  };
}
