import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBrokerAddress } from '../../src/broker/address.js';
import { explain, explainCanary, explainControl, faultOf } from '../../src/broker/fault.js';

const address = parseBrokerAddress('amqp://pod:s%3Acret@rabbit');
assert.ok(address);

describe('a fault', () => {
  it('is read from whatever was thrown', () => {
    assert.deepEqual(faultOf(Object.assign(new Error('no'), { code: 404 }), address), {
      code: 404,
      text: 'no',
    });
    assert.deepEqual(faultOf('text', address), { code: null, text: 'text' });
    assert.deepEqual(faultOf(undefined, address), { code: null, text: 'undefined' });
    const several = new AggregateError([
      new Error('connect ECONNREFUSED ::1'),
      new Error('connect ECONNREFUSED 127.0.0.1'),
    ]);
    assert.deepEqual(faultOf(Object.assign(several, { code: 'ECONNREFUSED' }), address), {
      code: 'ECONNREFUSED',
      text: 'connect ECONNREFUSED ::1; connect ECONNREFUSED 127.0.0.1',
    });
    assert.deepEqual(faultOf(Object.assign(new Error(''), { code: 'EPIPE' }), address), {
      code: 'EPIPE',
      text: 'EPIPE',
    });
  });

  it('never shows the password, as it is or percent-encoded', () => {
    const { text } = faultOf(new Error('bad s:cret in amqp://pod:s%3Acret@rabbit'), address);
    assert.equal(text, 'bad *** in amqp://pod:***@rabbit');
  });

  it('names the deleted queue, whichever of the broker’s two answers came first', () => {
    const context = { exchange: 'push.events', stream: null, declare: true, address };
    assert.equal(
      explain('attached', { code: 404, text: "NOT_FOUND - no queue 'q'" }, context),
      "attached: its queue was deleted (NOT_FOUND - no queue 'q')",
    );
  });

  it('is explained with its own words when there is no advice', () => {
    const context = { exchange: 'push.events', stream: null, declare: true, address };
    assert.equal(
      explain('connecting', { code: 'CERT_HAS_EXPIRED', text: 'certificate has expired' }, context),
      'connecting: certificate has expired',
    );
    assert.equal(
      explain('attached', { code: 541, text: 'INTERNAL_ERROR' }, context),
      'attached: INTERNAL_ERROR',
    );
  });

  it('of the canary says what to grant', () => {
    const advice = (code: number) => explainCanary({ code, text: 'REASON' }, { exchange: 'push.events' });
    assert.match(
      advice(403),
      /^the user lacks a permission: grant .* on push\.events\.canary and .*\(REASON\)$/,
    );
    assert.equal(advice(406), 'REASON');
  });

  it('of the control exchange says what to grant, to declare or to rename', () => {
    const text = 'REASON';
    const advice = (code: number, declare: boolean) =>
      explainControl({ code, text }, { controlExchange: 'push.control', declare });
    assert.match(
      advice(403, false),
      /^the user lacks a permission: grant "read" and "write" on push\.control \(REASON\)$/,
    );
    assert.match(advice(403, true), /"configure" or set AMQP_DECLARE=false/);
    assert.match(advice(404, false), /declare it \(fanout, durable\), or set AMQP_DECLARE=true/);
    assert.match(advice(406, true), /another type or durability.*AMQP_CONTROL_EXCHANGE/);
  });
});
