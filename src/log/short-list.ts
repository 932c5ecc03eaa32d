/**
 * Adds an item to a list that mostly stays at one: the list, or a new one for the first. V8 makes room for 17 at the
 * first `push`, 152 bytes, three times a delivery.
 */
export function appended<T>(list: T[], item: T): T[] {
  if (list.length === 0) return [item];
  list.push(item);
  return list;
}
