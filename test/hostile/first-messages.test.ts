import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestClient } from '../support/client.js';
import { cursorOf, type ServerMessage } from '../support/messages.js';
import { startWarren, type WarrenInProcess } from '../support/warren.js';
import { Bystanders } from './bystanders.js';
import { closeCodeOf } from './fence.js';
import { FIELDS } from './first-message-fields.js';
import { MESSAGES } from './first-messages.js';
import { ANSWERED, type MessageRow, TOKENS } from './message-row.js';

let warren: WarrenInProcess;
let bystanders: Bystanders;
let cursor = '';
before(async () => {
  // No ping of the server's own among the answers.
  warren = await startWarren({ PING_INTERVAL_MS: '86400000' });
  bystanders = await Bystanders.gather(warren);
  const client = await warren.connect({ token: TOKENS.good });
  cursor = cursorOf(await client.system('connected'));
  await client.close();
});
after(() => warren.stop());

/** A message in the words of the corpus. */
function lineOf(message: ServerMessage): string {
  const { type, event, code, ref } = message;
  if (type === 'error') return `error ${code}${ref === undefined ? '' : ` ref ${JSON.stringify(ref)}`}`;
  const head =
    event === 'connected'
      ? `connected ${message.user}@${message.tenant} ${message.resume}${message.reason === undefined ? '' : ` ${message.reason}`}`
      : (event ?? type);
  return [head, ...details(message)].join(', ');
}

function details({ ref, subscribed = [], unsubscribed = [], denied = [] }: ServerMessage): string[] {
  const codes = [...new Set(denied.map(({ code }) => code))];
  const counts = codes.map(code => `${denied.filter(one => one.code === code).length} ${code}`);
  return [
    ...(ref === undefined ? [] : [`ref ${JSON.stringify(ref)}`]),
    ...listed('subscribed', subscribed),
    ...listed('unsubscribed', unsubscribed),
    ...listed('denied', counts),
  ];
}

function listed(name: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  return [`${name} ${names.length > 5 ? names.length : names.join(' ')}`];
}

async function answers(client: TestClient, row: MessageRow): Promise<(string | number)[]> {
  for (const message of row.send) {
    if (message === ANSWERED) await client.next(({ event }) => event !== 'hello');
    else client.send(typeof message === 'function' ? message(cursor) : message);
  }
  const code = await closeCodeOf(client);
  const says = client.messages.slice(1, code === null ? -1 : undefined).map(lineOf);
  // A flood is read a message a turn: while it lasts the bucket may fill up by one or two more.
  const heard = row.collapsed === true ? new Set(says) : says;
  return [...heard, code ?? 'open'];
}

async function run(row: MessageRow): Promise<void> {
  const client = await warren.connect();
  try {
    assert.deepEqual(await answers(client, row), [...row.says, row.closes ?? 'open']);
  } finally {
    await client.cut();
  }
}

describe('first messages, and what may follow them', { concurrency: 16 }, () => {
  for (const row of [...MESSAGES, ...FIELDS]) it(row.name, () => bystanders.during(() => run(row)));
});

describe('beside hostile messages', () => {
  it('nobody else loses an event or is closed, and nothing is left behind', () =>
    bystanders.check([...Object.values(TOKENS), cursor]));
});
