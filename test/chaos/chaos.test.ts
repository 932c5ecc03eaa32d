import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startBroker } from './broker.js';
import { FAULTS } from './faults/index.js';
import { run } from './run.js';
import { explain } from './table.js';

const SEED = 7;
const CHOSEN = new Set(['broker-kill', 'pod-kill', 'client-reset', 'publisher-dies']);

test('while the broker and pods are killed, clients are cut and publishers die, no event is lost in silence', async () => {
  const broker = await startBroker('one node');
  const folder = await mkdtemp(join(tmpdir(), 'warren-chaos-'));
  try {
    const judgement = await run(broker, {
      feed: 'queue',
      seed: SEED,
      faults: FAULTS.filter(({ name }) => CHOSEN.has(name)),
      forMs: 5000,
      clients: 60,
      pods: 2,
      publishers: 3,
      eventsPerSecond: 45,
      resumes: true,
      main: join(import.meta.dirname, '../../src/main.js'),
      env: {},
      choice: 'all',
      prefix: '',
      mayEvict: false,
      folder,
    });
    assert.equal(judgement.verdict, 'valid', explain(judgement).join('\n'));
    assert.ok(judgement.figures.resyncs > 0, 'the broker was killed, so there must be resyncs');
  } finally {
    await broker.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
