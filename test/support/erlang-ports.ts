import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { randomInt } from 'node:crypto';
import { type FaultProxy, startFaultProxy } from './fault-proxy.js';

export interface ErlangPorts {
  /** For `epmdPort` of the nodes that are to form a cluster. */
  readonly port: number;
  /** Stops the links between all nodes: connections stay open, nothing gets through, nobody is told. */
  stall(): void;
  resume(): void;
  close(): Promise<void>;
}

/** Erlang's distribution protocol: the requests of its port mapper (epmd), and its answers. */
const ALIVE2_REQ = 120;
const ALIVE2_X_RESP = 118;
const PORT_PLEASE2_REQ = 122;
const PORT2_RESP = 119;
const NAMES_REQ = 110;
const KILL_REQ = 107;

/**
 * Erlang's port mapper, in place of epmd, which gives out ports of proxies instead of the nodes' own: so the link
 * between two nodes of a cluster can be made to stand still, without root and without a firewall.
 */
export async function startErlangPorts(): Promise<ErlangPorts> {
  const nodes = new Map<string, { readonly register: Buffer; readonly proxy: FaultProxy }>();
  const sockets = new Set<Socket>();
  let stalled = false;

  async function register(request: Buffer, socket: Socket): Promise<void> {
    const name = request.subarray(11, 11 + request.readUInt16BE(9)).toString();
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: request.readUInt16BE(1) });
    if (stalled) proxy.freeze();
    nodes.set(name, { register: request, proxy });
    socket.on('close', () => {
      nodes.delete(name);
      void proxy.close();
    });
    const answer = Buffer.alloc(6);
    answer[0] = ALIVE2_X_RESP;
    answer.writeUInt32BE(randomInt(1, 2 ** 31), 2);
    socket.write(answer); // It stays open: a node is known for as long as this connection.
  }

  function portOf(name: string): Buffer {
    const node = nodes.get(name);
    if (node === undefined) return Buffer.from([PORT2_RESP, 1]);
    const answer = Buffer.concat([Buffer.from([PORT2_RESP, 0]), node.register.subarray(1)]);
    answer.writeUInt16BE(node.proxy.port, 2);
    return answer;
  }

  function names(): Buffer {
    const lines = [...nodes].map(([name, { proxy }]) => `name ${name} at port ${proxy.port}\n`);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(port);
    return Buffer.concat([head, Buffer.from(lines.join(''))]);
  }

  async function answer(request: Buffer, socket: Socket): Promise<void> {
    const kind = request[0];
    if (kind === ALIVE2_REQ) await register(request, socket);
    else if (kind === PORT_PLEASE2_REQ) socket.end(portOf(request.subarray(1).toString()));
    else if (kind === NAMES_REQ) socket.end(names());
    // Whoever asks for our end believes it; we end with the test.
    else if (kind === KILL_REQ) socket.end('OK');
    else socket.destroy();
  }

  const server = createServer(socket => {
    sockets.add(socket);
    let received = Buffer.alloc(0);
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE()) return;
      void answer(received.subarray(2), socket);
      received = Buffer.alloc(0);
    });
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The port mapper has no port.');
  const { port } = address;

  return {
    port,
    stall() {
      stalled = true;
      for (const { proxy } of nodes.values()) proxy.freeze();
    },
    resume() {
      stalled = false;
      for (const { proxy } of nodes.values()) proxy.thaw();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
