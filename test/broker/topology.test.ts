import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type QueueTopologyOptions,
  queueTopology,
  segmentBytes,
  type StreamTopologyOptions,
  streamTopology,
} from '../../src/broker/topology.js';

const options: QueueTopologyOptions = {
  exchange: 'push.events',
  controlExchange: 'push.control',
  declare: true,
  queuePrefix: 'push.pod',
  queueMaxLength: 7,
  queueMaxBytes: 9,
  podName: 'pod-1',
};

describe('the topology of a queue feed', () => {
  it('has only queues that newer brokers accept too: exclusive, transient, classic', () => {
    for (const declaration of queueTopology(options, 'x').declarations) {
      if (declaration.kind !== 'queue') continue;
      assert.deepEqual(
        [
          declaration.exclusive,
          declaration.durable,
          declaration.autoDelete,
          declaration.arguments['x-queue-type'],
        ],
        [true, false, true, 'classic'],
      );
      assert.equal(declaration.arguments['x-overflow'], 'drop-head');
    }
  });

  it('caps the queue in length and bytes, and lets what is dropped tell', () => {
    const { declarations, queue, overflowExchange } = queueTopology(options, 'x');
    const main = declarations.find(each => each.kind === 'queue' && each.name === queue);
    assert.ok(main?.kind === 'queue');
    assert.equal(main.arguments['x-max-length'], 7);
    assert.equal(main.arguments['x-max-length-bytes'], 9);
    assert.equal(main.arguments['x-dead-letter-exchange'], overflowExchange);
  });

  it('has a canary beside an exchange that it declares, if its name leaves room', () => {
    const canary = (changes: object) => queueTopology({ ...options, ...changes }, 'x').canary;
    assert.equal(canary({ declare: false }), null);
    assert.equal(canary({ declare: true, exchange: 'x'.repeat(249) }), null);
    assert.deepEqual(canary({ declare: true }), {
      exchange: {
        kind: 'exchange',
        name: 'push.events.canary',
        type: 'fanout',
        durable: true,
        autoDelete: true,
      },
      binding: { kind: 'exchange binding', from: 'push.events.canary', to: 'push.events' },
    });
  });

  it('declares nothing outside its prefix, the two exchanges apart, and those only when told to', () => {
    for (const declare of [true, false]) {
      const { declarations, control } = queueTopology({ ...options, declare }, 'x');
      const foreign = [...declarations, ...control].filter(
        each => each.kind !== 'binding' && !each.name.startsWith('push.pod.pod-1.x'),
      );
      assert.deepEqual(
        foreign,
        declare
          ? ['push.events', 'push.control'].map(name => ({
              kind: 'exchange',
              name,
              type: 'fanout',
              durable: true,
              autoDelete: false,
            }))
          : [],
      );
    }
  });

  it('declares each name before it binds it', () => {
    const known = new Set<string>(['push.events', 'push.control']);
    const { declarations, control } = queueTopology({ ...options, declare: false }, 'x');
    for (const declaration of [...declarations, ...control]) {
      if (declaration.kind !== 'binding') known.add(declaration.name);
      else assert.ok(known.has(declaration.exchange) && known.has(declaration.queue));
    }
  });

  it('keeps names within the 255 bytes that AMQP allows, whatever the pod is called', () => {
    const { overflowQueue } = queueTopology(
      { ...options, queuePrefix: 'p'.repeat(64), podName: 'ä/ 漢'.repeat(100) },
      'f'.repeat(12),
    );
    assert.match(overflowQueue, /^[\w.]{1,255}$/);
  });
});

const streamOptions: StreamTopologyOptions = {
  exchange: 'push.events',
  declare: true,
  stream: 'push.history',
  streamMaxBytes: 2 ** 30,
  streamMaxAgeMs: 3_600_500,
};

describe('the topology of a stream feed', () => {
  it('has one durable stream, kept within size and age by segments that are small beside it', () => {
    assert.deepEqual(streamTopology(streamOptions).declarations, [
      { kind: 'exchange', name: 'push.events', type: 'fanout', durable: true, autoDelete: false },
      {
        kind: 'queue',
        name: 'push.history',
        durable: true,
        exclusive: false,
        autoDelete: false,
        arguments: {
          'x-queue-type': 'stream',
          'x-max-length-bytes': 2 ** 30,
          'x-max-age': '3601s',
          'x-stream-max-segment-size-bytes': 2 ** 26,
        },
      },
      { kind: 'binding', exchange: 'push.events', queue: 'push.history' },
    ]);
  });

  it('only binds where it may not declare', () => {
    assert.deepEqual(streamTopology({ ...streamOptions, declare: false }).declarations, [
      { kind: 'binding', exchange: 'push.events', queue: 'push.history' },
    ]);
  });

  it('never has a segment as large as RabbitMQ refuses', () => {
    assert.equal(segmentBytes(2 ** 50), 500_000_000);
  });
});
