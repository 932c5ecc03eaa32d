import assert from 'node:assert/strict';
import { Sessions } from '../../src/connection/sessions.js';
import { Batch } from '../../src/connection/batch.js';
import { SharedFrames } from '../../src/connection/shared-frames.js';
import { Outlet, type OutletContext, type OutletOwner } from '../../src/connection/outlet.js';
import type { Place, Start } from '../../src/connection/track.js';
import { CursorCodec } from '../../src/log/cursor.js';
import { EventLog, type LogLimits } from '../../src/log/log.js';
import { encodeOk } from '../../src/protocol/codec.js';
import { ENDINGS } from '../../src/protocol/endings.js';
import { Entitlement } from '../../src/router/entitlement.js';
import { manualClock } from '../support/clock.js';
import { ScriptedWire } from '../support/wire.js';
import { forUser, makeEvent } from './rig.js';

const LIMITS: LogLimits = { maxBytes: 2 ** 22, maxEvents: 1000, maxAgeMs: 600_000, resumeOverlapMs: 5000 };

/** An outlet for user 7 of acme that follows its log from the beginning, on a wire that does as it is told. */
export function setup(limits: Partial<LogLimits> = {}, start?: (log: EventLog) => Start) {
  const clock = manualClock();
  const now = () => ({ wall: clock.wall(), monotonic: clock.monotonic() });
  const codec = new CursorCodec(['a key for tests and nothing else']);
  let epoch = 1;
  const log = new EventLog({ ...LIMITS, ...limits }, codec, () => epoch++);
  log.beginEpoch(now());
  const wire = new ScriptedWire();
  const sessions = new Sessions();
  const told = { resyncs: [] as string[], fellOffTwice: 0, tooMuch: 0, events: 0, unsent: 0, isTight: false };
  const context: OutletContext = {
    log,
    now: () => clock.monotonic(),
    resyncDelayMs: () => 800,
    onResync: reason => void told.resyncs.push(reason),
    onDelivered: events => (told.events += events),
    isTight: () => told.isTight,
    batch: new Batch(new SharedFrames()),
    sessions,
  };
  const owner: OutletOwner = {
    leftPast() {},
    tooMuch: () => void told.tooMuch++,
    fellOffTwice() {
      told.fellOffTwice++;
      outlet.fail(ENDINGS.fellOff, null);
    },
    unsent: bytes => (told.unsent = bytes),
  };
  const outlet = new Outlet(wire, context, owner);
  wire.owner = {
    flushed: () => outlet.flushed(),
    text() {},
    binary() {},
    tooBig() {},
    alive() {},
    closed() {},
  };
  const begin = start?.(log) ?? { log, position: log.head, coveredUntil: log.coveredUntil, overlap: null };
  outlet.follow(new Entitlement('acme', '7', begin.position), begin);

  const append = (id: string, data = '1', user = '7') =>
    assert.equal(log.append(makeEvent(id, forUser(user), data), now()), 'appended');
  const ping = ({ cursor, lastEventId }: Place) =>
    encodeOk({ type: 'system', event: 'ping', connected: true, message: '', lastEventId, cursor });
  /** Visits until there is nothing that could go at once. */
  const pump = () => {
    for (let more = true; more; ) more = outlet.flush();
  };
  return { clock, now, log, wire, context, sessions, owner, outlet, told, append, ping, pump };
}
