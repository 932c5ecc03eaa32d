import { e, f } from './connections.mjs';
import { k } from './curves.mjs';
import { a, b, c, d } from './fan-out.mjs';
import { g, h } from './history.mjs';
import { i, j } from './neighbours.mjs';

/** @type {readonly import('./scenario.mjs').Scenario[]} */
export const SCENARIOS = [a, b, c, d, e, f, g, h, i, j, k];
