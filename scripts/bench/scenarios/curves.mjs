import { connectAll } from '../stage.mjs';
import { paced } from './fan-out.mjs';
import { DEEP_QUEUE, TENANT } from './scenario.mjs';

/** Deliveries of a point: some seconds of work for one core. */
const DELIVERIES = 300_000;
const FILL_PER_SECOND = 100_000;

/**
 * @param {{ clients: number, bytes: number, perSecond: number, log: number }} point
 * @returns {import('./scenario.mjs').Variant['measure']}
 */
const point =
  ({ clients, bytes, perSecond, log }) =>
  async (stage, peer) => {
    const running = await stage.start(peer, {
      settings: {
        ...DEEP_QUEUE,
        HISTORY_MAX_EVENTS: String(Math.max(1000, log)),
        HISTORY_MAX_BYTES: '2GiB',
      },
    });
    const publisher = await stage.publisher(running);
    const others = publisher.series({ tenant: TENANT, topic: 'others' }, 300);
    await publisher.pace(FILL_PER_SECOND, stage.scale(log) / FILL_PER_SECOND, others.publish);
    await publisher.confirmed();
    const load = stage.load();
    await connectAll(load, running, clients, index => ({ tenant: TENANT, user: `u${index}`, topic: null }));
    const { publish } = publisher.series({ tenant: TENANT, send_to_tenant: true }, bytes);
    const most = bytes > 10_000 ? DELIVERIES / 10 : DELIVERIES;
    const events = Math.max(3, Math.min(1000, Math.round(stage.scale(most) / clients)));
    const { cpu, p50, p99, server } = await paced(stage, running, load, publisher, publish, {
      perSecond,
      events,
      each: clients,
    });
    return { cpu, p50, p99, server };
  };

/** @param {number} value */
const text = value => value.toLocaleString('en');

/** Cost per delivery as one thing grows; the rest stays. @type {import('./scenario.mjs').Scenario} */
export const k = {
  id: 'k',
  title: 'Scaling of Warren: cost per delivery',
  figures: ['cpu', 'p50', 'p99', 'server'],
  variants: [
    ...[10, 100, 1000, 5000, 15_000].map(clients => ({
      key: `${text(clients)} connections`,
      peer: 'warren',
      // Half a core, or 100 events a second.
      measure: point({ clients, bytes: 300, perSecond: Math.min(100, 50_000 / clients), log: 0 }),
    })),
    ...[100, 1000, 4000, 16_000, 64_000].map(bytes => ({
      key: `${text(bytes)} B`,
      peer: 'warren',
      measure: point({ clients: 100, bytes, perSecond: bytes > 10_000 ? 20 : 100, log: 0 }),
    })),
    ...[1000, 10_000, 100_000, 1_000_000].map(log => ({
      key: `log of ${text(log)}`,
      peer: 'warren',
      measure: point({ clients: 1000, bytes: 300, perSecond: 50, log }),
    })),
  ],
};
