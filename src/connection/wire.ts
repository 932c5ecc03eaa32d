import type { Ending } from '../protocol/endings.js';

/** A transport's side of one connection: how bytes reach this browser. */
export interface Wire {
  /**
   * Writes whole frames. True: the kernel has them all; false: `WireOwner.flushed` follows, or `WireOwner.closed`. Only
   * one write at a time. The bytes must not change until then.
   */
  write(frames: Buffer): boolean;
  /** How many bytes it may be given at the moment, at least 1 whenever a write may be begun. */
  readonly room: number;
  /** Bytes that wait in this process because the kernel doesn't take them. */
  readonly unsent: number;
  /**
   * Asks the peer for a sign of life (a WebSocket ping); `WireOwner.alive` follows if there is one. Goes with the next write,
   * which has to follow soon; at once if one is waited for.
   */
  probe(): void;
  /** Stops and resumes taking messages from the peer; what it has sent already may still arrive. */
  pause(): void;
  resume(): void;
  /** Says goodbye, after everything written. `WireOwner.closed` follows within a few seconds. */
  close(ending: Ending): void;
  /** Ends it at once, unsent bytes and all. `WireOwner.closed` follows. */
  terminate(): void;
}

/** What a transport tells about its wire. Never called after `closed`. */
export interface WireOwner {
  text(message: string): void;
  binary(): void;
  tooBig(): void;
  /** The peer gave a sign of life: a pong, or any message. */
  alive(): void;
  flushed(): void;
  /** The wire is gone, whoever ended it. Called once. */
  closed(): void;
}
