/**
 * Of one scenario: per variant, one set of figures per run.
 *
 * @typedef {object} Result
 * @property {string} id
 * @property {string} when day of the last run
 * @property {Record<string, Record<string, number>[]>} runs by variant
 * @property {Record<string, string>} skipped by variant: why there is nothing
 * @property {number} repeated measurements that didn't count: other work disturbed them
 */

/**
 * @typedef {object} Results
 * @property {Record<string, string>} machine
 * @property {Record<string, string>} versions of the peers
 * @property {Record<string, Result>} scenarios by their id
 */

/** The middle one; of an even number the mean of the two in the middle. @param {readonly number[]} values */
export function median(values) {
  const sorted = values.filter(value => !Number.isNaN(value)).toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) return Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/**
 * @param {Result | undefined} result
 * @param {string} variant
 * @param {string} figure
 * @returns {number} NaN: there is none
 */
export function medianOf(result, variant, figure) {
  return median((result?.runs[variant] ?? []).map(figures => figures[figure] ?? Number.NaN));
}

/**
 * Results of another run are put together with these: scenarios that were run anew take the place of the old ones, or
 * add to them.
 *
 * @param {Results | null} old
 * @param {Results} fresh
 * @param {boolean} add
 * @returns {Results}
 */
export function merge(old, fresh, add) {
  if (old === null) return fresh;
  const scenarios = { ...old.scenarios };
  for (const [id, result] of Object.entries(fresh.scenarios)) {
    const before = add ? old.scenarios[id] : undefined;
    const runs = { ...before?.runs };
    for (const [variant, figures] of Object.entries(result.runs))
      runs[variant] = [...(runs[variant] ?? []), ...figures];
    scenarios[id] = { ...result, runs, repeated: result.repeated + (before?.repeated ?? 0) };
  }
  return { machine: fresh.machine, versions: { ...old.versions, ...fresh.versions }, scenarios };
}
