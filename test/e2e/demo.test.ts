import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { findChromium } from '../../scripts/lib/chromium.mjs';
import { startDemo, type StartedDemo } from '../support/demo-process.js';
import { sharedBroker, uniqueName } from '../support/rabbitmq.js';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

interface OpenPage {
  readonly page: Page;
  readonly left: Locator;
  readonly right: Locator;
  /** What a visitor's console would show in red, and requests that went wrong. */
  readonly faults: readonly string[];
}

interface ClientModule {
  readonly WarrenClient: new (options: object) => { connect(): Promise<void> };
}

let browser: Browser;
before(async () => {
  const executablePath = await findChromium();
  assert.ok(executablePath, 'a Chromium must be installed; CHROMIUM can name it');
  browser = await chromium.launch({ executablePath, args: FLAGS });
});
after(() => browser.close());

async function openPage(demo: StartedDemo): Promise<OpenPage> {
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
  });
  page.on('pageerror', error => faults.push(error.message));
  page.on('requestfailed', request => faults.push(`${request.url()}: ${request.failure()?.errorText}`));
  page.on('response', response => {
    if (response.status() >= 400) faults.push(`${response.url()}: ${response.status()}`);
  });
  await page.goto(`${demo.url}/`);
  const [left, right] = [page.locator('.pane').nth(0), page.locator('.pane').nth(1)];
  await Promise.all([inState(left, 'connected'), inState(right, 'connected')]);
  return { page, left, right, faults };
}

async function inState(pane: Locator, state: string): Promise<void> {
  await pane.and(pane.page().locator(`[data-state="${state}"]`)).waitFor();
}

/** Clicks a button that publishes; the new event's id. */
async function publish(page: Page, to: 'user' | 'topic' | 'tenant' | 'all'): Promise<string> {
  const answer = page.waitForResponse(response => response.url().endsWith('/demo/publish'));
  await page.locator(`[data-to="${to}"]`).click();
  const { id }: { id: string } = await (await answer).json();
  await page.locator('#published.good', { hasText: id }).waitFor();
  return id;
}

function eventIn(pane: Locator, id: string): Locator {
  return pane.locator(`.event[data-id="${id}"]`);
}

/** Ids of a pane's events, oldest first. */
async function idsIn(pane: Locator): Promise<(string | null)[]> {
  const newestFirst = await pane.locator('.event').all();
  return Promise.all(newestFirst.map(event => event.getAttribute('data-id')).toReversed());
}

const feeds: readonly (readonly [string, () => Promise<NodeJS.ProcessEnv>])[] = [
  [
    'RabbitMQ',
    async () => ({
      AMQP_URL: (await sharedBroker()).url,
      AMQP_EXCHANGE: uniqueName('push.events'),
      AMQP_QUEUE_PREFIX: uniqueName('push.pod'),
    }),
  ],
  ['the embedded feed', () => Promise.resolve({ FEED: 'memory' })],
];

for (const [name, settings] of feeds) {
  describe(`the demo page with ${name}`, () => {
    let demo: StartedDemo;
    before(async () => {
      demo = await startDemo(await settings());
    });

    test('an event reaches the person it is meant for and nobody else, live', async () => {
      const { page, left, right, faults } = await openPage(demo);
      const private_ = await publish(page, 'user');
      const topical = await publish(page, 'topic');
      const tenantWide = await publish(page, 'tenant');
      const toAll = await publish(page, 'all');
      // What was published before it would have come before it.
      await Promise.all([eventIn(left, toAll).waitFor(), eventIn(right, toAll).waitFor()]);
      assert.deepEqual(await idsIn(left), [private_, topical, tenantWide, toAll]);
      assert.deepEqual(await idsIn(right), [toAll]);
      await eventIn(left, topical).locator('.tag', { hasText: 'deals.42' }).waitFor();
      assert.deepEqual(faults, []);
      await page.close();
    });

    test('the ping is seen, and names the newest event', async () => {
      const { page, left, faults } = await openPage(demo);
      const id = await publish(page, 'user');
      await left.locator('.beat.beating').waitFor();
      await left.locator('.last', { hasText: id }).waitFor();
      await left
        .locator('.frames li', { hasText: `"lastEventId":"${id}"` })
        .first()
        .waitFor({ state: 'attached' });
      assert.deepEqual(faults, []);
      await page.close();
    });

    test('what is published while a connection is cut arrives after it, in order and marked as missed', async () => {
      const { page, left, right, faults } = await openPage(demo);
      const seen = await publish(page, 'all');
      await Promise.all([eventIn(left, seen).waitFor(), eventIn(right, seen).waitFor()]);
      await left.locator('.cut').click();
      await inState(left, 'waiting');
      const missed = [await publish(page, 'user'), await publish(page, 'all')];
      await eventIn(right, missed[1] ?? '').waitFor();
      assert.deepEqual(await idsIn(left), [seen], 'nothing arrives while away');
      await inState(left, 'connected');
      await left.locator('.note', { hasText: 'Resumed: 2 missed events delivered' }).waitFor();
      assert.equal(await left.getAttribute('data-resume'), 'resumed');
      assert.deepEqual(await idsIn(left), [seen, ...missed]);
      assert.equal(await left.locator('.event.missed').count(), 2);
      const live = await publish(page, 'user');
      await left.locator(`.event[data-id="${live}"]:not(.missed)`).waitFor();
      assert.deepEqual(faults, []);
      await page.close();
    });

    test('subscriptions come and go, and one that is not granted is refused in words', async () => {
      const { page, left, right, faults } = await openPage(demo);
      await left.getByRole('button', { name: 'Unsubscribe from deals.42' }).click();
      await left.locator('.chip').waitFor({ state: 'detached' });
      await left.locator('.pattern').fill('news.*');
      await left.locator('.pattern').press('Enter');
      await left.locator('.chip', { hasText: 'news.*' }).waitFor();
      await right.locator('.pattern').fill('secrets.1');
      await right.locator('.pattern').press('Enter');
      await right.locator('.note', { hasText: 'No subscription to secrets.1: not granted' }).waitFor();
      await publish(page, 'topic');
      await page.locator('#topic').fill('news.today');
      const news = await publish(page, 'topic');
      await eventIn(left, news).waitFor();
      assert.deepEqual(await idsIn(left), [news]);
      assert.deepEqual(faults, []);
      await page.close();
    });

    test('another person is another connection with rights of its own', async () => {
      const { page, left, faults } = await openPage(demo);
      await left.locator('.identity').selectOption('globex/7');
      await left.locator('.frames li', { hasText: '"tenant":"globex"' }).waitFor({ state: 'attached' });
      const forAcme = await publish(page, 'user');
      await page.locator('#tenant').selectOption('globex');
      const forGlobex = await publish(page, 'user');
      await eventIn(left, forGlobex).waitFor();
      assert.ok(!(await idsIn(left)).includes(forAcme));
      assert.deepEqual(faults, []);
      await page.close();
    });

    test('after SIGTERM the page is told to come back and the process ends with 0', async () => {
      const { page, left } = await openPage(demo);
      assert.equal(await demo.end('SIGTERM'), 0);
      await left.locator('.frames li', { hasText: '"event":"reconnect"' }).waitFor({ state: 'attached' });
      await page.close();
    });
  });
}

test('a token is renewed before it expires, and the connection stays', async () => {
  const demo = await startDemo({ FEED: 'memory', JWT_CLOCK_TOLERANCE_MS: '0' });
  const { page, faults } = await openPage(demo);
  const states = await page.evaluate(async origin => {
    const { WarrenClient }: ClientModule = await import(`${origin}/demo/client.js`);
    const seen: string[] = [];
    await new Promise<void>(resolve => {
      const client = new WarrenClient({
        url: `${origin.replace('http', 'ws')}/ws`,
        getToken: async () => {
          seen.push('token');
          const answer = await fetch('/demo/token?user=7&tenant=acme&seconds=3', { method: 'POST' });
          const { token }: { token: string } = JSON.parse(await answer.text());
          return token;
        },
        onState: (state: { kind: string }) => seen.push(state.kind),
        onMessage: (message: { ref?: string }) => {
          if (message.ref !== 'refresh') return;
          seen.push('renewed');
          if (seen.filter(word => word === 'renewed').length === 2) resolve();
        },
      });
      void client.connect();
    });
    return seen;
  }, demo.url);
  // Two renewals of 3 s tokens: the first token is over by then.
  assert.deepEqual(states, ['connecting', 'token', 'connected', 'token', 'renewed', 'token', 'renewed']);
  assert.deepEqual(faults, []);
  await page.close();
  assert.equal(await demo.end('SIGINT'), 0);
});
