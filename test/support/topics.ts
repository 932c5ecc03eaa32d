/** The meaning of a pattern, spelt out with no eye on speed: an oracle for whatever is faster. */
export function meansTopic(pattern: string, topic: string): boolean {
  const fits = (wanted: readonly string[], given: readonly string[]): boolean => {
    const [segment, ...others] = wanted;
    if (segment === undefined) return given.length === 0;
    if (segment === '#') return true;
    const [first, ...rest] = given;
    if (first === undefined) return false;
    return (segment === '*' || segment === first) && fits(others, rest);
  };
  return fits(pattern.split('.'), topic.split('.'));
}

/** All sequences of 1 to `longest` of these segments, joined. */
export function combinations(segments: readonly string[], longest: number): string[] {
  let last = segments.map(String);
  const all = [...last];
  for (let length = 2; length <= longest; length++) {
    last = last.flatMap(start => segments.map(segment => `${start}.${segment}`));
    all.push(...last);
  }
  return all;
}
