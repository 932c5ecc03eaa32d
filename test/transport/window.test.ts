import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.js';
import { startWarren, type WarrenInProcess } from '../support/warren.js';

const WINDOW = 16 * 1024;
/** One event may be on top of the window when it fills. */
const EVENT = 4200;

const PONG_TIMEOUT_MS = 1500;
const FILLER = 'x'.repeat(4000);

async function fill(warren: WarrenInProcess, user: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await warren.publish({ id: `${user}-${i}`, tenant: 'acme', user, data: FILLER });
  }
}

describe('the window of a WebSocket', () => {
  let warren: WarrenInProcess;
  before(async () => {
    warren = await startWarren({ MAX_IN_FLIGHT_BYTES: `${WINDOW}` });
  });
  after(() => warren.stop());

  it('bounds what a client that does not read takes of the kernel; reading again, it gets the rest in order', async () => {
    const client = await warren.enter({ user: 'deaf' });
    const before = await warren.metric('warren_sent_bytes_total');
    client.stopReading();
    await fill(warren, 'deaf', 100);
    const sent = (await warren.metric('warren_sent_bytes_total')) - before;
    assert.ok(sent <= WINDOW + EVENT, `${sent} bytes of 400 kB were sent`);
    client.resumeReading();
    await client.event('deaf-99');
    assert.deepEqual(
      client.events().map(({ id }) => id),
      Array.from({ length: 100 }, (_, i) => `deaf-${i}`),
    );
    await client.close();
  });

  it('is not opened by pongs that claim what nobody can have read', async () => {
    const client = await warren.enter({ user: 'liar' });
    const before = await warren.metric('warren_sent_bytes_total');
    client.stopReading();
    await fill(warren, 'liar', 20);
    // Positions as the server counts them, with every second of the rest left to chance.
    for (let position = 1000; position < 200_000; position += 1000) {
      const forged = Buffer.alloc(10);
      forged.writeUIntBE(position, 0, 6);
      client.pong(forged);
      client.pong(forged.subarray(0, 6));
    }
    const sent = (await warren.metric('warren_sent_bytes_total')) - before;
    assert.ok(sent <= WINDOW + EVENT, `${sent} bytes of 80 kB were sent`);
    client.resumeReading();
    await client.event('liar-19');
    await client.close();
  });
});

describe('liveness through the window', () => {
  let warren: WarrenInProcess;
  before(async () => {
    warren = await startWarren({
      MAX_IN_FLIGHT_BYTES: `${WINDOW}`,
      PING_INTERVAL_MS: '500',
      PONG_TIMEOUT_MS: `${PONG_TIMEOUT_MS}`,
    });
  });
  after(() => warren.stop());

  it('takes no slow reader for dead, whose pongs come late but come', async () => {
    const client = await warren.enter({ user: 'slow' });
    client.stopReading();
    await fill(warren, 'slow', 20);
    const begun = performance.now();
    // A slow machine or network: after each read it does nothing for most of the pong timeout.
    const pauses = setInterval(() => client.resumeReading(), PONG_TIMEOUT_MS * 0.8);
    for (let taken = 0; taken < 20; taken++) {
      await client.event();
      client.stopReading();
    }
    clearInterval(pauses);
    client.resumeReading();
    assert.ok(performance.now() - begun > 2 * PONG_TIMEOUT_MS, 'it took several pong timeouts');
    assert.equal(client.events().length, 20);
    await client.close();
  });

  it('is deaf to nobody: a client that reads nothing and answers nothing is gone within ping and pong time', async () => {
    const client = await warren.enter({ user: 'dead' });
    client.stopReading();
    await fill(warren, 'dead', 20);
    await eventually(
      () => warren.metric('warren_connections_closed_total{how="noSignOfLife"}'),
      count => count === 1,
      8000,
    );
    client.resumeReading();
    await client.closed;
  });
});
