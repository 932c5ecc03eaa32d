import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { join } from 'node:path';
import { openStreamFeed } from '../broker/open-stream-feed.js';
import { streamTopology } from '../../src/broker/topology.js';
import { config } from '../support/config.js';
import { privateBroker, publisher } from '../support/rabbitmq.js';
import { eventBody } from '../broker/recording.js';
import { at, list, root, text } from './files.js';

const folder = join(root, 'k8s/examples');
const definitions: unknown = JSON.parse(readFileSync(join(folder, 'rabbitmq-stream.json'), 'utf8'));

describe('the RabbitMQ definitions of the stream', () => {
  const { feed } = config({ FEED: 'stream' });
  assert.ok(feed.kind === 'stream');

  it('declare what Warren would, with the defaults', () => {
    const declared = streamTopology({ ...feed, declare: true }).declarations.find(
      each => each.kind === 'queue',
    );
    assert.ok(declared?.kind === 'queue');
    const [queue] = list(definitions, 'queues');
    assert.equal(text(queue, 'name'), declared.name);
    assert.deepEqual(at(queue, 'arguments'), declared.arguments);
  });

  it('let the pod of the other definitions read the stream, not declare it', {
    timeout: 60_000,
  }, async () => {
    const node = await privateBroker();
    try {
      await node.ctl('add_user', 'warren-pod', 'secret');
      await node.ctl(
        'eval',
        'rabbit_exchange:declare(rabbit_misc:r(<<"/">>, exchange, <<"push.events">>), fanout, true, false, false, [], <<"test">>), ok.',
      );
      await node.ctl('import_definitions', join(folder, 'rabbitmq-stream.json'));
      const url = node.url.replace('guest:guest', 'warren-pod:secret');
      const names = { exchange: feed.exchange, stream: feed.stream };
      const refused = openStreamFeed(url, names);
      void refused.feed.start(refused.sink);
      await refused.logger.line(/the user may not declare push\.events/);
      await refused.feed.stop();
      const open = openStreamFeed(url, { ...names, declare: false });
      await open.feed.start(open.sink);
      await open.sink.expect('attached');
      const backend = await publisher(node.url, feed.exchange);
      await backend.publish(eventBody('e1'));
      assert.deepEqual(await open.sink.ids(1), ['e1']);
      await backend.close();
      await open.feed.stop();
    } finally {
      await node.stop();
    }
  });
});
