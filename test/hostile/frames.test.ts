import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { parseServerMessage } from '../support/messages.js';
import { RawWebSocket } from '../support/raw-websocket.js';
import { mintToken } from '../support/tokens.js';
import { startWarren, type WarrenInProcess } from '../support/warren.js';
import { Bystanders } from './bystanders.js';
import { type FrameRow, type Outcome, ping, text } from './frame-row.js';
import { FRAMES } from './frames.js';
import { CLOSING_FRAMES } from './frames-closing.js';
import { UTF8_FRAMES } from './frames-utf8.js';

const ROWS = [...FRAMES, ...CLOSING_FRAMES, ...UTF8_FRAMES];
const TOKEN = mintToken({ tenant: 'hostile', topics: ['#'] });
const FENCE = 'are you still there';

let warren: WarrenInProcess;
let bystanders: Bystanders;
before(async () => {
  // No ping of the server's own among the answers.
  warren = await startWarren({ PING_INTERVAL_MS: '86400000' });
  bystanders = await Bystanders.gather(warren);
});
after(() => warren.stop());

async function open(state: 'before' | 'atOnce' | 'after', row: FrameRow): Promise<RawWebSocket> {
  const [first] = row.send;
  if (state === 'atOnce' && Buffer.isBuffer(first)) return RawWebSocket.open(warren.publicUrl, first);
  const socket = await RawWebSocket.open(warren.publicUrl);
  if (state === 'after') {
    await socket.send(text(JSON.stringify({ access_token: TOKEN })));
    await socket.until(() => socket.texts.length === 2);
  }
  return socket;
}

async function run(row: FrameRow, state: 'before' | 'atOnce' | 'after'): Promise<void> {
  const socket = await open(state, row);
  try {
    await exchange(socket, row, state);
  } finally {
    socket.destroy();
  }
}

async function exchange(
  socket: RawWebSocket,
  row: FrameRow,
  state: 'before' | 'atOnce' | 'after',
): Promise<void> {
  const greeting = state === 'after' ? 2 : 1;
  let answered = greeting;
  for (const [i, step] of row.send.entries()) {
    if (step === 'fin') socket.end();
    else if (step === 'answered') {
      answered++;
      const wanted = answered;
      await socket.until(() => socket.texts.length >= wanted);
    } else if (i > 0 || state !== 'atOnce') await socket.send(step);
  }
  const outcome: Outcome =
    'before' in row.outcome ? row.outcome[state === 'after' ? 'after' : 'before'] : row.outcome;
  if (outcome.closes === undefined) await fence(socket);
  else await socket.until(() => false);

  const messages = socket.texts.slice(greeting).map(parseServerMessage);
  // The last of each is the answer to the fence.
  const own = outcome.closes === undefined ? -1 : undefined;
  const pongs = outcome.pongs === 'some' ? [] : socket.pongs.slice(0, own);
  assert.deepEqual(
    {
      says: messages.slice(0, own).map(({ code }) => code),
      pongs: pongs.map(pong => pong.toString('hex')),
      closes: socket.ended ? (socket.closeCode ?? 'silently') : 'stays open',
      faults: socket.faults,
    },
    {
      says: outcome.says ?? [],
      pongs: [...(outcome.pongs === 'some' ? [] : (outcome.pongs ?? []))].map(pong =>
        Buffer.from(pong).toString('hex'),
      ),
      closes: outcome.closes ?? 'stays open',
      faults: [],
    },
    state,
  );
}

/** Everything before it has been answered when this is: a pong is sent at once, an error in its turn. */
async function fence(socket: RawWebSocket): Promise<void> {
  await socket.send(ping(FENCE));
  await socket.until(() => socket.pongs.at(-1)?.toString() === FENCE);
  await socket.send(text(JSON.stringify({ ref: FENCE })));
  await socket.until(() => socket.texts.at(-1)?.includes(FENCE) ?? false);
}

describe('frames of a hostile client', { concurrency: 16 }, () => {
  for (const row of ROWS) {
    it(row.name, () =>
      bystanders.during(async () => {
        await Promise.all([run(row, 'before'), run(row, 'atOnce'), run(row, 'after')]);
      }),
    );
  }
});

describe('beside hostile frames', () => {
  it('nobody else loses an event or is closed, and nothing is left behind', async () => {
    await bystanders.check([TOKEN]);
  });
});
