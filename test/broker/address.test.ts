import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeBroker, parseBrokerAddress } from '../../src/broker/address.js';

describe('a broker address', () => {
  it('is taken apart and decoded', () => {
    assert.deepEqual(
      parseBrokerAddress('amqps://us%40er:p%2Fw@rabbit.example:5679/my%2Fhost?heartbeat=7&frameMax=8192'),
      {
        secure: true,
        host: 'rabbit.example',
        port: 5679,
        login: { user: 'us@er', password: 'p/w' },
        vhost: 'my/host',
        parameters: { heartbeat: 7, frameMax: 8192 },
      },
    );
  });

  it('has the usual defaults', () => {
    const bare = { secure: false, host: 'h', port: 5672, login: null, vhost: '/', parameters: {} };
    for (const url of ['amqp://h', 'amqp://h/', 'amqp://h/%2F'])
      assert.deepEqual(parseBrokerAddress(url), bare);
    assert.equal(parseBrokerAddress('amqps://h')?.port, 5671);
    assert.equal(parseBrokerAddress('amqp://[::1]:5673')?.host, '::1');
  });

  it('is refused if it is none', () => {
    for (const url of ['', 'localhost', 'http://h', 'amqp://', 'amqp://u:%zz@h', 'amqp://h:port']) {
      assert.equal(parseBrokerAddress(url), null);
    }
  });

  it('is described without its password', () => {
    const described = (url: string) => {
      const address = parseBrokerAddress(url);
      assert.ok(address);
      return describeBroker(address);
    };
    assert.equal(described('amqp://guest:secret@h/v'), 'amqp://guest@h:5672/v');
    assert.equal(described('amqps://[::1]'), 'amqps://[::1]:5671');
  });
});
