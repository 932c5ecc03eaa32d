import { bystanders } from './bystanders.mjs';
import { churn } from './churn.mjs';
import { fairness } from './fairness.mjs';
import { noisy } from './noisy.mjs';
import { nonreaders } from './nonreaders.mjs';
import { overload } from './overload.mjs';
import { soak } from './soak.mjs';
import { storm } from './storm.mjs';

/** @type {Record<string, (context: import('./rig.mjs').Context) => Promise<void>>} in the order of `all` */
export const SCENARIOS = { nonreaders, fairness, noisy, overload, storm, churn, bystanders, soak };
