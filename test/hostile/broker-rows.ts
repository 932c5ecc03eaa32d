import type { Row } from '../broker/corpus.js';

/** What only a real broker carries: larger and odder than a decoder alone would meet. To add one, add a row. */
export const BROKER_ROWS: readonly Row[] = [
  { name: 'a body of 5 MB', body: 'x'.repeat(5_000_000), becomes: 'too_big' },
  { name: 'a million opening brackets', body: '['.repeat(1_000_000), becomes: 'too_big' },
  { name: 'zeros', body: new Uint8Array(900), becomes: 'not_json' },
  {
    name: 'headers of 50 kB',
    body: '3',
    properties: { headers: { to: 'all', long: 'x'.repeat(50_000) } },
    becomes: { audience: { kind: 'all' }, data: '3' },
  },
  {
    name: 'a thousand headers',
    body: '3',
    properties: {
      headers: { to: 'all', ...Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`h${i}`, i])) },
    },
    becomes: { audience: { kind: 'all' }, data: '3' },
  },
  {
    name: 'tables in tables',
    body: '3',
    properties: { headers: { to: 'all', nested: tables(100) } },
    becomes: { audience: { kind: 'all' }, data: '3' },
  },
  {
    name: 'headers whose names all objects have',
    body: '3',
    properties: {
      headers: JSON.parse('{"__proto__":{"to":"all"},"constructor":"x","toString":"y","hasOwnProperty":1}'),
    },
    becomes: 'not_an_object',
  },
  {
    name: 'headers that mean something to the broker',
    body: '3',
    properties: { headers: { to: 'all', CC: ['other'], BCC: ['other'], 'x-death': [{ count: 9 }] } },
    becomes: { audience: { kind: 'all' }, data: '3' },
  },
  {
    name: 'a to of 40 kB',
    body: '3',
    properties: { headers: { to: 'user:7 '.repeat(6000), tenant: 'acme' } },
    becomes: 'too_many_recipients',
  },
];

function tables(levels: number): object {
  return levels === 0 ? {} : { t: tables(levels - 1) };
}
