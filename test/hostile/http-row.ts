/** Bytes sent to a listener, and exactly what it answers. To add one, add a row. */
export interface HttpRow {
  readonly name: string;
  /** `open`, `admin`: a Warren with defaults. `strict`, `locked`: one with `ALLOWED_ORIGINS` and `ADMIN_TOKEN`. */
  readonly to: 'open' | 'admin' | 'strict' | 'locked';
  /** A string is sent as Latin-1: a character is a byte. */
  readonly send: string;
  /** The status of each answer, in order. */
  readonly answers: readonly number[];
  /** `stays`: the connection serves another request. `ends`: the server closes it. `upgraded`: it speaks WebSocket. */
  readonly connection: 'stays' | 'ends' | 'upgraded';
  /** The one answer of a Node that is stricter, before it closes. */
  readonly orElse?: number;
}

export const ORIGIN = 'https://app.example.com';
export const ADMIN_TOKEN = 'the-admin-token-of-hostile-tests';

/** A request with these lines behind the first. */
export function request(line: string, headers: readonly string[] = [], body = ''): string {
  return `${[line, ...headers].join('\r\n')}\r\n\r\n${body}`;
}

export const get = (path: string, ...headers: readonly string[]): string =>
  request(`GET ${path} HTTP/1.1`, ['Host: warren.example', ...headers]);

/** A WebSocket handshake; a line that begins like one of these takes its place, an empty value removes it. */
export function handshake(path: string, ...headers: readonly string[]): string {
  const nameOf = (line: string) => line.slice(0, line.indexOf(':')).toLowerCase();
  const own = [
    'Host: warren.example',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ].filter(line => !headers.some(header => nameOf(header) === nameOf(line)));
  return request(`GET ${path} HTTP/1.1`, [...own, ...headers.filter(header => !header.endsWith(':'))]);
}

export const many = (count: number, line: (i: number) => string): string[] =>
  Array.from({ length: count }, (_, i) => line(i));
