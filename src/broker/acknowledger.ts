export interface Acknowledger<Message> {
  received(message: Message): void;
  /** While held, nothing is acknowledged. */
  hold(held: boolean): void;
}

/**
 * Acknowledges all deliveries of one turn of the event loop with one frame. The library calls back synchronously for
 * everything in one read from the socket, and micro-tasks run after that.
 */
export function createAcknowledger<Message>(channel: {
  ack(message: Message, allUpTo: boolean): void;
}): Acknowledger<Message> {
  let last: Message | null = null;
  let isDue = false;
  let isHeld = false;

  function acknowledge(): void {
    isDue = false;
    if (last === null || isHeld) return;
    const upTo = last;
    last = null;
    try {
      channel.ack(upTo, true);
    } catch {
      // The channel was closed in this very turn. Whoever watches it knows.
    }
  }

  return {
    received(message) {
      last = message;
      if (isDue) return;
      isDue = true;
      queueMicrotask(acknowledge);
    },
    hold(held) {
      isHeld = held;
      if (!held) acknowledge();
    },
  };
}
