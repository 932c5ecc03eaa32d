import { pause } from '../../lib/load/clock.mjs';
import { comeAndGo, connectAll } from '../stage.mjs';
import { forEach, TENANT } from './scenario.mjs';

const IDLE = 15_000;
const SETTLE_MS = 5000;
const STORM = 10_000;
const WARM_UP = 5000;

/** @type {import('./scenario.mjs').Variant['measure']} */
const idle = async (stage, peer) => {
  const running = await stage.start(peer);
  const load = stage.load();
  const clients = stage.scale(IDLE);
  const rss = running.rss();
  const { cpu } = await connectAll(load, running, clients, index => ({
    tenant: TENANT,
    user: `u${index}`,
    topic: `t.${index}`,
  }));
  await pause(SETTLE_MS);
  return { rss: (running.rss() - rss) / clients / 1000, accept: (cpu / clients) * 1e6 };
};

/** @param {'HS256' | 'RS256'} tokens @param {number} before that come and go first @returns {import('./scenario.mjs').Variant['measure']} */
const storm = (tokens, before) => async (stage, peer) => {
  const running = await stage.start(peer, { tokens });
  /** @param {number} index */
  const wanted = index => ({ tenant: TENANT, user: `u${index}`, topic: `t.${index % 500}` });
  if (before > 0) await comeAndGo(stage, running, stage.scale(before), wanted);
  const load = stage.load();
  const clients = stage.scale(STORM);
  const watching = stage.watch(running);
  const { cpu, ms } = await connectAll(load, running, clients, wanted);
  await watching.stop();
  const seen = await load.take();
  return {
    accept: (cpu / clients) * 1e6,
    accepts: clients / (ms / 1000),
    server: cpu / (ms / 1000),
    clients: seen.cpu / (ms / 1000),
  };
};

/** @type {import('./scenario.mjs').Scenario} */
export const e = {
  id: 'e',
  title: 'Idle: 15,000 connections with one topic each (Warren: authenticated)',
  figures: ['rss', 'accept'],
  variants: forEach(['warren', 'bare', 'socket-io', 'nchan'], idle),
};

/** @type {import('./scenario.mjs').Scenario} */
export const f = {
  id: 'f',
  title: 'Accept storm: 10,000 connections at once (bare libraries and Socket.IO: without any auth)',
  figures: ['accept', 'accepts', 'server', 'clients'],
  variants: [
    { key: 'warren HS256', peer: 'warren', measure: storm('HS256', WARM_UP) },
    { key: 'warren RS256', peer: 'warren', measure: storm('RS256', WARM_UP) },
    { key: 'bare', peer: 'bare', measure: storm('HS256', WARM_UP) },
    { key: 'socket-io', peer: 'socket-io', measure: storm('HS256', WARM_UP) },
    { key: 'warren HS256, just started', peer: 'warren', measure: storm('HS256', 0) },
    { key: 'socket-io, just started', peer: 'socket-io', measure: storm('HS256', 0) },
  ],
};
