/** Whether a pattern (`*`: one segment, a last `#`: zero or more) matches a topic. Written anew, not the service's own. */
export function topicMatches(pattern: string, topic: string): boolean {
  const want = pattern.split('.');
  const have = topic.split('.');
  const open = want.at(-1) === '#';
  if (open) want.pop();
  if (open ? have.length < want.length : have.length !== want.length) return false;
  return want.every((segment, index) => segment === '*' || segment === have[index]);
}
