import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UNREADY_REASONS } from '../../src/admin/readiness.js';
import { Metrics } from '../../src/metrics.js';
import { ENDINGS } from '../../src/protocol/endings.js';
import { ERRORS } from '../../src/protocol/errors.js';
import { EXIT } from '../../src/run.js';
import { read, tableRows } from '../docs/documents.js';
import { EMPTY_GAUGES } from '../support/gauges.js';

const protocol = read('PROTOCOL.md');
const operations = read('docs/operations.md');
const messages = read('src/protocol/messages.ts');

const code = (cell = '') => cell.replaceAll('`', '');

/** The interfaces in TypeScript text: name to one line per field, without comments and `readonly`. */
function interfacesIn(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [, name = '', body = ''] of text.matchAll(/^(?:export )?interface (\w+) \{\n([^]*?)^\}/gm)) {
    const lines = body
      .replaceAll(/\/\*\*[^]*?\*\//g, '')
      .replaceAll(/\breadonly /g, '')
      .split('\n')
      .map(line => line.trim())
      .filter(line => line !== '');
    found.set(name, lines);
  }
  return found;
}

function typesIn(text: string): Map<string, string> {
  const found = [...text.matchAll(/^(?:export )?type (\w+) = ([^;]+);/gm)];
  return new Map(found.map(([, name = '', type = '']) => [name, type]));
}

describe('PROTOCOL.md', () => {
  it('has the endings of the code, each with its reason and what the client should do', () => {
    const documented = tableRows(protocol, 'endings').map(([number, reason, retry]) => ({
      code: Number(number),
      reason,
      retry: code(retry),
    }));
    assert.deepEqual(documented, Object.values(ENDINGS));
  });

  it('explains each thing that a client should do', () => {
    for (const { retry } of Object.values(ENDINGS))
      assert.match(protocol, new RegExp(`^- \`${retry}\`: `, 'm'));
  });

  it('has the error codes of the code, each with its text', () => {
    const documented = tableRows(protocol, 'errors').map(([name, text]) => [code(name), text]);
    assert.deepEqual(documented, Object.entries(ERRORS));
  });

  it('has every message of the server, field by field', () => {
    const documented = interfacesIn(protocol);
    const union = /^export type OkMessage =\n([^;]+);/m.exec(messages)?.[1] ?? '';
    const names = [...union.matchAll(/\| (\w+)/g)].map(([, name = '']) => name);
    assert.ok(names.length >= 8);
    const inCode = interfacesIn(messages);
    for (const name of names) {
      const fields = (inCode.get(name) ?? []).map(line => line.replace(/^(\w+\??): readonly /, '$1: '));
      assert.deepEqual(documented.get(name), ["status: 'ok';", ...fields], name);
    }
    assert.deepEqual(documented.get('Denial'), inCode.get('Denial'));
    const others = ['FirstMessage', 'RequestMessage', 'EventMessage', 'ErrorMessage', 'Denial'];
    assert.deepEqual([...documented.keys()].toSorted(), [...names, ...others].toSorted());
  });

  it('has a heading, a direction and an example that is JSON for each of them', () => {
    const sections = protocol.split(/^### /m).filter(section => /^interface \w+Message /m.test(section));
    assert.equal(sections.length, 12);
    for (const section of sections) {
      const title = section.slice(0, section.indexOf('\n'));
      assert.match(section, /\*\*(?:Client to server|Server to client)/, title);
      const example: unknown = JSON.parse(/^```json\n([^]*?)^```/m.exec(section)?.[1] ?? '');
      assert.ok(typeof example === 'object' && example !== null, title);
      const fields = [...interfacesIn(section).values()][0] ?? [];
      const names = new Set(fields.map(field => /^\w+/.exec(field)?.[0]));
      for (const key of Object.keys(example)) assert.ok(names.has(key), `${title}: ${key}`);
      for (const field of fields) {
        const required = /^(\w+):/.exec(field)?.[1];
        if (required !== undefined) assert.ok(Object.hasOwn(example, required), `${title}: ${required}`);
      }
    }
  });

  it('has the closed lists of values', () => {
    const documented = typesIn(protocol);
    for (const [name, type] of documented) assert.equal(type, typesIn(messages).get(name), name);
    assert.deepEqual([...documented.keys()], ['Ref', 'Resume', 'ResyncReason', 'DenialCode']);
  });

  it('has every field that is read of a client', () => {
    const codec = read('src/protocol/codec.ts');
    const inCode = new Set([...codec.matchAll(/own\(fields, '(\w+)'\)/g)].map(([, name = '']) => name));
    const documented = ['FirstMessage', 'RequestMessage'].flatMap(
      name => interfacesIn(protocol).get(name) ?? [],
    );
    const names = documented.map(line => /^\w+/.exec(line)?.[0] ?? '');
    assert.deepEqual([...new Set(names)].toSorted(), [...inCode].toSorted());
  });
});

describe('docs/operations.md', () => {
  it('has the metrics of the code, in their order', () => {
    const text = new Metrics().text(EMPTY_GAUGES);
    const families = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    assert.deepEqual(
      tableRows(operations, 'metrics').map(([name]) => code(name)),
      families,
    );
  });

  it('has the endings as they are counted', () => {
    assert.deepEqual(
      tableRows(operations, 'endings').map(([name, number, reason]) => [code(name), Number(number), reason]),
      Object.entries(ENDINGS).map(([name, ending]) => [name, ending.code, ending.reason]),
    );
  });

  it('has the reasons for not being ready', () => {
    assert.deepEqual(
      tableRows(operations, 'unready').map(([name]) => code(name)),
      [...UNREADY_REASONS],
    );
  });

  it('has the exit codes', () => {
    assert.deepEqual(
      tableRows(operations, 'exits').map(([number]) => Number(number)),
      Object.values(EXIT),
    );
  });

  it('has only log lines that are in the code', () => {
    const files = [
      'src/app.ts',
      'src/run.ts',
      'src/broker/feed-log.ts',
      'src/connection/hub.ts',
      'src/connection/connection.ts',
      'src/auth/index.ts',
      'src/auth/jwks.ts',
    ];
    const source = files.map(read).join('\n');
    for (const [, message = ''] of tableRows(operations, 'log'))
      assert.ok(source.includes(`'${message}'`), message);
  });
});
