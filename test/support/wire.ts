import assert from 'node:assert/strict';
import type { Wire, WireOwner } from '../../src/connection/wire.js';
import type { Ending } from '../../src/protocol/endings.js';
import { describeMessage, parseServerMessage, type ServerMessage } from './messages.js';

/** A wire without a network: takes bytes at once or not, as told, and reads the frames that it got. */
export class ScriptedWire implements Wire {
  /** False: the kernel's buffer is full, and a write waits until `release`. */
  takes = true;
  /** What has arrived, as texts, oldest first. */
  readonly texts: string[] = [];
  /** Bytes of each write that was begun. */
  readonly writes: number[] = [];
  probes = 0;
  paused = false;
  ending: Ending | null = null;
  terminated = false;
  owner: WireOwner | null = null;
  /** Called in each write, which may take its time. */
  onWrite: () => void = () => {};
  #inFlight: { readonly given: Buffer; readonly copy: Buffer } | null = null;
  #rest: Buffer = Buffer.alloc(0);

  get messages(): ServerMessage[] {
    return this.texts.map(parseServerMessage);
  }

  /** What has arrived, in short. */
  get story(): string[] {
    return this.messages.map(describeMessage);
  }

  get room(): number {
    return 2 ** 30;
  }

  get unsent(): number {
    return this.#inFlight?.given.length ?? 0;
  }

  get isWriting(): boolean {
    return this.#inFlight !== null;
  }

  /** The bytes of the write under way, as they were given. */
  get inFlight(): Buffer | null {
    return this.#inFlight?.given ?? null;
  }

  write(frames: Buffer): boolean {
    assert.equal(this.#inFlight, null, 'only one write at a time');
    assert.equal(this.ending, null, 'nothing is written after the goodbye');
    assert.ok(frames.length > 0, 'there is something to write');
    this.writes.push(frames.length);
    this.onWrite();
    if (this.takes) this.#receive(frames);
    else this.#inFlight = { given: frames, copy: Buffer.from(frames) };
    return this.takes;
  }

  /** The write under way is through. */
  release(): void {
    const write = this.#inFlight;
    assert.ok(write !== null, 'a write is under way');
    assert.ok(write.given.equals(write.copy), 'the bytes of a write under way stay as they are');
    this.#inFlight = null;
    this.#receive(write.given);
    this.owner?.flushed();
  }

  probe(): void {
    this.probes++;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  close(ending: Ending): void {
    assert.equal(this.#inFlight, null, 'the goodbye comes after everything written');
    this.ending ??= ending;
  }

  terminate(): void {
    this.terminated = true;
  }

  #receive(bytes: Buffer): void {
    let rest = Buffer.concat([this.#rest, bytes]);
    for (let frame = firstFrame(rest); frame !== null; frame = firstFrame(rest)) {
      this.texts.push(frame.text);
      rest = rest.subarray(frame.end);
    }
    this.#rest = rest;
    assert.equal(rest.length, 0, 'only whole frames are written');
  }
}

/** RFC 6455 §5.2, read independently of what writes it. Null: not all of it is there yet. */
function firstFrame(bytes: Buffer): { readonly text: string; readonly end: number } | null {
  if (bytes.length < 2) return null;
  assert.equal(bytes[0], 0x81, 'one unfragmented text frame');
  const short = bytes.readUInt8(1);
  assert.ok(short < 0x80, 'servers do not mask');
  const header = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < header) return null;
  const length =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const end = header + length;
  return bytes.length < end ? null : { text: bytes.toString('utf8', header, end), end };
}
