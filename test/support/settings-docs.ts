import type { Setting, Slice } from '../../src/setting.js';

type Groups = Readonly<Record<string, Slice>>;

const TITLES: Readonly<Record<string, string>> = {
  listener: 'Public listener',
  admin: 'Internal listener',
  feed: 'Feed: where events come from',
  events: 'Events',
  auth: 'Tokens: who may connect',
  log: 'History and resuming',
  connections: 'Connections',
  process: 'Process',
};

const ENV_HEADER = `# Every setting with its default. An empty value means "not set". Copy what you change.
# The same settings may stand in config/*.json; docs/configuration.md has their keys and says what outranks what.
# NODE_ENV is read too: "development" and "test" relax the rules for production, anything else, also none, does not.
`;

/** The whole text of .env.example. */
export function renderEnvExample(groups: Groups): string {
  const sections = Object.entries(groups).map(([group, slice]) => {
    const settings = Object.values(slice).map(setting => {
      const also = setting.fromFile ? ` Also as ${setting.env}_FILE: the path of a file that holds it.` : '';
      const allowed = `Must be ${setting.format.allowed}.`;
      const comment = wrap(`${setting.doc}${also} ${allowed}`, 108).map(line => `# ${line}\n`);
      return `${comment.join('')}${setting.env}=${setting.default ?? ''}\n`;
    });
    return `\n# ---- ${TITLES[group] ?? group} ----\n\n${settings.join('\n')}`;
  });
  return ENV_HEADER + sections.join('');
}

/** The text of docs/configuration.md with its tables made anew; its prose stays as it is. */
export function renderTables(groups: Groups, document: string): string {
  let text = document;
  for (const [group, slice] of Object.entries(groups)) {
    const marks = new RegExp(`(<!-- settings: ${group} -->\n)[^]*?(\n<!-- end -->)`);
    const rows = Object.entries(slice).map(([key, setting]) => row(group, key, setting));
    const table = `\n### ${TITLES[group] ?? group}\n\n| Variable | Key in files | Default | Allowed | Meaning |\n|---|---|---|---|---|\n${rows.join('\n')}\n`;
    text = text.replace(marks, (_, begin: string, end: string) => begin + table + end);
  }
  return text;
}

function row(group: string, key: string, setting: Setting<unknown>): string {
  const name = setting.fromFile ? `\`${setting.env}\` or \`${setting.env}_FILE\`` : `\`${setting.env}\``;
  const fallback = setting.default === null ? 'none' : `\`${setting.default}\``;
  const cells = [name, `\`${group}.${key}\``, fallback, setting.format.allowed, setting.doc];
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|').replaceAll('<', '&lt;')).join(' | ')} |`;
}

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && last.length + word.length >= width) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}
