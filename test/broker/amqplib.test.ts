import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, createServer as createTcpServer, Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { createServer, type TlsOptions } from 'node:tls';
import { selfSigned } from '../support/certificate.js';
import { onChannel, sharedBroker } from '../support/rabbitmq.js';
import { openQueueFeed, type QueueFeedChanges } from './open-queue-feed.js';

/** TLS in front of the shared broker; resolves to its port. */
async function tlsFrontEnd(
  test: TestContext,
  options: TlsOptions,
  onClient = (): void => {},
): Promise<number> {
  const broker = new URL((await sharedBroker()).url);
  const server = createServer(options, client => {
    onClient();
    const upstream = connectTcp({ host: broker.hostname, port: Number(broker.port) });
    client.pipe(upstream).pipe(client);
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

/** What becomes of a feed that tries each address once. */
async function outcomeOf(url: string, changes: QueueFeedChanges): Promise<string> {
  const { feed, sink, options } = openQueueFeed(url, { reconnectDeadlineMs: 0, ...changes });
  await feed.start(sink);
  const heard = await sink.next();
  await feed.stop();
  if (heard.kind !== 'attached') return heard.kind === 'givenUp' ? heard.why : heard.kind;
  await onChannel((await sharedBroker()).url, channel => channel.deleteExchange(options.exchange));
  return 'attached';
}

describe('AMQP over TLS', { timeout: 60_000 }, () => {
  const broker = selfSigned('localhost');
  const stranger = selfSigned('localhost');
  const trusting = { ca: broker.cert, cert: null, key: null };

  it('attaches to a broker whose certificate is vouched for, and to no other', async test => {
    const port = await tlsFrontEnd(test, broker);
    const url = `amqps://guest:guest@localhost:${port}`;
    assert.equal(await outcomeOf(url, { tls: trusting }), 'attached');
    assert.match(
      await outcomeOf(url, { tls: { ...trusting, ca: stranger.cert } }),
      /^connecting: .*certificate/,
    );
    assert.match(await outcomeOf(url, { tls: null }), /^connecting: .*certificate/);
    const byAddress = `amqps://guest:guest@127.0.0.1:${port}`;
    assert.match(await outcomeOf(byAddress, { tls: trusting }), /^connecting: .*IP: 127\.0\.0\.1/);
  });

  it('is never tried without TLS after it failed with', async () => {
    const { url } = await sharedBroker();
    const plain = new URL(url);
    assert.match(
      await outcomeOf(`amqps://guest:guest@localhost:${plain.port}`, { tls: trusting }),
      /^connecting: /,
    );
  });

  it('identifies itself by its certificate where the address names no user', async test => {
    const pod = selfSigned('pod-1');
    const port = await tlsFrontEnd(test, { ...broker, ca: pod.cert, requestCert: true });
    const tls = { ca: broker.cert, cert: pod.cert, key: pod.key };
    // This broker has no such mechanism: that it is asked for is what can be seen here.
    assert.match(
      await outcomeOf(`amqps://localhost:${port}`, { tls }),
      /SASL mechanism EXTERNAL is not provided/,
    );
    assert.equal(await outcomeOf(`amqps://guest:guest@localhost:${port}`, { tls }), 'attached');
  });

  it('can be given up while its handshake hangs, and leaves no socket', async test => {
    const silent = createTcpServer();
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    test.after(() => silent.close());
    const address = silent.address();
    assert.ok(address !== null && typeof address === 'object');
    const { feed, sink } = openQueueFeed(`amqps://guest:guest@127.0.0.1:${address.port}`, {
      tls: trusting,
      connectTimeoutMs: 60_000,
    });
    const taken = once(silent, 'connection');
    const started = feed.start(sink);
    const [socket] = await taken;
    assert.ok(socket instanceof Socket);
    socket.on('error', () => {});
    const closed = once(socket.resume(), 'close');
    await Promise.all([feed.stop(), started, closed]);
    assert.deepEqual(sink.rest, []);
  });
});
