import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AdminListener } from '../../src/admin/listener.js';
import { rawRequest, rawSocket } from '../support/raw-http.js';
import { startWarren, type WarrenInProcess } from '../support/warren.js';

const TOKEN = 'admin-token-of-tests';
const JSON_TYPE = { 'content-type': 'application/json' };
const VALID = { tenant: 'acme', user: '7', data: 1 };

let open: WarrenInProcess;
let locked: WarrenInProcess;
before(async () => {
  open = await startWarren({ MAX_EVENT_BYTES: '2048' });
  locked = await startWarren({ ADMIN_TOKEN: TOKEN });
});
after(async () => {
  await open.stop();
  await locked.stop();
});

/** What the admin listener answers to a request with these headers. */
const raw = (warren: WarrenInProcess, line: string, headers: readonly string[] = [], body = '') =>
  rawRequest(
    warren.adminUrl,
    `${line} HTTP/1.1\r\n${headers.map(header => `${header}\r\n`).join('')}Connection: close\r\n\r\n${body}`,
  );

describe('probes and metrics', () => {
  it('answer everybody, with or without a token being set, under any host name', async () => {
    for (const warren of [open, locked]) {
      for (const path of ['/livez', '/readyz', '/metrics']) {
        const { status } = await raw(warren, `GET ${path}`, ['Host: pod.cluster.example']);
        assert.equal(status, 200, path);
      }
    }
  });

  it('say that the process lives, and whether it is ready', async () => {
    assert.deepEqual(await (await fetch(`${open.adminUrl}/livez`)).json(), { status: 'ok' });
    assert.deepEqual(await (await fetch(`${open.adminUrl}/readyz`)).json(), { ready: true, reasons: [] });
  });

  it('are in the type that Prometheus reads', async () => {
    const response = await fetch(`${open.adminUrl}/metrics`);
    assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(await response.text(), /^warren_ready 1$/m);
  });

  it('answer HEAD without a body and refuse what would change something', async () => {
    for (const path of ['/livez', '/readyz', '/metrics', '/stats']) {
      const head = await fetch(`${open.adminUrl}${path}`, { method: 'HEAD' });
      assert.equal(head.status, 200);
      assert.equal(await head.text(), '');
      const post = await fetch(`${open.adminUrl}${path}`, { method: 'POST', body: 'x' });
      assert.equal(post.status, 405);
      assert.equal(post.headers.get('allow'), 'GET, HEAD');
    }
  });

  it('survive whatever stands where the path should be', async () => {
    for (const path of ['//', '///x', '/\\', '*', 'http://[', 'http://x/livez', '/%', '/livez/..', '/?//']) {
      const { status } = await raw(open, `GET ${path}`, ['Host: localhost']);
      assert.ok(status === 404 || status === 400, `${path}: ${status}`);
    }
    assert.equal((await fetch(`${open.adminUrl}/livez?x=//`)).status, 200);
  });
});

describe('the guarded part, without a token being set', () => {
  it('answers this machine by its loopback names only', async () => {
    const hosts = ['localhost', 'LOCALHOST:9090', '127.0.0.1', '127.9.9.9:1', '[::1]:9090'];
    for (const host of hosts)
      assert.equal((await raw(open, 'GET /stats', [`Host: ${host}`])).status, 200, host);
  });

  it('refuses any other host name: a page could have its own name resolve to 127.0.0.1', async () => {
    const hosts = [
      'evil.example',
      'evil.example:9090',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'xlocalhost',
      '10.0.0.1',
      '0.0.0.0',
      '[::2]',
      'localhost:',
      'localhost@evil.example',
      '',
    ];
    for (const host of hosts) {
      const { status } = await raw(open, 'GET /stats', [`Host: ${host}`]);
      assert.equal(status, 403, host);
      const post = ['Content-Type: application/json', 'Content-Length: 2', `Host: ${host}`];
      assert.equal((await raw(open, 'POST /events', post, '{}')).status, 403, host);
    }
  });
});

describe('the guarded part, with a token', () => {
  it('answers whoever has it, from anywhere', async () => {
    const headers = ['Host: pod.cluster.example', `Authorization: Bearer ${TOKEN}`];
    assert.equal((await raw(locked, 'GET /stats', headers)).status, 200);
    const otherCase = ['Host: pod.cluster.example', `Authorization: bearer ${TOKEN}`];
    assert.equal((await raw(locked, 'GET /stats', otherCase)).status, 200);
    assert.equal((await locked.publish(VALID)).status, 202);
  });

  it('refuses everybody else, this machine too, and says what is missing', async () => {
    const wrong = ['', `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, TOKEN, `Basic ${TOKEN}`, 'Bearer'];
    for (const authorization of wrong) {
      for (const path of ['/stats', '/events']) {
        const response = await fetch(`${locked.adminUrl}${path}`, { headers: { authorization } });
        assert.equal(response.status, 401, `${path} ${authorization}`);
        assert.equal(response.headers.get('www-authenticate'), 'Bearer');
        assert.ok(!(await response.text()).includes(TOKEN));
      }
    }
    assert.equal((await fetch(`${locked.adminUrl}/stats`)).status, 401);
  });
});

describe('GET /stats', () => {
  it('is the figures of the moment, with the pod that they are of', async () => {
    const client = await open.enter({ topics: ['t'] }, { subscribe: ['t'] });
    const stats: unknown = await (await fetch(`${open.adminUrl}/stats`)).json();
    assert.ok(typeof stats === 'object' && stats !== null);
    const { pod, connections, routes, warren_connections } = { ...stats } as Record<string, unknown>;
    assert.equal(pod, 'test-pod');
    assert.equal(connections, 1);
    assert.equal(warren_connections, 1);
    assert.deepEqual(routes, { tenants: 1, connections: 1, users: 1, topics: 1 });
    await client.close();
  });

  it('says how the feed is and for how long, which no clock of the process can', async () => {
    const read = async (): Promise<Record<string, unknown>> => {
      const stats: unknown = await (await fetch(`${open.adminUrl}/stats`)).json();
      assert.ok(typeof stats === 'object' && stats !== null && 'feed' in stats);
      assert.ok(typeof stats.feed === 'object');
      return { ...stats.feed };
    };
    const before = performance.now();
    const earlier = await read();
    const later = await read();
    assert.deepEqual(Object.keys(earlier), ['kind', 'forMs']);
    assert.equal(earlier['kind'], 'attached');
    // Counted from the feed's start, so not more than has passed in this process, and growing with it.
    assert.ok(Number(earlier['forMs']) >= 0 && Number(earlier['forMs']) < before + 1000);
    assert.ok(Number(later['forMs']) >= Number(earlier['forMs']));
  });
});

describe('POST /events', () => {
  it('answers 202 with the id once the feed has the event, and it is delivered', async () => {
    const client = await open.enter();
    assert.deepEqual(await open.publish({ ...VALID, id: 'mine' }), { status: 202, body: { id: 'mine' } });
    assert.equal((await client.event()).id, 'mine');
    const { body } = await open.publish(VALID);
    assert.match(body.id ?? '', /^[0-9A-Z]{26}$/);
    assert.equal((await client.event()).id, body.id);
    await client.close();
  });

  it('answers 400 with the reason why it is no event', async () => {
    const rows: readonly (readonly [string | object, string])[] = [
      ['{', 'not_json'],
      ['[]', 'not_an_object'],
      [{ tenant: 'acme', data: 1 }, 'no_audience'],
      [{ ...VALID, user_ids: [1] }, 'unknown_field'],
      [{ tenant: 'acme', user: '7' }, 'no_data'],
      [{ ...VALID, data: 'x'.repeat(3000) }, 'too_big'],
    ];
    for (const [event, reason] of rows)
      assert.deepEqual(await open.publish(event), { status: 400, body: { reason } });
  });

  it('stops reading a body that is too big, and closes', async () => {
    const headers = ['Host: localhost', 'Content-Type: application/json', 'Content-Length: 100000000'];
    const answer = await raw(open, 'POST /events', headers, 'x'.repeat(3000));
    assert.deepEqual([answer.status, answer.headers['connection']], [400, 'close']);
    assert.match(answer.body, /\{"reason":"too_big"\}/);
    assert.equal((await fetch(`${open.adminUrl}/livez`)).status, 200);
  });

  it('wants JSON by its name, so that a form of another site cannot publish', async () => {
    const post = (type: string | null) =>
      fetch(`${open.adminUrl}/events`, {
        method: 'POST',
        body: Buffer.from(JSON.stringify(VALID)),
        headers: type === null ? {} : { 'content-type': type },
      });
    for (const type of [null, 'text/plain', 'application/x-www-form-urlencoded', 'application/jsonp'])
      assert.equal((await post(type)).status, 415, `${type}`);
    for (const type of ['application/json', 'Application/JSON; charset=utf-8', 'application/json ;x'])
      assert.equal((await post(type)).status, 202, type);
  });

  it('is for POST only', async () => {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
      const response = await fetch(`${open.adminUrl}/events`, { method });
      assert.equal(response.status, 405, method);
      assert.equal(response.headers.get('allow'), 'POST');
      assert.equal(response.headers.get('access-control-allow-origin'), null);
    }
  });

  it('answers 503 while nobody confirms, with the id to retry with', async () => {
    const warren = await startWarren({
      FEED: 'queue',
      AMQP_URL: 'amqp://127.0.0.1:1',
      FEED_RECONNECT_DEADLINE_MS: '-1',
    });
    for (let times = 0; times < 3; times++) {
      const { status, body } = await warren.publish({ ...VALID, id: 'again' });
      assert.deepEqual([status, body], [503, { reason: 'unconfirmed', id: 'again' }]);
    }
    const logged = warren.lines.filter(({ msg }) => msg === 'POST /events: the broker did not confirm');
    assert.deepEqual(
      logged.map(({ level, times }) => [level, times]),
      [['warn', 1]],
      'a sender that retries fills no log',
    );
    assert.match(String(logged[0]?.['why']), /ECONNREFUSED/);
    const ready = await fetch(`${warren.adminUrl}/readyz`);
    assert.equal(ready.status, 503);
    assert.deepEqual(await ready.json(), { ready: false, reasons: ['starting'] });
    assert.equal((await fetch(`${warren.adminUrl}/livez`)).status, 200);
    await warren.stop();
  });

  it('survives a sender that goes away in the middle of its body', async () => {
    const socket = await rawSocket(open.adminUrl);
    socket.write(
      'POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"te',
    );
    socket.destroy();
    assert.equal((await open.publish(VALID)).status, 202);
  });
});

describe('a bug in an answer', () => {
  it('is a 500 for whoever asked, told once, and the listener goes on', async () => {
    const bugs = { publish: new Error('in publish'), stats: new Error('in stats') };
    const told: unknown[] = [];
    const listener = new AdminListener(
      { host: '127.0.0.1', port: 0, token: null, maxEventBytes: 2048 },
      {
        unreadyReasons: () => [],
        metricsText: () => '',
        stats() {
          throw bugs.stats;
        },
        publish: () => Promise.reject(bugs.publish),
        onError: error => void told.push(error),
      },
    );
    const { port } = await listener.listen();
    const url = `http://127.0.0.1:${port}`;
    const answers = [
      await fetch(`${url}/events`, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(VALID) }),
      await fetch(`${url}/stats`),
    ];
    for (const answer of answers)
      assert.deepEqual([answer.status, await answer.json()], [500, { error: 'internal error' }]);
    assert.deepEqual(told, [bugs.publish, bugs.stats]);
    assert.equal((await fetch(`${url}/livez`)).status, 200);
    await listener.close();
  });
});

describe('anything else', () => {
  it('is not found', async () => {
    for (const path of ['/', '/ws', '/healthz', '/livezz', '/events/', '/constructor', '/__proto__'])
      assert.equal((await fetch(`${open.adminUrl}${path}`, { headers: JSON_TYPE })).status, 404, path);
  });

  it('an upgrade is ignored', async () => {
    const answer = await raw(open, 'GET /livez', ['Host: x', 'Upgrade: websocket', 'Connection: Upgrade']);
    assert.equal(answer.status, 200);
  });
});
