/**
 * A Warren client for a page of your own: copy this file. It keeps its place in the stream of events, comes back after
 * every loss, and says so when events may have been missed. The rules are those of PROTOCOL.md.
 *
 *   const client = new WarrenClient({ url: 'wss://push.example.com/ws', topics: ['deals.42'],
 *     getToken: () => fetch('/my/token').then(answer => answer.text()), // a new one each time
 *     onEvent: event => show(event.data), // each event once; the position moves on when this returns
 *     onResync: () => fetchStateAgain() }); // events may be missing: what is shown may be out of date
 *   client.connect();
 */
const RETRY_CODES = new Set([4401, 4408, 4429]); // The other 44xx are final, and so are these:
const FINAL_CODES = new Set([1000, 1009]);
const BACK_OFF_MS = { first: 500, most: 30_000 };
const REMEMBERED_IDS = 1000;
const SILENCE_MS = 10_000; // Beyond the next ping: a dead network closes no socket.

export class WarrenClient {
  #options = { onEvent() {}, onResync() {}, onState() {}, onMessage() {}, onSent() {}, topics: [] };
  #socket = null;
  #token = null;
  #cursor; // The newest position that was handled; at first none.
  #seen = new Set(); // After a move to another server, events may come again.
  #newest = { none: null, received: null, announced: null }; // Ids; a ping with another tells of a gap.
  #expiresAt = Infinity;
  #comeBackAt = null;
  #pingMs = 25_000;
  #attempts = 0;
  #timers = {};

  constructor(options) {
    Object.assign(this.#options, options);
    this.topics = new Set(this.#options.topics);
  }
  async connect() {
    this.#leave();
    const place = (this.#socket = {}); // Until there is a token.
    this.#options.onState({ kind: 'connecting' });
    if (performance.now() >= this.#expiresAt) this.#token = null;
    this.#token ??= await this.#options.getToken().catch(() => null);
    if (this.#socket !== place) return; // Left meanwhile.
    if (this.#token === null) return this.#ended({ code: 1006, reason: 'no token to be had' });
    this.#socket = new WebSocket(this.#options.url);
    const first = { access_token: this.#token, cursor: this.#cursor, protocol: 1 };
    this.#socket.onopen = () => this.#send({ ...first, subscribe: [...this.topics] });
    this.#socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    this.#socket.onclose = ending => this.#ended(ending);
    this.#expectSign();
  }
  close() {
    this.#leave();
    this.#options.onState({ kind: 'stopped', code: 1000, reason: 'closed by this page' });
  }
  subscribe(topic) {
    this.topics.add(topic);
    this.#send({ subscribe: [topic], ref: topic });
  }
  unsubscribe(topic) {
    this.topics.delete(topic);
    this.#send({ unsubscribe: [topic], ref: topic });
  }
  ping() {
    this.#send({ ping: true });
  }
  #receive(message) {
    const { type, event, lastEventId, expiresInMs, cursor, denied = [] } = message;
    this.#expectSign();
    if (type === 'event') this.#take(message);
    else if (event === 'connected') this.#connected(message);
    else if (event === 'ping') this.#compare(lastEventId);
    else if (event === 'resync') this.#resync(message);
    else if (event === 'token_expiring') void this.#refresh();
    else if (event === 'reconnect') this.#comeBackAt = performance.now() + message.delayMs;
    for (const { topic } of denied) this.topics.delete(topic);
    if (typeof lastEventId === 'string') this.#newest.announced = lastEventId;
    if (typeof expiresInMs === 'number') this.#expiresAt = performance.now() + expiresInMs;
    if (typeof cursor === 'string') this.#cursor = cursor; // Last of all: now it is handled.
    this.#options.onMessage(message);
  }
  #take(event) {
    this.#newest.received = event.id;
    if (this.#seen.has(event.id)) return;
    this.#options.onEvent(event);
    this.#seen.add(event.id);
    if (this.#seen.size > REMEMBERED_IDS) this.#seen.delete(this.#seen.values().next().value);
  }
  #connected(message) {
    this.#attempts = 0;
    this.#pingMs = message.pingIntervalMs;
    this.#options.onState({ ...message, kind: 'connected' });
    if (message.resume === 'resync') this.#resync(message);
  }
  #resync({ reason, delayMs }) {
    setTimeout(() => this.#options.onResync(reason), delayMs);
  }
  #compare(id) {
    if (!Object.values(this.#newest).includes(id)) this.#options.onResync('gap');
  }
  async #refresh() {
    this.#token = await this.#options.getToken().catch(() => this.#token); // If it stays, 4401 will follow.
    this.#send({ access_token: this.#token, ref: 'refresh' });
  }
  #ended({ code, reason }) {
    this.#leave();
    if (code === 4401) this.#token = null;
    const isFinal = FINAL_CODES.has(code) || (code >= 4400 && code < 4500 && !RETRY_CODES.has(code));
    if (isFinal) return this.#options.onState({ kind: 'stopped', code, reason });
    const backOff = Math.random() * Math.min(BACK_OFF_MS.most, BACK_OFF_MS.first * 2 ** this.#attempts++);
    const ms = this.#comeBackAt === null ? backOff : Math.max(0, this.#comeBackAt - performance.now());
    this.#comeBackAt = null;
    this.#options.onState({ kind: 'waiting', ms, code, reason });
    this.#timers.retry = setTimeout(() => this.connect(), ms);
  }
  #expectSign() {
    clearTimeout(this.#timers.silence);
    const ms = this.#pingMs + SILENCE_MS;
    this.#timers.silence = setTimeout(() => this.#ended({ code: 1006, reason: 'no sign of life' }), ms);
  }
  #send(message) {
    if (this.#socket?.readyState !== 1) return;
    this.#socket.send(JSON.stringify(message));
    this.#options.onSent(message);
  }
  #leave() {
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    if (this.#socket !== null) this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket?.close?.();
    this.#socket = null;
  }
}
