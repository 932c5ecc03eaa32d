import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RabbitmqNode } from '../../scripts/lib/rabbitmq-node.mjs';
import { eventually } from '../support/eventually.js';
import { exchanges, privateBroker, publisher, queues } from '../support/rabbitmq.js';
import { type OpenQueueFeed, openQueueFeed, type QueueFeedChanges } from './open-queue-feed.js';
import { eventBody } from './recording.js';

/** What only a broker of one's own lets one do: kill it, freeze it, starve it. */
describe('the queue feed and a broker in trouble', { timeout: 120_000 }, () => {
  let node: RabbitmqNode;
  before(async () => {
    node = await privateBroker();
  });
  after(() => node.stop());

  async function attached(changes: QueueFeedChanges = {}): Promise<OpenQueueFeed> {
    const open = openQueueFeed(node.url, changes);
    await open.feed.start(open.sink);
    await open.sink.expect('attached');
    return open;
  }

  async function deliversAgain({ sink, options }: OpenQueueFeed, id: string): Promise<void> {
    const backend = await publisher(node.url, options.exchange);
    await backend.publish(eventBody(id));
    assert.deepEqual(await sink.ids(1), [id]);
    await backend.close();
  }

  it('comes back with a gap after the broker was killed, and after it was restarted cleanly', async () => {
    const open = await attached();
    await node.kill();
    assert.match((await open.sink.expect('lost')).why, /^attached: /);
    await open.logger.line(/nobody listens there/);
    await node.restart();
    assert.deepEqual(await open.sink.next(), { kind: 'attached', continuity: 'gap' });
    await deliversAgain(open, 'after-the-kill');

    await node.restart();
    // What is written to a connection that is going can fail before the broker's goodbye is read.
    assert.match((await open.sink.expect('lost')).why, /320 \(CONNECTION-FORCED\)|ECONNRESET|EPIPE/);
    assert.deepEqual(await open.sink.next(), { kind: 'attached', continuity: 'gap' });
    await deliversAgain(open, 'after-the-restart');
    assert.deepEqual(open.report.losses, ['connection', 'connection']);
    // Loud are: attached, lost and the failures of a kind once per outage; not every try.
    assert.ok(open.logger.loud.length < open.report.attempts + 4, `${open.logger.loud.length} loud lines`);
    await open.feed.stop();
    assert.deepEqual(await queues(node, open.prefix), []);
    assert.deepEqual(await exchanges(node, open.prefix), []);
  });

  it('notices a frozen broker by its missing heartbeats, and is back once it thaws', async () => {
    const open = await attached({ heartbeatSeconds: 1, connectTimeoutMs: 500 });
    node.freeze();
    const before = performance.now();
    assert.match((await open.sink.expect('lost')).why, /Heartbeat timeout/);
    const noticedAfter = performance.now() - before;
    assert.ok(noticedAfter < 4500, `noticed after ${noticedAfter} ms`);
    await open.logger.line(/no answer within 500 ms/);
    node.thaw();
    assert.deepEqual(await open.sink.next(), { kind: 'attached', continuity: 'gap' });
    await deliversAgain(open, 'after-the-thaw');
    await open.feed.stop();
    await eventually(
      () => queues(node, open.prefix),
      left => left.length === 0,
    );
  });

  it('stops within two seconds or so when the broker is frozen', async () => {
    const open = await attached();
    node.freeze();
    const before = performance.now();
    await open.feed.stop();
    const took = performance.now() - before;
    node.thaw();
    assert.ok(took < 3000, `took ${took} ms`);
    assert.deepEqual(open.sink.rest, []);
    await eventually(
      () => queues(node, open.prefix),
      left => left.length === 0,
    );
  });

  it('gives up when the broker stays away longer than the deadline', async () => {
    const open = await attached({ reconnectDeadlineMs: 500 });
    await node.kill();
    await open.sink.expect('lost');
    await open.sink.expect('givenUp');
    assert.deepEqual(open.sink.rest, []);
    await node.restart();
    await open.feed.stop();
  });

  it('stays lost while a permission is missing, and heals when it is back', async () => {
    const open = await attached();
    await node.ctl('set_permissions', 'guest', '.*', '.*', '^nothing$');
    await node.ctl('close_all_connections', 'test');
    await open.sink.expect('lost');
    await open.logger.line(/the user lacks a permission/);
    assert.deepEqual(open.sink.rest, []);
    await node.ctl('set_permissions', 'guest', '.*', '.*', '.*');
    assert.deepEqual(await open.sink.next(), { kind: 'attached', continuity: 'gap' });
    await deliversAgain(open, 'after-the-permission');
    await open.feed.stop();
    assert.deepEqual(await exchanges(node, open.prefix), []);
  });

  it('goes on consuming under a memory alarm, while publishing is unconfirmed', async () => {
    const open = await attached({ confirmTimeoutMs: 1000 });
    const message = (id: string) => ({ id, body: Buffer.from(eventBody(id)) });
    assert.equal((await open.feed.publish(message('before'))).kind, 'confirmed');
    await node.ctl('set_vm_memory_high_watermark', '0.0001');
    const outcome = await eventually(
      () => open.feed.publish(message('during')),
      ({ kind }) => kind === 'unconfirmed',
    );
    assert.ok(outcome.kind === 'unconfirmed');
    const blocked = await eventually(
      () => open.feed.publish(message('blocked')),
      each => each.kind === 'unconfirmed' && each.why.includes('memory or disk alarm'),
    );
    assert.equal(blocked.kind, 'unconfirmed');
    assert.ok(open.sink.rest.every(({ kind }) => kind === 'event'));
    await node.ctl('set_vm_memory_high_watermark', 'absolute', '512MB');
    await eventually(
      () => open.feed.publish(message('after')),
      ({ kind }) => kind === 'confirmed',
    );
    await open.feed.stop();
  });
});
