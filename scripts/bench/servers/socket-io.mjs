/**
 * Socket.IO as its documentation has it: rooms, default settings, WebSocket only, no token. Arguments: the URL of
 * RabbitMQ, the folder in which `socket.io` is installed. Prints its port.
 */
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { argv } from 'node:process';
import { consume } from './consume.mjs';

/** @typedef {{ join: (rooms: string[]) => void, on: (event: string, listener: (rooms: string[], done: () => void) => void) => void }} Socket */
/** @typedef {{ on: (event: 'connection', listener: (socket: Socket) => void) => void, to: (room: string) => { emit: (event: string, message: object) => void } }} Io */

const [, , url = '', folder = ''] = argv;
/** @type {{ Server: new (server: import('node:http').Server, options: object) => Io }} */
const { Server } = createRequire(join(folder, 'package.json'))('socket.io');
const http = createServer();
const io = new Server(http, { transports: ['websocket'] });
io.on('connection', socket => {
  socket.on('join', (rooms, done) => {
    socket.join(rooms);
    done();
  });
});

await consume(url, ({ id, tenant, send_to_tenant, topic, user, data }) => {
  const room =
    send_to_tenant === true
      ? tenant
      : topic === undefined
        ? `${tenant}/user/${user}`
        : `${tenant}/topic/${topic}`;
  io.to(room).emit('event', { id, ...(topic === undefined ? {} : { topics: [topic] }), data });
});

http.listen(0, '127.0.0.1', () => {
  const address = http.address();
  if (typeof address === 'object' && address !== null) console.log(`port ${address.port}`);
});
