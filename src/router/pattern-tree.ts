/** One segment of the patterns' tree. Null for empty: every session with wildcards has a tree of its own. */
interface Node<T> {
  children: Map<string, Node<T>> | null;
  /** Members whose pattern ends here. */
  members: Set<T> | null;
}

const node = <T>(): Node<T> => ({ children: null, members: null });

/**
 * Wildcard patterns by segment, so that the patterns that match a topic are found by walking it once instead of
 * trying each. Subtrees go with their last member.
 */
export class PatternTree<T> {
  readonly #root = node<T>();

  get isEmpty(): boolean {
    return this.#root.children === null;
  }

  add(pattern: string, member: T): void {
    let at = this.#root;
    for (const segment of pattern.split('.')) {
      at.children ??= new Map();
      let next = at.children.get(segment);
      if (next === undefined) {
        next = node();
        at.children.set(segment, next);
      }
      at = next;
    }
    at.members ??= new Set();
    at.members.add(member);
  }

  remove(pattern: string, member: T): void {
    const path: { parent: Node<T>; segment: string }[] = [];
    let at = this.#root;
    for (const segment of pattern.split('.')) {
      const next = at.children?.get(segment);
      if (next === undefined) return;
      path.push({ parent: at, segment });
      at = next;
    }
    at.members?.delete(member);
    if (at.members?.size === 0) at.members = null;
    for (const { parent, segment } of path.toReversed()) {
      const child = parent.children?.get(segment);
      if (child === undefined || child.members !== null || child.children !== null) return;
      parent.children?.delete(segment);
      if (parent.children?.size === 0) parent.children = null;
    }
  }

  /** Calls `visit` with the members of each pattern that matches; a member may have several such patterns. */
  match(topic: string, visit: (members: ReadonlySet<T>) => void): void {
    if (this.isEmpty) return;
    walk(this.#root, topic.split('.'), 0, visit);
  }
}

function walk<T>(
  at: Node<T>,
  topic: readonly string[],
  depth: number,
  visit: (members: ReadonlySet<T>) => void,
): void {
  const all = at.children?.get('#')?.members ?? null;
  if (all !== null) visit(all);
  const segment = topic[depth];
  if (segment === undefined) {
    if (at.members !== null) visit(at.members);
    return;
  }
  const exact = at.children?.get(segment);
  if (exact !== undefined) walk(exact, topic, depth + 1, visit);
  const any = at.children?.get('*');
  if (any !== undefined) walk(any, topic, depth + 1, visit);
}
