/** One person on the demo page: a connection of their own, what it shows and what can be done to it. */
import { WarrenClient } from './client.js';

const AWAY_MS = 5000;
const MAX_EVENTS = 200;
const MAX_FRAMES = 200;
const TOKEN_SECONDS = { usual: 600, brief: 30 };

/**
 * @param {HTMLTemplateElement} template
 * @param {string} who tenant and user, as in the list
 */
export function createPane(template, who) {
  const pane = template.content.firstElementChild.cloneNode(true);
  const find = selector => pane.querySelector(selector);
  const identity = find('.identity');
  const events = find('.events');
  const frames = find('.frames');
  const chips = find('.chips');
  let client = null;
  let pingAt = null;
  let expiresAt = null;
  let backAt = null;
  let returnTimer = null; // While the connection is cut.
  let catchingUp = false; // Whether what arrives was missed.
  let resumed = null; // The line of the last resume, and how much was missed.

  identity.value = who;

  async function fetchToken() {
    const [tenant, user] = identity.value.split('/');
    const seconds = find('.brief').checked ? TOKEN_SECONDS.brief : TOKEN_SECONDS.usual;
    const query = new URLSearchParams({ tenant, user, seconds });
    const answer = await fetch(`/demo/token?${query}`, { method: 'POST' });
    if (!answer.ok) throw new Error(`no token: ${answer.status}`);
    return (await answer.json()).token;
  }

  function open() {
    clearTimeout(returnTimer);
    pane.removeAttribute('data-cut');
    client?.close();
    const topics = [...chips.children].map(chip => chip.dataset.topic);
    events.replaceChildren(element('li', 'empty', 'No events yet. Publish one above.'));
    frames.replaceChildren();
    find('.last').textContent = 'none';
    pane.dataset.tenant = identity.value.split('/')[0];
    pane.setAttribute('aria-label', identity.value.replace('/', ' / '));
    client = new WarrenClient({
      url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`,
      topics: topics.length > 0 ? topics : ['deals.42'],
      getToken: fetchToken,
      onEvent: showEvent,
      onResync: reason =>
        note('warn', `Events may be missing (${reason}): an application fetches its state now`),
      onState: showState,
      onMessage: showMessage,
      onSent: message => showFrame('↑', message),
    });
    void client.connect();
  }

  /** The socket goes away unannounced and comes back later with the same client, which still has its cursor. */
  function cut() {
    pane.setAttribute('data-cut', '');
    client.close();
    pane.dataset.state = 'waiting';
    backAt = performance.now() + AWAY_MS;
    find('.cut').disabled = true;
    note('', `Connection cut for ${AWAY_MS / 1000} s: publish something meanwhile`);
    returnTimer = setTimeout(() => client.connect(), AWAY_MS);
    tick();
  }

  function showState(state) {
    if (pane.hasAttribute('data-cut') && state.kind === 'stopped') return; // Our own doing, see cut().
    pane.removeAttribute('data-cut');
    backAt = state.kind === 'waiting' ? performance.now() + state.ms : null;
    pane.dataset.state = state.kind;
    find('.cut').disabled = state.kind !== 'connected';
    if (state.kind === 'waiting')
      note('', `Connection lost: ${state.reason || 'no reason given'} (${state.code})`);
    if (state.kind === 'stopped') note('warn', `Ended for good: ${state.reason} (${state.code})`);
    if (state.kind === 'connected') {
      pane.dataset.resume = state.resume;
      resumed = null;
      if (state.resume === 'resumed') {
        resumed = { line: note('good', 'Resumed, nothing was missed'), missed: 0 };
        catchingUp = true;
        client.ping(); // The answer comes after all that was missed.
      }
      if (state.resume === 'resync')
        note('warn', `Resync: the position could not be resumed (${state.reason})`);
      showTopics(state.subscribed);
    }
    tick();
  }

  function showMessage(message) {
    showFrame('↓', message);
    if (typeof message.expiresInMs === 'number') expiresAt = performance.now() + message.expiresInMs;
    if (message.event === 'ping') {
      pingAt = performance.now();
      catchingUp = false;
      // Restarted by taking it off and on again.
      find('.beat').classList.remove('beating');
      void find('.beat').offsetWidth;
      find('.beat').classList.add('beating');
    }
    if (message.event === 'stale')
      note(
        message.stale ? 'warn' : 'good',
        message.stale
          ? 'The service has lost its feed; events may be late'
          : 'The service has its feed again',
      );
    if (message.event === 'token_expiring') note('', 'The token is about to expire: a new one is sent');
    if (typeof message.lastEventId === 'string') find('.last').textContent = message.lastEventId;
    if (message.type === 'event') find('.last').textContent = message.id;
    if (message.type === 'reply') {
      const topics = new Set([...chips.children].map(chip => chip.dataset.topic));
      for (const topic of message.unsubscribed) topics.delete(topic);
      showTopics([...topics, ...message.subscribed.filter(topic => !topics.has(topic))]);
    }
    for (const { topic, code } of message.denied ?? [])
      note('warn', `No subscription to ${topic}: ${code.replace('_', ' ')}`);
    if (message.type === 'error') note('warn', `Error: ${message.error}`);
    tick();
  }

  function showEvent(event) {
    const missed = catchingUp;
    const item = element('li', missed ? 'event missed' : 'event');
    item.dataset.id = event.id;
    const head = element('div', 'event-head');
    head.append(element('strong', '', event.event ?? 'event'));
    for (const topic of event.topics ?? []) head.append(element('span', 'tag', topic));
    if (missed) head.append(element('span', 'tag missed-tag', 'missed while away'));
    head.append(element('time', '', new Date().toLocaleTimeString()));
    const { data } = event;
    item.append(
      head,
      element('p', 'text', typeof data?.text === 'string' ? data.text : ''),
      element('code', 'mono', JSON.stringify(data)),
      element('code', 'mono id', event.id),
    );
    add(events, item, MAX_EVENTS);
    if (missed && resumed !== null) {
      resumed.missed += 1;
      resumed.line.textContent = `Resumed: ${resumed.missed} missed ${resumed.missed === 1 ? 'event' : 'events'} delivered`;
    }
  }

  function showTopics(topics) {
    chips.replaceChildren(
      ...topics.map(topic => {
        const chip = element('li', 'chip', topic);
        chip.dataset.topic = topic;
        const button = element('button', 'icon', '×');
        button.type = 'button';
        button.ariaLabel = `Unsubscribe from ${topic}`;
        button.addEventListener('click', () => client.unsubscribe(topic));
        chip.append(button);
        return chip;
      }),
    );
  }

  function showFrame(direction, message) {
    const shown = 'access_token' in message ? { ...message, access_token: '…' } : message;
    const item = element('li', direction === '↑' ? 'sent' : '', `${direction} ${JSON.stringify(shown)}`);
    add(frames, item, MAX_FRAMES);
  }

  function note(kind, words) {
    const item = element('li', `note ${kind}`, words);
    add(events, item, MAX_EVENTS);
    return item;
  }

  /** What changes with time alone. */
  function tick() {
    const now = performance.now();
    const words = { connecting: 'Connecting …', connected: 'Connected', stopped: 'Ended' };
    const seconds = Math.ceil(((backAt ?? now) - now) / 1000);
    const away = pane.hasAttribute('data-cut') ? 'Away' : 'Disconnected';
    set('.state', words[pane.dataset.state] ?? `${away}, back in ${Math.max(0, seconds)} s`);
    set('.ago', pingAt === null ? 'none yet' : ago(now - pingAt));
    set('.token', expiresAt === null ? '–' : left(expiresAt - now));
  }

  function set(selector, words) {
    const target = find(selector);
    if (target.textContent !== words) target.textContent = words;
  }

  identity.addEventListener('change', open);
  find('.brief').addEventListener('change', open);
  find('.cut').addEventListener('click', cut);
  find('.forget').addEventListener('click', () => {
    open();
    note('', 'Cursor forgotten: a new start, as after a reload');
  });
  find('.subscribe').addEventListener('submit', event => {
    event.preventDefault();
    const topic = find('.pattern').value.trim();
    if (topic === '') return;
    client.subscribe(topic);
    find('.pattern').value = '';
  });
  const timer = setInterval(tick, 500);
  find('.remove').addEventListener('click', () => {
    clearInterval(timer);
    clearTimeout(returnTimer);
    client.close();
    pane.remove();
  });

  open();
  return pane;
}

function element(name, className, words = '') {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = words;
  return made;
}

function add(list, item, most) {
  list.querySelector('.empty')?.remove();
  list.prepend(item);
  while (list.childElementCount > most) list.lastElementChild.remove();
}

function ago(ms) {
  const seconds = Math.floor(ms / 1000);
  return seconds < 1 ? 'just now' : `${seconds} s ago`;
}

function left(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return seconds < 60
    ? `${seconds} s left`
    : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s left`;
}
