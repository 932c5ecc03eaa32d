/**
 * What the demo page needs from a server: its files, tokens and a way to publish. It stands in for the application that
 * Warren belongs to, with everybody signed in as whoever they like; so only `npm start` serves it.
 */
import { createReadStream } from 'node:fs';
import { isIP } from 'node:net';
import { fileURLToPath } from 'node:url';

/** @typedef {import('node:http').IncomingMessage} Request */
/** @typedef {import('node:http').ServerResponse} Response */

/**
 * @typedef {object} DemoOptions
 * @property {(wishes: { user: string, tenant: string, topics: readonly string[], seconds: number }) => string} mint
 * @property {(body: string) => Promise<{ status: number, body: string }>} publish to the service's POST /events
 * @property {string} feed what the page says about where events come from
 */

const FOLDER = new URL('./page/', import.meta.url);

/** @type {ReadonlyMap<string, readonly [file: string, type: string]>} */
const FILES = new Map([
  ['/', ['index.html', 'text/html; charset=utf-8']],
  ['/demo/page.css', ['page.css', 'text/css; charset=utf-8']],
  ['/demo/page.js', ['page.js', 'text/javascript; charset=utf-8']],
  ['/demo/pane.js', ['pane.js', 'text/javascript; charset=utf-8']],
  ['/demo/client.js', ['client.js', 'text/javascript; charset=utf-8']],
  ['/demo/icon.svg', ['icon.svg', 'image/svg+xml']],
]);

/** No inline script, nothing from elsewhere, in nobody's frame. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/** What a demo user may subscribe to. */
const TOPICS = ['deals.#', 'news.#'];
const TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 3600;
const MAX_BODY_BYTES = 65_536;
/** As for users and tenants of events. */
const NAME = /^[^\s\p{Cc}]{1,255}$/u;

/**
 * @param {DemoOptions} options
 * @returns {(request: Request, response: Response) => boolean} whether the request was the demo's
 */
export function createDemo(options) {
  return (request, response) => {
    const url = new URL(request.url ?? '/', 'http://demo');
    const file = FILES.get(url.pathname);
    if (file !== undefined) sendFile(request, response, file);
    else if (url.pathname === '/demo/info') send(response, 200, { feed: options.feed, topics: TOPICS });
    else if (url.pathname === '/demo/token')
      ifOurs(request, response, () => sendToken(url, response, options));
    else if (url.pathname === '/demo/publish')
      ifOurs(request, response, () => forward(request, response, options));
    else return false;
    return true;
  };
}

/**
 * Another site's page can make the visitor's browser send requests here, but it can neither hide its origin nor, with a
 * name of its own that it points at this machine (DNS rebinding), be called by a loopback name or an address.
 *
 * @param {Request} request
 * @param {Response} response
 * @param {() => void} answer
 */
function ifOurs(request, response, answer) {
  const { host = '', origin } = request.headers;
  const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  if (name !== 'localhost' && isIP(name) === 0) {
    send(response, 403, { error: `the demo answers to localhost or an IP address only, not to ${host}` });
  } else if (origin !== undefined && origin !== `http://${host}`) {
    send(response, 403, { error: `the demo answers its own page only, not ${origin}` });
  } else if (request.method !== 'POST') {
    send(response, 405, { error: 'use POST' }, { allow: 'POST' });
  } else {
    answer();
  }
}

/**
 * @param {Request} request
 * @param {Response} response
 * @param {readonly [file: string, type: string]} file
 */
function sendFile(request, response, [file, type]) {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(response, 405, { error: 'use GET' }, { allow: 'GET, HEAD' });
    return;
  }
  const stream = createReadStream(fileURLToPath(new URL(file, FOLDER)));
  stream.once('error', () => send(response, 404, { error: `${file} is missing in scripts/demo/page` }));
  stream.once('open', () => {
    response.writeHead(200, { ...HEADERS, 'content-type': type });
    if (request.method === 'HEAD') response.end();
    else stream.pipe(response);
  });
}

/**
 * @param {URL} url
 * @param {Response} response
 * @param {DemoOptions} options
 */
function sendToken(url, response, options) {
  const user = url.searchParams.get('user') ?? '';
  const tenant = url.searchParams.get('tenant') ?? '';
  const seconds = Number(url.searchParams.get('seconds') ?? TOKEN_SECONDS);
  if (!NAME.test(user) || !NAME.test(tenant)) {
    send(response, 400, { error: 'user and tenant are required, without blanks' });
  } else if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_TOKEN_SECONDS) {
    send(response, 400, { error: `seconds must be a whole number from 1 to ${MAX_TOKEN_SECONDS}` });
  } else {
    send(response, 200, { token: options.mint({ user, tenant, topics: TOPICS, seconds }) });
  }
}

/**
 * @param {Request} request
 * @param {Response} response
 * @param {DemoOptions} options
 */
function forward(request, response, options) {
  /** @type {Buffer[]} */
  const parts = [];
  let length = 0;
  request.on('error', () => response.destroy());
  request.on('data', (/** @type {Buffer} */ part) => {
    length += part.length;
    if (length <= MAX_BODY_BYTES) parts.push(part);
  });
  request.on('end', () => {
    if (length > MAX_BODY_BYTES) {
      send(response, 413, { error: `at most ${MAX_BODY_BYTES} bytes` });
      return;
    }
    options.publish(Buffer.concat(parts).toString('utf8')).then(
      answer => {
        response.writeHead(answer.status, { ...HEADERS, 'content-type': 'application/json' });
        response.end(answer.body);
      },
      () => send(response, 502, { error: 'the service did not answer' }),
    );
  });
}

/**
 * @param {Response} response
 * @param {number} status
 * @param {object} body
 * @param {Record<string, string>} [headers]
 */
function send(response, status, body, headers = {}) {
  response.writeHead(status, { ...HEADERS, 'content-type': 'application/json', ...headers });
  response.end(`${JSON.stringify(body)}\n`);
}
