import { pause, until } from '../lib/load/clock.mjs';
import { MB } from './rig.mjs';

const CLIENTS = 5000;
const ROUNDS = 3;
const TOPICS = 500;
/** Code that was compiled on the way, the log's events and what the first round sized once. */
const HEAP_MARGIN_MB = 3;
const RSS_MARGIN_MB = 15;

/**
 * Whoever was here leaves nothing behind: no entry in any map, no memory.
 *
 * @param {import('./rig.mjs').Context} context
 */
export async function churn({ rig, report }) {
  // Room for the events of all rounds: each is a burst, and a log that is full would evict some before they are sent.
  const server = await rig.server({ HISTORY_MAX_EVENTS: '2000' }, true);
  const publisher = await rig.publisher();
  const topics = Array.from({ length: TOPICS }, (_, index) => `topic.${index}`);
  /** @type {{ heap: number, rss: number, handles: number }[]} */
  const after = [];
  const handlesBefore = server.handles();
  let received = 0;
  let left = 0;
  for (let round = 0; round < ROUNDS + 1; round++) {
    const clients = rig.clients();
    // A tenant of its own for each round: what one keeps of a tenant would show.
    const tenant = `tenant${round}`;
    await clients.connect({
      port: server.port,
      count: CLIENTS,
      tenant,
      subscribe: topics.map(topic => [topic, 'everything.*']),
    });
    for (const topic of topics) publisher.series({ tenant, topic }).publish();
    await clients.reach({ events: CLIENTS, timeoutMs: 30_000 });
    received += (await clients.take()).events;
    await clients.stop();
    await until(async () => (await server.stats()).connections === 0, 20_000);
    left += sum(sizes(await server.stats()));
    // Pages go back to the system with a delay.
    await pause(3000);
    after.push({ heap: await server.heap(), rss: server.rss(), handles: server.handles() });
  }
  const [, first] = after;
  const last = after.at(-1);
  if (first === undefined || last === undefined) return;
  report.instrument.exactly('events received', received, CLIENTS * (ROUNDS + 1));
  report.exactly('entries left in maps, of connections, waits, deadlines and routes', left, 0);
  report.atMost('open files more than before the first', last.handles - handlesBefore, 2);
  report.info('heap after each round', last.heap / MB, 'MB');
  report.atMost('heap, rise over 15,000 clients', (last.heap - first.heap) / MB, HEAP_MARGIN_MB, 'MB');
  report.atMost(
    'memory of the process, rise over 15,000 clients',
    (last.rss - first.rss) / MB,
    RSS_MARGIN_MB,
    'MB',
  );
}

/** The figures that must be 0 after the last client. @param {any} stats */
function sizes({ connections, unauthenticated, waiting, broadcasts, deadlines, routes }) {
  return [connections, unauthenticated, waiting, broadcasts, deadlines, ...Object.values(routes)];
}

/** @param {number[]} values */
const sum = values => values.reduce((total, value) => total + value, 0);
