import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { HistoryRecord } from './records.js';

/** A record without its time. */
export type Unstamped<R = HistoryRecord> = R extends HistoryRecord ? Omit<R, 't'> : never;

export interface Recorder {
  /** Of the history. */
  readonly file: string;
  record(record: Unstamped): void;
  /** ms since the run began. */
  now(): number;
  close(): void;
}

/** Lines are written together: a system call for each took more time than the clients. */
const BATCH = 2000;

/** Appends to `history.jsonl` in a folder, which is made if it isn't there. */
export function openRecorder(folder: string): Recorder {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'history.jsonl');
  const fd = openSync(file, 'w');
  const begun = performance.now();
  const now = () => Math.round((performance.now() - begun) * 10) / 10;
  let lines: string[] = [];
  let isOpen = true;
  const flush = () => {
    if (lines.length > 0) writeSync(fd, `${lines.join('\n')}\n`);
    lines = [];
  };
  return {
    file,
    now,
    record(record) {
      if (!isOpen) return;
      lines.push(JSON.stringify({ ...record, t: now() }));
      if (lines.length >= BATCH) flush();
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      flush();
      fsyncSync(fd);
      closeSync(fd);
    },
  };
}
