import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** `reset`: RST, as from a crashed peer or a firewall. `end`: FIN, as from an orderly one. */
export type CutKind = 'reset' | 'end';
export type Direction = 'toClient' | 'toServer';

export interface FaultProxy {
  readonly port: number;
  /** Connections taken so far. */
  readonly taken: number;
  /** Bytes passed on so far over the newest connection. */
  passed(direction: Direction): number;
  /** New connections are cut after so many bytes in that direction; `null`: no more of that. */
  cutAfter(limit: CutLimit | null): void;
  /** Calls back for each new connection, before anything is passed on, so that each can have a limit of its own. */
  onConnection(listener: (index: number) => void): void;
  /** Holds back all bytes, of old and new connections alike; nobody is told. */
  freeze(): void;
  thaw(): void;
  /** Cuts all connections there are. */
  cutAll(kind: CutKind): void;
  close(): Promise<void>;
}

export interface CutLimit {
  readonly direction: Direction;
  readonly bytes: number;
  readonly kind: CutKind;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly passed: Record<Direction, number>;
}

/** A TCP proxy on a free port of 127.0.0.1 that can be told to misbehave. */
export async function startFaultProxy(target: { host: string; port: number }): Promise<FaultProxy> {
  const pairs = new Set<Pair>();
  let limit: CutLimit | null = null;
  let frozen = false;
  let taken = 0;
  let newest: Pair | null = null;
  let listener = (_index: number): void => {};

  const listening = createServer({ pauseOnConnect: true }, client => {
    listener(taken++);
    const server = connect({ ...target, noDelay: true });
    client.setNoDelay(true);
    const pair: Pair = { client, server, passed: { toClient: 0, toServer: 0 } };
    newest = pair;
    pairs.add(pair);
    client.on('close', () => pairs.delete(pair));
    const own = limit;
    pass(pair, 'toServer', client, server, own);
    pass(pair, 'toClient', server, client, own);
    if (own?.bytes === 0) cut(pair, own.kind);
    else if (!frozen) client.resume();
  });

  function pass(pair: Pair, direction: Direction, from: Socket, to: Socket, own: CutLimit | null): void {
    from.on('data', (chunk: Buffer) => {
      const room = own?.direction === direction ? own.bytes - pair.passed[direction] : Infinity;
      const part = chunk.subarray(0, Math.max(0, room));
      pair.passed[direction] += part.length;
      to.write(part);
      if (own !== null && chunk.length >= room) cut(pair, own.kind);
    });
    from.on('end', () => to.end());
    from.on('error', () => to.resetAndDestroy());
    from.on('close', () => to.destroy());
    if (frozen) from.pause();
  }

  function cut({ client, server }: Pair, kind: CutKind): void {
    server.destroy();
    if (kind === 'end') client.destroySoon();
    else client.resetAndDestroy();
  }

  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const address = listening.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port.');
  const each = (task: (pair: Pair) => void) => {
    for (const pair of pairs) task(pair);
  };
  return {
    port: address.port,
    get taken() {
      return taken;
    },
    passed: direction => newest?.passed[direction] ?? 0,
    cutAfter(given) {
      limit = given;
    },
    onConnection(given) {
      listener = given;
    },
    freeze() {
      frozen = true;
      each(({ client, server }) => {
        client.pause();
        server.pause();
      });
    },
    thaw() {
      frozen = false;
      each(({ client, server }) => {
        client.resume();
        server.resume();
      });
    },
    cutAll(kind) {
      each(pair => cut(pair, kind));
    },
    async close() {
      each(pair => cut(pair, 'reset'));
      listening.close();
      await once(listening, 'close');
    },
  };
}
