const OTHERS = 10;
const OTHERS_PER_SECOND = 50;
const TIMES = 100;
/** The others' events of a full run fit in many times over, the noisy tenant's don't. */
const HISTORY = 20_000;

/**
 * A tenant that publishes a hundred times as much as the others shortens its own history, not theirs.
 *
 * @param {import('./rig.mjs').Context} context
 */
export async function noisy({ rig, report, lasting }) {
  const server = await rig.server({ HISTORY_MAX_EVENTS: String(HISTORY) });
  const publisher = await rig.publisher();
  const first = rig.clients();
  const tenants = Array.from({ length: OTHERS }, (_, index) => `tenant${index}`);
  // Where everybody was before it began.
  const start = await first.connect({ port: server.port, count: 1, tenant: 'noisy' });
  await first.stop();

  const loud = publisher.series({ tenant: 'noisy', send_to_tenant: true });
  const others = tenants.map(tenant => publisher.series({ tenant, send_to_tenant: true }));
  const seconds = Math.max(6, lasting(20));
  let turn = 0;
  await Promise.all([
    publisher.pace(OTHERS_PER_SECOND * TIMES, seconds, loud.publish),
    publisher.pace(OTHERS_PER_SECOND * OTHERS, seconds, () => others[turn++ % OTHERS]?.publish()),
  ]);
  await publisher.confirmed();
  const published = loud.published + others.reduce((sum, one) => sum + one.published, 0);
  const appended = async () => (await server.stats()).warren_events_received_total.appended;
  while ((await appended()) < published && server.isAlive());

  const stats = await server.stats();
  report.instrument.atLeast('events published, of which the log holds 20,000', published, 1.3 * HISTORY);
  report.instrument.atMost('events in the log', stats.warren_history_events, HISTORY);
  let resumed = 0;
  let whole = 0;
  for (const [index, tenant] of tenants.entries()) {
    const clients = rig.clients();
    await clients.connect({ port: server.port, count: 5, tenant, cursor: start.cursor, next: 1 });
    const wanted = (others[index]?.published ?? 0) + 1;
    const reached = await clients.reach({ next: wanted, timeoutMs: 20_000 });
    const { began, lost, events } = await clients.take();
    resumed += began['resumed'] ?? 0;
    if (reached && lost === 0 && events === 5 * (wanted - 1)) whole++;
    await clients.stop();
  }
  const control = rig.clients();
  await control.connect({ port: server.port, count: 5, tenant: 'noisy', cursor: start.cursor, next: 1 });
  const { began } = await control.take();
  report.instrument.exactly('of 5 clients of the noisy tenant, told to resync', began['resync'] ?? 0, 5);
  report.exactly('of 50 clients of the others, resumed from before it all', resumed, OTHERS * 5);
  report.exactly('of the 10 others, got every event', whole, OTHERS);
}
