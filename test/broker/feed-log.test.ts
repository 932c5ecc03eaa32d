import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBrokerAddress } from '../../src/broker/address.js';
import { createFeedLog } from '../../src/broker/feed-log.js';
import type { Ending } from '../../src/broker/attachment.js';
import { manualClock } from '../support/clock.js';
import { recordingLogger } from './recording.js';

const OUTAGE = { first: false, lastedMs: 1, attempts: 1 };

function opened() {
  const clock = manualClock();
  const logger = recordingLogger();
  let host = 'one';
  const log = createFeedLog(
    { exchange: 'push.events', controlExchange: 'push.control', stream: null, declare: true },
    { clock, logger },
    () => {
      const address = parseBrokerAddress(`amqp://guest:guest@${host}:5672`);
      assert.ok(address);
      return address;
    },
  );
  return {
    clock,
    log,
    fail: (text: string, at = 'one'): void => {
      host = at;
      const ending: Ending = { cause: 'connection', step: 'connecting', fault: { code: null, text } };
      log.failed(ending, OUTAGE, 100);
    },
    /** How many lines at info and above there are so far. */
    loud: () => logger.loud.length,
    all: () => logger.lines.length,
  };
}

describe('the log of a feed', () => {
  it('says a failure aloud once a minute, also while brokers fail in turn and for different reasons', () => {
    const { clock, fail, loud, all } = opened();
    for (let round = 0; round < 60; round++) {
      fail('refused', 'one');
      fail('timed out', 'two');
      clock.advance(999);
    }
    assert.deepEqual([loud(), all()], [2, 120]);
    clock.advance(60);
    fail('refused', 'one');
    fail('timed out', 'two');
    assert.equal(loud(), 4);
  });

  it('says aloud that another broker fails in the same way', () => {
    const { fail, loud } = opened();
    fail('refused', 'one');
    fail('refused', 'two');
    assert.equal(loud(), 2);
  });

  it('begins anew with each outage', () => {
    const { fail, log, loud } = opened();
    fail('refused');
    log.attached(OUTAGE, 'gap');
    fail('refused');
    assert.equal(loud(), 3);
  });

  it('remembers a bounded number of failures, those said aloud last', () => {
    const { fail, loud } = opened();
    for (let kind = 0; kind <= 64; kind++) fail(`failure ${kind}`);
    assert.equal(loud(), 65);
    fail('failure 1');
    fail('failure 64');
    assert.equal(loud(), 65, 'known');
    fail('failure 0');
    assert.equal(loud(), 66, 'forgotten');
  });
});
