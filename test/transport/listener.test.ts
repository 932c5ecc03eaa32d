import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../src/clock.js';
import { Listener } from '../../src/transport/listener.js';
import { eventually } from '../support/eventually.js';
import { rawRequest, rawSocket, readResponse, upgradeRequest } from '../support/raw-http.js';
import { startWarren, type WarrenInProcess } from '../support/warren.js';

const ORIGIN = 'https://app.example.com';

let open: WarrenInProcess;
let strict: WarrenInProcess;
before(async () => {
  open = await startWarren();
  strict = await startWarren({ ALLOWED_ORIGINS: `${ORIGIN},capacitor://localhost` });
});
after(async () => {
  await open.stop();
  await strict.stop();
});

const upgrade = (warren: WarrenInProcess, path: string, headers?: readonly string[], to?: string) =>
  rawRequest(warren.publicUrl, upgradeRequest(path, headers, to));

describe('a handshake that waits for its turn', () => {
  it('is refused when the pod begins to drain meanwhile, and when too many wait', async () => {
    const tasks: (() => void)[] = [];
    const listener = new Listener(
      {
        host: '127.0.0.1',
        port: 0,
        allowedOrigins: [],
        maxPayloadBytes: 1000,
        maxInFlightBytes: 131_072,
        maxUnauthenticated: 1,
      },
      {
        open: () => assert.fail('nobody is let in'),
        isReady: () => true,
        clock: systemClock,
        defer: task => void tasks.push(task),
      },
    );
    const { port } = await listener.listen();
    const url = `http://127.0.0.1:${port}`;
    const waiting = rawRequest(url, upgradeRequest('/ws'));
    await eventually(
      () => tasks.length,
      waiting => waiting === 1,
    );
    const excess = await rawRequest(url, upgradeRequest('/ws'));
    assert.deepEqual([excess.status, excess.headers['retry-after']], [503, '2']);
    listener.drain();
    for (const task of tasks.splice(0)) task();
    assert.equal((await waiting).status, 503);
    await listener.close();
  });
});

describe('plain HTTP on the public listener', () => {
  it('is readiness at /healthz, without a body', async () => {
    const response = await fetch(`${open.publicUrl}/healthz?x=1`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.equal(await response.text(), '');
  });

  it('is an invitation to upgrade at /ws', async () => {
    const response = await fetch(`${open.publicUrl}/ws`);
    assert.equal(response.status, 426);
    assert.equal(response.headers.get('upgrade'), 'websocket');
  });

  it('is nothing anywhere else, least of all the admin listener', async () => {
    for (const path of [
      '/',
      '/metrics',
      '/readyz',
      '/livez',
      '/stats',
      '/events',
      '/ws/',
      '/wss',
      '/healthz/',
    ])
      assert.equal((await fetch(`${open.publicUrl}${path}`)).status, 404, path);
    assert.equal((await fetch(`${open.publicUrl}/events`, { method: 'POST', body: '{}' })).status, 404);
  });

  it('survives whatever stands where the path should be', async () => {
    for (const path of ['//', '*', 'http://[', '/%', '/\\']) {
      const answer = await rawRequest(
        open.publicUrl,
        `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      );
      assert.ok(answer.status === 404 || answer.status === 400, `${path}: ${answer.status}`);
    }
  });

  it('is not ready while the feed has never been there', async () => {
    const warren = await startWarren({
      FEED: 'queue',
      AMQP_URL: 'amqp://127.0.0.1:1',
      FEED_RECONNECT_DEADLINE_MS: '-1',
    });
    assert.equal((await fetch(`${warren.publicUrl}/healthz`)).status, 503);
    await warren.stop();
  });
});

describe('an upgrade', () => {
  it('is taken at /ws, with or without a query', async () => {
    for (const path of ['/ws', '/ws?x=1']) {
      const { status, headers } = await upgrade(open, path);
      assert.equal(status, 101);
      // RFC 6455 §1.3: the answer to this very key.
      assert.equal(headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    }
  });

  it('chooses no subprotocol and no compression, whatever is offered', async () => {
    const offers = [
      'Sec-WebSocket-Protocol: a, b',
      'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits',
    ];
    const { status, headers } = await upgrade(open, '/ws', offers);
    assert.equal(status, 101);
    assert.equal(headers['sec-websocket-protocol'], undefined);
    assert.equal(headers['sec-websocket-extensions'], undefined);
  });

  it('is not found at any other path', async () => {
    for (const path of ['/', '/healthz', '/ws/', '/socket.io/', '//ws', '/events'])
      assert.equal((await upgrade(open, path)).status, 404, path);
  });

  it('to another protocol is passed over: the request is answered as it would be without', async () => {
    for (const to of ['h2c', 'TLS/1.0', 'websockets']) {
      assert.equal((await upgrade(open, '/healthz', [], to)).status, 200, to);
      assert.equal((await upgrade(open, '/ws', [], to)).status, 426, to);
      assert.equal((await upgrade(open, '/', [], to)).status, 404, to);
    }
  });

  it('that is no proper handshake is refused', async () => {
    const bad = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
    for (const line of bad) {
      const request = upgradeRequest('/ws').replace(
        `${line}\r\n`,
        `${line.slice(0, line.indexOf(':'))}: 7\r\n`,
      );
      const { status } = await rawRequest(open.publicUrl, request);
      assert.ok(status === 400 || status === 426, `${line}: ${status}`);
    }
    const post = upgradeRequest('/ws').replace('GET', 'POST');
    assert.equal((await rawRequest(open.publicUrl, post)).status, 405);
  });

  it('with any headers, in any number, leaves the process alone', async () => {
    const many = Array.from({ length: 2500 }, (_, i) => `a: ${i % 10}`);
    const hostile = [
      'constructor: x',
      '__proto__: y',
      'toString: z',
      'Sec-WebSocket-Extensions: constructor',
    ];
    await upgrade(open, '/ws', many);
    await upgrade(open, '/ws', hostile);
    await upgrade(open, '/ws', [`x: ${'y'.repeat(20_000)}`]);
    await upgrade(open, '/ws', [`Sec-WebSocket-Protocol: ${', '.repeat(2000)}`]);
    const plain = `GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${many.join('\r\n')}\r\n\r\n`;
    // Node 20 leaves out what exceeds 2,000 headers, later versions refuse it.
    assert.ok([200, 431].includes((await rawRequest(open.publicUrl, plain)).status));
    const client = await open.enter();
    await client.close();
  });

  it('that is refused ends the socket though the peer keeps its side open', async () => {
    const { connect } = await import('node:net');
    const { port, hostname } = new URL(open.publicUrl);
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    await once(socket, 'connect');
    socket.write(upgradeRequest('/nowhere'));
    socket.resume();
    await once(socket, 'end');
    // A server that has let go of its end answers more bytes with a reset.
    const reset = once(socket, 'error');
    const more = setInterval(() => socket.write('more'), 5);
    await reset;
    clearInterval(more);
    socket.destroy();
  });
});

describe('the allow-list of origins', () => {
  const status = async (warren: WarrenInProcess, origin: string | null) =>
    (await upgrade(warren, '/ws', origin === null ? [] : [`Origin: ${origin}`])).status;

  it('lets in the listed ones, and clients that are no browsers', async () => {
    for (const origin of [ORIGIN, 'capacitor://localhost', null])
      assert.equal(await status(strict, origin), 101, `${origin}`);
  });

  it('refuses every other spelling and every other origin with 403', async () => {
    const foreign = [
      'null',
      'https://evil.example',
      `${ORIGIN}.evil.example`,
      'https://evil-app.example.com',
      'http://app.example.com',
      `${ORIGIN}:8443`,
      `${ORIGIN}/`,
      'HTTPS://APP.EXAMPLE.COM',
      '*',
      '',
      'https://example.com',
      'https://x.app.example.com',
      `${ORIGIN}, https://evil.example`,
    ];
    for (const origin of foreign) assert.equal(await status(strict, origin), 403, origin);
  });

  it('lets in every origin when there is none', async () => {
    for (const origin of ['null', 'https://evil.example']) assert.equal(await status(open, origin), 101);
  });
});

describe('a draining listener', () => {
  it('refuses new sockets with 503 and Retry-After, is not ready, and keeps those it has', async () => {
    const warren = await startWarren();
    const client = await warren.enter();
    client.stopReading();
    const stopped = warren.stop(10_000);
    const { status, headers } = await upgrade(warren, '/ws');
    assert.deepEqual([status, headers['retry-after']], [503, '2']);
    assert.equal((await fetch(`${warren.publicUrl}/healthz`)).status, 503);
    const ready = await fetch(`${warren.adminUrl}/readyz`);
    assert.deepEqual(await ready.json(), { ready: false, reasons: ['draining'] });
    client.resumeReading();
    assert.equal((await client.system('reconnect')).reason, 'drain');
    assert.equal((await client.closed).code, 1012);
    await stopped;
  });

  it('stops though a socket that it refused is still open on the other side', async () => {
    const warren = await startWarren();
    const socket = await rawSocket(warren.publicUrl);
    socket.write(upgradeRequest('/nowhere'));
    await once(socket, 'data');
    await warren.stop();
    socket.destroy();
  });
});

describe('a slow-loris client', () => {
  it('gets no longer for its headers than it is given', async () => {
    const listener = new Listener(
      {
        host: '127.0.0.1',
        port: 0,
        allowedOrigins: [],
        maxPayloadBytes: 1000,
        maxInFlightBytes: 131_072,
        maxUnauthenticated: 1000,
        timeouts: { headersMs: 50, requestMs: 100, checkMs: 10 },
      },
      {
        open: () => assert.fail('nobody comes so far'),
        isReady: () => true,
        clock: systemClock,
        defer: setImmediate,
      },
    );
    const { port } = await listener.listen();
    for (const begun of ['', 'GET /ws HTTP/1.1\r\n', 'GET /ws HTTP/1.1\r\nHost: x\r\nA']) {
      const socket = await rawSocket(`http://127.0.0.1:${port}`);
      socket.write(begun);
      const { status } = await readResponse(socket);
      assert.ok(status === 408 || Number.isNaN(status), `${begun}: ${status}`);
    }
    await listener.close();
  });
});
