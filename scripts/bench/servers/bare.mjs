/**
 * The least that one can do on Node, `ws` and the AMQP library: an event's frame is built once and written to the sockets
 * of its topic or tenant; what came in one turn of the event loop leaves in one write. No token, no history, no limits, no
 * answer to a client that reads slowly, no word of what was lost. What Warren costs beside it is Warren's own; the rest is
 * what it stands on. Argument: the URL of RabbitMQ. Prints its port.
 */
import { argv } from 'node:process';
import { WebSocketServer } from 'ws';
import { consume } from './consume.mjs';

/** @typedef {{ socket: import('node:net').Socket, due: Buffer[] }} Client */

/** By tenant, and by tenant and topic. @type {Map<string, Set<Client>>} */
const audiences = new Map();
/** @type {Client[]} */
let waiting = [];

/** @param {string} tenant @param {string} topic */
const nameOf = (tenant, topic) => `${tenant} ${topic}`;

const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
server.on('connection', (webSocket, { socket }) => {
  webSocket.on('error', () => {});
  webSocket.on('message', data => {
    const { tenant, topics } = JSON.parse(Buffer.isBuffer(data) ? data.toString() : '{}');
    /** @type {Client} */
    const client = { socket, due: [] };
    for (const name of [tenant, ...topics.map((/** @type {string} */ topic) => nameOf(tenant, topic))]) {
      const audience = audiences.get(name);
      if (audience === undefined) audiences.set(name, new Set([client]));
      else audience.add(client);
      webSocket.on('close', () => audiences.get(name)?.delete(client));
    }
    webSocket.send('{"status":"ok","type":"system","event":"connected"}');
  });
});

await consume(argv[2] ?? '', ({ id, tenant, topic, send_to_tenant: whole, data }) => {
  const audience = audiences.get(whole === true ? tenant : nameOf(tenant, topic ?? ''));
  if (audience === undefined) return;
  const frame = textFrame(`{"status":"ok","type":"event","id":"${id}","data":${JSON.stringify(data)}}`);
  if (waiting.length === 0) setImmediate(flush);
  for (const client of audience) {
    if (client.due.length === 0) waiting.push(client);
    client.due.push(frame);
  }
});

function flush() {
  const all = waiting;
  waiting = [];
  for (const { socket, due } of all) {
    const [only] = due;
    if (only !== undefined) socket.write(due.length === 1 ? only : Buffer.concat(due));
    due.length = 0;
  }
}

/** RFC 6455 §5.2: one frame, no mask. @param {string} text */
function textFrame(text) {
  const length = Buffer.byteLength(text);
  const head =
    length < 126 ? Buffer.from([0x81, length]) : Buffer.from([0x81, 126, length >> 8, length & 0xff]);
  return Buffer.concat([head, Buffer.from(text)]);
}

const address = server.address();
if (typeof address === 'object' && address !== null) console.log(`port ${address.port}`);
