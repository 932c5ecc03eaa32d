import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { parseServerMessage } from '../support/messages.js';
import { rawSocket } from '../support/raw-http.js';
import { frame, OPCODES, RawWebSocket } from '../support/raw-websocket.js';
import { mintToken } from '../support/tokens.js';
import { startWarren, type WarrenInProcess } from '../support/warren.js';
import { Bystanders } from './bystanders.js';
import { ADMIN } from './http-admin.js';
import { HANDSHAKES } from './http-handshake.js';
import { PUBLIC } from './http-public.js';
import { ADMIN_TOKEN, get, handshake, type HttpRow, ORIGIN } from './http-row.js';

const TOKEN = mintToken({ tenant: 'hostile' });
/** Headers that no answer may have, whatever was asked. */
const NEVER =
  /^(?:sec-websocket-(?:protocol|extensions)|access-control-|x-injected|set-cookie|server|x-powered-by)/im;
const FENCE = { open: '/healthz', strict: '/healthz', admin: '/livez', locked: '/livez' };

let open: WarrenInProcess;
let strict: WarrenInProcess;
let bystanders: Bystanders;
before(async () => {
  open = await startWarren();
  strict = await startWarren({ ALLOWED_ORIGINS: ORIGIN, ADMIN_TOKEN });
  bystanders = await Bystanders.gather(open);
});
after(async () => {
  await open.stop();
  await strict.stop();
});

function urlOf(to: HttpRow['to']): string {
  return { open: open.publicUrl, strict: strict.publicUrl, admin: open.adminUrl, locked: strict.adminUrl }[
    to
  ];
}

interface Answers {
  readonly statuses: number[];
  readonly heads: string[];
  /** What is left behind the last whole answer. */
  readonly rest: string;
}

/** The whole answers in these bytes (RFC 9112 §6.3). */
function answersIn(text: string, ended: boolean): Answers {
  const statuses: number[] = [];
  const heads: string[] = [];
  let rest = text;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n') + 4;
    if (end < 4) return { statuses, heads, rest };
    const head = rest.slice(0, end);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
    const length = status < 200 ? 0 : bodyLength(head, rest.slice(end), ended);
    if (length === null || rest.length < end + length) return { statuses, heads, rest };
    statuses.push(status);
    heads.push(head);
    rest = rest.slice(end + length);
    if (status === 101) return { statuses, heads, rest };
  }
}

/** Null: not yet known. */
function bodyLength(head: string, body: string, ended: boolean): number | null {
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  if (length !== undefined) return Number(length);
  if (/^transfer-encoding: *chunked/im.test(head)) {
    const last = /(?:^|\r\n)0\r\n\r\n/.exec(body);
    return last === null ? null : last.index + last[0].length;
  }
  return ended || /^HTTP\/1\.1 4\d\d /.test(head) ? body.length : null;
}

async function run(row: HttpRow): Promise<void> {
  const socket = await rawSocket(urlOf(row.to));
  socket.setEncoding('latin1');
  let text = '';
  let fenced = false;
  socket.on('data', chunk => {
    text += String(chunk);
    const { statuses } = answersIn(text, false);
    if (row.connection === 'upgraded' && statuses.length > 0) socket.destroy();
    else if (statuses.length >= row.answers.length && !fenced) {
      fenced = true;
      // A server that has closed doesn't answer it; one that hasn't would otherwise close later, being idle.
      socket.write(get(FENCE[row.to], 'Connection: close'));
    }
  });
  // The fence may be answered with a reset.
  socket.on('error', () => {});
  const closed = new Promise(resolve => socket.on('close', resolve));
  socket.write(row.send, 'latin1');
  await closed;
  const { statuses, heads, rest } = answersIn(text, true);
  if (row.orElse !== undefined && statuses[0] === row.orElse) assert.deepEqual(statuses, [row.orElse], text);
  else assert.deepEqual(statuses, row.connection === 'stays' ? [...row.answers, 200] : row.answers, text);
  if (statuses[0] !== 101) assert.equal(rest, '');
  for (const head of heads) assert.doesNotMatch(head, NEVER);
}

const inWords = ({ to, name }: HttpRow): string => `${to}: ${name.replace(/[^ -~]/g, '·')}`;

describe('HTTP of hostile clients', { concurrency: 16 }, () => {
  for (const row of [...PUBLIC, ...HANDSHAKES, ...ADMIN])
    it(inWords(row), () => bystanders.during(() => run(row)));

  it('a token in the query opens nothing', () =>
    bystanders.during(async () => {
      const socket = await RawWebSocket.open(
        open.publicUrl,
        undefined,
        [`Cookie: access_token=${TOKEN}`, `Authorization: Bearer ${TOKEN}`],
        `/ws?access_token=${TOKEN}`,
      );
      await socket.send(frame(OPCODES.text, '{"ping":true}'));
      await socket.until(() => socket.texts.length === 2);
      assert.deepEqual(
        socket.texts.map(text => parseServerMessage(text).event ?? parseServerMessage(text).code),
        ['hello', 'token_missing'],
      );
      socket.destroy();
    }));

  it('a client that resets the connection right behind its request is just gone', () =>
    bystanders.during(async () => {
      const requests = [handshake('/nowhere'), handshake('/ws'), get('/healthz'), get('/healthz').repeat(50)];
      for (const text of requests) {
        for (let i = 0; i < 10; i++) {
          const socket = await rawSocket(open.publicUrl);
          socket.on('error', () => {});
          await new Promise(resolve => socket.write(text, resolve));
          socket.resetAndDestroy();
        }
      }
      assert.equal((await fetch(`${open.publicUrl}/healthz`)).status, 200);
    }));

  it('compression that was offered is not spoken', () =>
    bystanders.during(async () => {
      const compressed = frame(OPCODES.text, Buffer.from('aa5650aa0500', 'hex'), { rsv: 4 });
      const socket = await RawWebSocket.open(open.publicUrl, compressed, [
        'Sec-WebSocket-Extensions: permessage-deflate',
      ]);
      await socket.until(() => false);
      assert.equal(socket.closeCode, 1002);
    }));
});

describe('beside hostile HTTP', () => {
  it('nobody else loses an event or is closed, and nothing is left behind', () =>
    bystanders.check([TOKEN, ADMIN_TOKEN]));

  it('the other server has nothing to say either', () => {
    const text = JSON.stringify(strict.lines);
    assert.ok(!text.includes(ADMIN_TOKEN));
    assert.deepEqual(
      strict.lines.filter(({ level }) => level === 'error' || level === 'fatal'),
      [],
    );
  });
});
