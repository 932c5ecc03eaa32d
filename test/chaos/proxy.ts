import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** What a proxy does to the bytes of a connection. */
export type Treatment =
  | { readonly kind: 'pass' }
  /** Nothing goes through, nobody is told. */
  | { readonly kind: 'blackhole' }
  /** One byte a segment, both ways. */
  | { readonly kind: 'slices' }
  /** So many bytes a second to the client. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number };

/** A TCP proxy in front of one pod, that can be told to misbehave. */
export interface PodProxy {
  readonly port: number;
  /** Of all connections there are, and of all to come until the next call. `share`: of how many of them. */
  treat(treatment: Treatment, share: number, chance: () => number): void;
  /** Each connection is reset so long after it began; null: not any more. */
  limitLife(ms: number | null): void;
  close(): Promise<void>;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  treatment: Treatment;
  isSlicing: boolean;
}

const TICK_MS = 50;
/** Slices that one turn of the event loop sends of one connection: each is a system call. */
const SLICES_AT_ONCE = 64;

export async function startPodProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<PodProxy> {
  const links = new Set<Link>();
  let choose = (): Treatment => ({ kind: 'pass' });
  let lifeMs: number | null = null;

  const listening = createServer(client => {
    const server = connect({ ...target, noDelay: true });
    client.setNoDelay(true);
    const link: Link = { client, server, treatment: choose(), isSlicing: false };
    links.add(link);
    const reset = () => {
      server.destroy();
      client.resetAndDestroy();
    };
    const life = lifeMs === null ? null : setTimeout(reset, lifeMs);
    client.on('close', () => {
      links.delete(link);
      if (life !== null) clearTimeout(life);
      server.destroy();
    });
    server.on('close', () => client.destroy());
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('error', () => to.resetAndDestroy());
      from.on('end', () => to.end());
      from.on('readable', () => pump(link));
    }
  });

  function pump(link: Link): void {
    const { client, server, treatment } = link;
    switch (treatment.kind) {
      case 'blackhole':
        return;
      case 'pass':
        for (const [from, to] of [
          [client, server],
          [server, client],
        ] as const) {
          if (!to.writableNeedDrain) passOn(from, to, null);
          else if (to.listenerCount('drain') === 0) to.once('drain', () => pump(link));
        }
        return;
      case 'slices':
        slice(link);
        return;
      case 'slow':
        // Only from the timer: `readable` would give it as much as it takes.
        passOn(client, server, null);
    }
  }

  function slice(link: Link): void {
    if (link.isSlicing) return;
    for (let i = 0; i < SLICES_AT_ONCE; i++) {
      const up = passOn(link.client, link.server, 1);
      const down = passOn(link.server, link.client, 1);
      if (!up && !down) return;
    }
    link.isSlicing = true;
    setImmediate(() => {
      link.isSlicing = false;
      pump(link);
    });
  }

  const timer = setInterval(() => {
    for (const { client, server, treatment } of links) {
      if (treatment.kind === 'slow')
        passOn(server, client, Math.ceil((treatment.bytesPerSecond * TICK_MS) / 1000));
    }
  }, TICK_MS);

  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const address = listening.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port.');
  return {
    port: address.port,
    treat(treatment, share, chance) {
      choose = () => (chance() < share ? treatment : { kind: 'pass' });
      for (const link of links) {
        link.treatment = choose();
        pump(link);
      }
    },
    limitLife(ms) {
      lifeMs = ms;
    },
    async close() {
      clearInterval(timer);
      for (const { client } of links) client.resetAndDestroy();
      listening.close();
      await once(listening, 'close');
    },
  };
}

/** Passes on what has come, `most` bytes of it. False: there was nothing. */
function passOn(from: Socket, to: Socket, most: number | null): boolean {
  if (to.destroyed) return false;
  const ready = from.readableLength;
  const bytes: unknown = ready === 0 ? from.read() : from.read(most === null ? ready : Math.min(most, ready));
  if (!Buffer.isBuffer(bytes)) return false;
  to.write(bytes);
  return true;
}
