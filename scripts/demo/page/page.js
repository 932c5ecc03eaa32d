/** The demo page: publishing, and a pane for each person. */
import { createPane } from './pane.js';

const USERS = { acme: ['7', '8'], globex: ['7', '9'] };
const FIRST = ['acme/7', 'globex/9'];
const NEXT = ['acme/8', 'globex/7'];

const find = id => document.getElementById(id);
const panes = find('panes');
const text = find('text');
const tenant = find('tenant');
const user = find('user');
const topic = find('topic');
const published = find('published');

function fillUsers() {
  user.replaceChildren(...USERS[tenant.value].map(id => new Option(id)));
  nameButtons();
}

/** Each button says whom it reaches. */
function nameButtons() {
  const names = {
    user: `To user ${user.value} of ${tenant.value}`,
    topic: `To ${topic.value.trim() || 'the topic'} in ${tenant.value}`,
    tenant: `To all of ${tenant.value}`,
    all: 'To everybody',
  };
  for (const button of document.querySelectorAll('[data-to]')) button.textContent = names[button.dataset.to];
}

function audience(to) {
  switch (to) {
    case 'topic':
      return { tenant: tenant.value, topics: [topic.value.trim()] };
    case 'tenant':
      return { tenant: tenant.value, send_to_tenant: true };
    case 'all':
      return { send_to_all: true };
    default:
      return { tenant: tenant.value, users: [user.value] };
  }
}

async function publish(to) {
  const type = to === 'topic' ? 'deal.updated' : 'note.added';
  const data = { text: text.value, at: new Date().toISOString() };
  try {
    const answer = await fetch('/demo/publish', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...audience(to), type, data }),
    });
    const { id, reason, error } = await answer.json();
    published.className = answer.ok ? 'good' : 'bad';
    published.textContent = answer.ok ? `Published ${id}` : `Refused: ${reason ?? error}`;
  } catch {
    published.className = 'bad';
    published.textContent = 'The service does not answer. Is npm start still running?';
  }
}

function add(who) {
  const pane = createPane(find('pane'), who);
  panes.append(pane);
  return pane;
}

tenant.addEventListener('change', fillUsers);
user.addEventListener('change', nameButtons);
topic.addEventListener('input', nameButtons);
find('publish').addEventListener('submit', event => {
  event.preventDefault();
  void publish(event.submitter?.dataset.to ?? 'user');
});
find('add').addEventListener('click', () => {
  add(NEXT[(panes.childElementCount - FIRST.length + NEXT.length) % NEXT.length])
    .querySelector('.identity')
    .focus();
});

fillUsers();
for (const who of FIRST) add(who);
const info = await fetch('/demo/info').then(
  answer => answer.json(),
  () => null,
);
if (info !== null) find('feed').textContent = info.feed;
