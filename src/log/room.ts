/** A list with room for so many, at once: `Array.from` goes through them one by one, some ms for 100,000. */
export function roomFor<T>(length: number): (T | undefined)[] {
  const list: (T | undefined)[] = [];
  list.length = length;
  return list;
}
