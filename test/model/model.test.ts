import { test } from 'node:test';
import * as fc from 'fast-check';
import { story } from './steps.js';
import { World } from './world.js';

/**
 * The same 10,000 cases for everybody: a change that breaks one breaks it at every run. New ones are found by
 * `npm run model`. WARREN_SEED and WARREN_PATH, as a failure prints them, run that case again.
 */
const { WARREN_CASES: cases = '10000', WARREN_SEED: seed = '42436057', WARREN_PATH: path } = process.env;

test('whatever happens, nothing leaks, nothing is lost silently, order holds, and nothing stays behind', async t => {
  const chosen = Number(seed);
  t.diagnostic(`${cases} cases with seed ${chosen}`);
  await fc.assert(
    fc.asyncProperty(story, async ({ setting, steps }) => {
      const world = new World(setting);
      for (const step of steps) await world.take(step);
      await world.finish();
    }),
    {
      numRuns: Number(cases),
      seed: chosen,
      includeErrorInReport: true,
      ...(path === undefined ? {} : { path }),
    },
  );
});
