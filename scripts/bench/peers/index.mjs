import { nchan } from './nchan.mjs';
import { socketIo } from './socket-io.mjs';
import { warren } from './warren.mjs';
import { webStomp } from './web-stomp.mjs';
import { bare, plainLoop } from './ws.mjs';

/** All that a run holds side by side, Warren first. @type {readonly import('./peer.mjs').Peer[]} */
export const PEERS = [warren, bare, plainLoop, socketIo, nchan, webStomp];
