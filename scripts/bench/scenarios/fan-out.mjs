import { connectAll, measureDeliveries } from '../stage.mjs';
import { ALL, DELIVERY, forEach, TENANT, WITH_TOPICS } from './scenario.mjs';

const BYTES = 300;
const TIMEOUT_MS = 120_000;
const BROADCAST = { clients: 1000, perSecond: 100, events: 500, burst: 1000 };
const MIXED = { clients: 5000, topics: 500, perSecond: 2000, events: 20_000 };
/** What a process does in its first seconds, before its code is compiled, isn't what is asked for. */
const WARM_UP = { seconds: 2, burst: 0.2 };
/** Web STOMP delivers some 10,000 a second: it gets a tenth of the events. */
const SLOWEST = 'web-stomp';

/** @param {'paced' | 'burst'} how @returns {import('./scenario.mjs').Variant['measure']} */
const broadcast = how => async (stage, peer) => {
  const running = await stage.start(peer);
  const load = stage.load();
  const clients = stage.scale(BROADCAST.clients);
  await connectAll(load, running, clients, index => ({ tenant: TENANT, user: `u${index}`, topic: null }));
  const publisher = await stage.publisher(running);
  const { publish } = publisher.series({ tenant: TENANT, send_to_tenant: true }, BYTES);
  const share = peer.name === SLOWEST ? 0.1 : 1;
  return how === 'paced'
    ? paced(stage, running, load, publisher, publish, {
        perSecond: BROADCAST.perSecond,
        events: stage.scale(BROADCAST.events) * share,
        each: clients,
      })
    : burst(stage, running, load, publisher, publish, {
        perSecond: BROADCAST.perSecond,
        events: stage.scale(BROADCAST.burst) * share,
        each: clients,
      });
};

/** @param {'paced' | 'burst'} how @returns {import('./scenario.mjs').Variant['measure']} */
const mixed = how => async (stage, peer) => {
  const running = await stage.start(peer);
  const load = stage.load();
  const topics = stage.scale(MIXED.topics);
  const each = MIXED.clients / MIXED.topics;
  await connectAll(load, running, topics * each, index => ({
    tenant: TENANT,
    user: `u${index}`,
    topic: `t.${index % topics}`,
  }));
  const publisher = await stage.publisher(running);
  const series = Array.from({ length: topics }, (_, index) =>
    publisher.series({ tenant: TENANT, topic: `t.${index}` }, BYTES),
  );
  let turn = 0;
  const publish = () => series[turn++ % topics]?.publish();
  const events = stage.scale(MIXED.events);
  return how === 'paced'
    ? paced(stage, running, load, publisher, publish, { perSecond: MIXED.perSecond, events, each })
    : burst(stage, running, load, publisher, publish, { perSecond: MIXED.perSecond, events, each });
};

/** @typedef {{ perSecond: number, events: number, each: number }} Flow `each`: deliveries of one event */

/**
 * @param {import('../stage.mjs').Stage} stage
 * @param {import('../stage.mjs').Running} running
 * @param {import('../stage.mjs').Load} load
 * @param {import('../stage.mjs').Publisher} publisher
 * @param {() => void} publish
 * @param {Flow} flow
 */
export async function paced(stage, running, load, publisher, publish, flow) {
  const { perSecond, events, each } = flow;
  await warmUp(running, load, publisher, publish, flow);
  return measureDeliveries(stage, running, load, {
    deliveries: events * each,
    timeoutMs: TIMEOUT_MS,
    publish: () => publisher.pace(perSecond, events / perSecond, publish),
  });
}

/**
 * @param {import('../stage.mjs').Stage} stage
 * @param {import('../stage.mjs').Running} running
 * @param {import('../stage.mjs').Load} load
 * @param {import('../stage.mjs').Publisher} publisher
 * @param {() => void} publish
 * @param {Flow} flow
 */
async function burst(stage, running, load, publisher, publish, flow) {
  const { events, each } = flow;
  /** @param {number} count */
  const publishMany = count => {
    for (let i = 0; i < count; i++) publish();
  };
  await warmUp(running, load, publisher, publish, flow);
  const few = Math.ceil(events * WARM_UP.burst);
  await load.take();
  const warm = load.reach(few * each, TIMEOUT_MS);
  publishMany(few);
  if (!(await warm)) throw new Error(`${running.name} did not deliver the first burst`);
  return measureDeliveries(stage, running, load, {
    deliveries: events * each,
    timeoutMs: TIMEOUT_MS,
    publish: () => publishMany(events),
  });
}

/**
 * @param {import('../stage.mjs').Running} running
 * @param {import('../stage.mjs').Load} load
 * @param {import('../stage.mjs').Publisher} publisher
 * @param {() => void} publish
 * @param {Flow} flow
 */
async function warmUp(running, load, publisher, publish, { perSecond, events, each }) {
  const count = Math.min(events, perSecond * WARM_UP.seconds);
  await load.take();
  const warm = load.reach(count * each, TIMEOUT_MS);
  await publisher.pace(perSecond, count / perSecond, publish);
  if (!(await warm)) throw new Error(`${running.name} did not deliver the first ${count} events`);
}

/** @type {import('./scenario.mjs').Scenario} */
export const a = {
  id: 'a',
  title: 'Broadcast: 1,000 clients, 300 B, paced 100 events/s',
  figures: DELIVERY,
  variants: forEach(ALL, broadcast('paced')),
};
/** @type {import('./scenario.mjs').Scenario} */
export const b = {
  id: 'b',
  title: 'Broadcast: 1,000 clients, 300 B, one burst of 1,000 events',
  figures: DELIVERY,
  variants: forEach(WITH_TOPICS, broadcast('burst')),
};
/** @type {import('./scenario.mjs').Scenario} */
export const c = {
  id: 'c',
  title: 'Mixed: 5,000 clients on 500 topics, 20,000 events paced at 2,000/s',
  figures: DELIVERY,
  variants: forEach(WITH_TOPICS, mixed('paced')),
};
/** @type {import('./scenario.mjs').Scenario} */
export const d = {
  id: 'd',
  title: 'Mixed: 5,000 clients on 500 topics, one burst of 20,000 events',
  figures: DELIVERY,
  variants: forEach(WITH_TOPICS, mixed('burst')),
};
