import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../k8s/files.js';

/** What people read first, as against the reference documents, which have tests of their own. */
export const GUIDES = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'docs/publishing.md',
  'docs/architecture.md',
  'docs/guarantees.md',
] as const;

export { root };

export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** The body rows of the table that begins behind a mark `<!-- table: <name> -->`, cell by cell. */
export function tableRows(text: string, name: string): string[][] {
  const [, behind = ''] = text.split(`<!-- table: ${name} -->\n`);
  const lines = behind.trimStart().split('\n');
  const end = lines.findIndex(line => !line.startsWith('|'));
  return lines.slice(2, end).map(line =>
    line
      .slice(1, -1)
      .split('|')
      .map(cell => cell.trim()),
  );
}
