import { CursorCodec } from '../../src/log/cursor.js';
import { forUser, makeEvent, type Rig, rig, type RigOptions, RIG_SECRET } from './rig.js';

export const codec = new CursorCodec([RIG_SECRET]);

/** The message at an offset; another `stream` is one that was created anew. */
export const at = (offset: number, stream = 1) => ({ offset, digest: stream * 1000 + offset });
export const cursorFor = (offset: number, stream = 1, coveredUntil = 0): string =>
  codec.seal({ kind: 'stream', ...at(offset, stream), coveredUntil });

/** A pod that has read its stream up to and including `offset`. */
export function podAt(offset: number, more: RigOptions = {}): Rig {
  // Pings in the middle of their interval, so that none comes in between.
  const r = rig({ random: () => 0.5, ...more });
  for (let i = 0; i <= offset; i++) take(r, i);
  return r;
}

export const take = (r: Rig, offset: number, audience = forUser('7'), stream = 1): void =>
  r.hub.event(makeEvent(`e${offset}`, audience), at(offset, stream));
