/** Chance that can be repeated: the same seed gives the same numbers. */
export interface Random {
  /** 0 ≤ x < 1 */
  next(): number;
  /** An integer, both ends included. */
  between(least: number, most: number): number;
  pick<T>(values: readonly [T, ...T[]]): T;
  /** So many different ones, or all if there are fewer. */
  some<T>(values: readonly T[], count: number): T[];
  /** A stream of its own, so that what one part draws doesn't change what another gets. */
  fork(label: string): Random;
}

/** mulberry32: 32 bits of state are plenty for schedules. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const random: Random = {
    next,
    between: (least, most) => least + Math.floor(next() * (most - least + 1)),
    pick: values => values[Math.floor(next() * values.length)] ?? values[0],
    some(values, count) {
      const rest = [...values];
      const taken: (typeof rest)[number][] = [];
      while (taken.length < count && rest.length > 0) {
        taken.push(...rest.splice(Math.floor(next() * rest.length), 1));
      }
      return taken;
    },
    fork: label => seeded(seed ^ hash(label)),
  };
  return random;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}
