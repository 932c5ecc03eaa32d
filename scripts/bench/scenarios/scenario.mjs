/**
 * What is measured for one of those that are compared in a scenario: a peer, or Warren in several ways.
 *
 * @typedef {object} Variant
 * @property {string} key
 * @property {string} peer
 * @property {(stage: import('../stage.mjs').Stage, peer: import('../peers/peer.mjs').Peer) => Promise<Record<string, number>>} measure
 */

/**
 * @typedef {object} Scenario
 * @property {string} id
 * @property {string} title
 * @property {readonly string[]} figures keys of FIGURES, in the order of the table
 * @property {readonly Variant[]} variants
 */

/** Peers that know no topics of their own take part where everybody gets everything. */
export const ALL = /** @type {const} */ (['warren', 'bare', 'plain-loop', 'socket-io', 'nchan', 'web-stomp']);
export const WITH_TOPICS = /** @type {const} */ (['warren', 'bare', 'plain-loop', 'socket-io', 'nchan']);

/**
 * The same for several peers.
 *
 * @param {readonly string[]} peers
 * @param {Variant['measure']} measure
 * @returns {Variant[]}
 */
export const forEach = (peers, measure) => peers.map(peer => ({ key: peer, peer, measure }));

/** A burst that the server takes in slowly waits at the broker, all of it. Only Warren has settings. */
export const DEEP_QUEUE = { AMQP_QUEUE_MAX_LENGTH: '2000000', AMQP_QUEUE_MAX_BYTES: '2GiB' };

export const TENANT = 'acme';
export const DELIVERY = /** @type {const} */ ([
  'cpu',
  'rate',
  'p50',
  'p99',
  'p999',
  'server',
  'clients',
  'loadCore',
]);
