import assert from 'node:assert/strict';
import type { PastReader, PastSink, PastSource } from '../../src/connection/feed.js';
import type { Audience } from '../../src/log/event.js';
import { cursorOf, type ServerMessage } from '../support/messages.js';
import { type Client, forUser, makeEvent, type Rig, rig, type RigOptions } from './rig.js';
import { at, codec, cursorFor } from './stream-rig.js';

/** One reading of the stream, which gives what it is told to give. */
export interface Read {
  readonly from: number;
  held: boolean;
  stopped: boolean;
  /** How often it ended by itself. */
  ends: number;
  /** The next messages, so many; `Infinity`: all that there are. */
  give(count?: number): void;
  end(why?: string): void;
}

export interface PastRig extends Rig {
  readonly reads: Read[];
  /** The newest reading; fails if there is none. */
  read(): Read;
  /** The next message of the stream, which comes live too. */
  next(audience?: Audience | null): number;
  /** The same, many times. */
  many(count: number, audience?: Audience): void;
  /** The next message, which doesn't come live: from before the pod, or no event. */
  skip(audience?: Audience | null): number;
  /** What came before that offset is gone from the stream. */
  trim(before: number): void;
  /** Time passes, and everything that is due is done. */
  pass(ms: number): Promise<void>;
  /** A client with the cursor of that offset. */
  back(offset: number, wishes?: Parameters<Rig['enter']>[0], first?: object): Promise<Client>;
}

/** A pod with a small log, and a stream that holds more. */
export function pastRig(options: RigOptions = {}): PastRig {
  const stream = new Map<number, Audience | null>();
  const reads: Read[] = [];
  let newest = -1;
  const source: PastSource = {
    read(from, sink): PastReader {
      const read = aRead(from, sink);
      reads.push(read);
      return {
        hold: held => void (read.held = held),
        stop: () => void (read.stopped = true),
      };
    },
  };
  function aRead(from: number, sink: PastSink): Read {
    let next = from;
    let given = 0;
    const read: Read = {
      from,
      held: false,
      stopped: false,
      ends: 0,
      give(count = Infinity) {
        for (let left = count; left > 0 && next <= newest && !read.stopped && read.ends === 0; next++) {
          const audience = stream.get(next);
          if (audience === undefined) {
            // Trimmed in front of it; at first, it begins with what is left.
            if (given > 0) read.end('trimmed');
            continue;
          }
          given++;
          left--;
          if (audience === null) sink.passed(at(next));
          else sink.event(makeEvent(`e${next}`, audience), at(next));
        }
      },
      end(why = 'test') {
        if (read.stopped || read.ends > 0) return;
        read.ends++;
        sink.ended(why);
      },
    };
    return read;
  }
  // Pings in the middle of their interval, so that none comes in between.
  const r = rig({ random: () => 0.5, past: source, ...options, log: { maxEvents: 5, ...options.log } });
  function next(audience: Audience | null = forUser('7')): number {
    newest++;
    stream.set(newest, audience);
    if (audience === null) r.hub.passed(at(newest));
    else r.hub.event(makeEvent(`e${newest}`, audience), at(newest));
    return newest;
  }
  return {
    ...r,
    reads,
    read() {
      const read = reads.at(-1);
      assert.ok(read !== undefined, 'the stream is read');
      return read;
    },
    next,
    many(count, audience) {
      for (let i = 0; i < count; i++) next(audience);
    },
    skip(audience = null) {
      stream.set(++newest, audience);
      return newest;
    },
    trim(before) {
      for (const offset of stream.keys()) if (offset < before) stream.delete(offset);
    },
    async pass(ms) {
      await r.settle();
      // In one go it would look as if everybody had waited for their turn for all that time.
      for (let left = ms; left > 0; left -= 20) {
        r.clock.advance(Math.min(20, left));
        await r.settle();
      }
    },
    back: (offset, wishes = {}, first = {}) => r.enter(wishes, { cursor: cursorFor(offset), ...first }),
  };
}

export const events = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `event e${from + i}`);

/** The offset that a message's cursor names. */
export function offsetOf(message: ServerMessage | undefined): number {
  const position = codec.open(cursorOf(message));
  assert.ok(position?.kind === 'stream', 'a place in the stream');
  return position.offset;
}
