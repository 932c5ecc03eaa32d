/**
 * What one writes in an afternoon: every event goes through all clients, and each whom it concerns is sent its own
 * `JSON.stringify`. No token, no history, no limits. Argument: the URL of RabbitMQ. Prints its port.
 */
import { argv } from 'node:process';
import { WebSocketServer } from 'ws';
import { consume } from './consume.mjs';

/** @typedef {{ tenant: string, user: string, topics: string[] }} Client */

/** @type {WeakMap<import('ws').WebSocket, Client>} */
const clients = new WeakMap();
const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
server.on('connection', socket => {
  socket.on('error', () => {});
  socket.on('message', data => {
    clients.set(socket, JSON.parse(Buffer.isBuffer(data) ? data.toString() : '{}'));
    socket.send(JSON.stringify({ status: 'ok', type: 'system', event: 'connected' }));
  });
});

await consume(argv[2] ?? '', event => {
  const { id, topic, data } = event;
  const message = {
    status: 'ok',
    type: 'event',
    id,
    ...(topic === undefined ? {} : { topics: [topic] }),
    data,
  };
  for (const socket of server.clients) {
    const client = clients.get(socket);
    if (client !== undefined && concerns(event, client)) socket.send(JSON.stringify(message));
  }
});

/** @param {import('./consume.mjs').Published} event @param {Client} client */
function concerns(event, client) {
  if (event.tenant !== client.tenant) return false;
  if (event.send_to_tenant === true || event.user === client.user) return true;
  return event.topic !== undefined && client.topics.includes(event.topic);
}

const address = server.address();
if (typeof address === 'object' && address !== null) console.log(`port ${address.port}`);
