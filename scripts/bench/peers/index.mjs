import { nchan } from './nchan.mjs';
import { plainLoop } from './plain-loop.mjs';
import { socketIo } from './socket-io.mjs';
import { warren } from './warren.mjs';
import { webStomp } from './web-stomp.mjs';

/** All that a run holds side by side, Warren first. @type {readonly import('./peer.mjs').Peer[]} */
export const PEERS = [warren, plainLoop, socketIo, nchan, webStomp];
