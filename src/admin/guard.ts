import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Whether a request may see more than the probes and metrics. */
export type Guard = (request: IncomingMessage) => 'allowed' | 'unauthorized' | 'forbidden';

/**
 * With a token: whoever has it. Without: only this machine, and only when asked by a loopback name, or any web page
 * open on this machine could reach the listener by rebinding a name of its own to 127.0.0.1.
 */
export function createGuard(token: string | null): Guard {
  if (token === null) {
    return request =>
      isLoopbackAddress(request.socket.remoteAddress) && isLoopbackHost(request.headers.host)
        ? 'allowed'
        : 'forbidden';
  }
  const wanted = digest(`Bearer ${token}`);
  return request => {
    const given = request.headers.authorization;
    return given !== undefined && timingSafeEqual(digest(given.replace(SCHEME, 'Bearer ')), wanted)
      ? 'allowed'
      : 'unauthorized';
  };
}

/** Schemes are compared without case (RFC 9110 §11.1). */
const SCHEME = /^bearer /i;

/** Hashed, so that lengths are equal and comparing takes the same time whatever was sent. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function isLoopbackAddress(address: string | undefined): boolean {
  return address !== undefined && /^(?:127\.|::1$|::ffff:127\.)/.test(address);
}

function isLoopbackHost(host: string | undefined): boolean {
  return host !== undefined && /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.test(host);
}
