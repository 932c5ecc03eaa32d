import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import { test } from 'node:test';
import { SETTINGS } from '../../src/config.js';
import { Metrics } from '../../src/metrics.js';
import type { Slice } from '../../src/setting.js';
import { GUIDES, read, root } from './documents.js';
import { EMPTY_GAUGES } from '../support/gauges.js';

/** How GitHub makes an anchor of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

function anchorsIn(text: string): string[] {
  return [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));
}

/** Text between back ticks, outside of code blocks. */
function codeIn(text: string): string[] {
  const prose = text.replaceAll(/^```[^]*?^```$/gm, '');
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}

const FOLDERS = readdirSync(join(root, 'src'));

for (const guide of GUIDES) {
  test(`every link in ${guide} leads somewhere`, () => {
    for (const [, link = ''] of read(guide).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? guide : posix.join(posix.dirname(guide), path);
      assert.ok(existsSync(join(root, target)), `${guide} links to ${target}, which isn't there`);
      if (anchor !== undefined) {
        assert.ok(anchorsIn(read(target)).includes(anchor), `${guide}: ${target} has no heading #${anchor}`);
      }
    }
  });

  test(`every file that ${guide} names is there`, () => {
    const named = codeIn(read(guide)).filter(code =>
      /^(?:src|test|scripts|docs|config|k8s)\/[\w./-]+\.\w+$/.test(code),
    );
    const inSource = codeIn(read(guide))
      .filter(code => FOLDERS.includes(code.split('/')[0] ?? '') && code.endsWith('.ts'))
      .map(code => `src/${code}`);
    for (const path of [...named, ...inSource]) {
      assert.ok(existsSync(join(root, path)), `${guide} names ${path}, which isn't there`);
    }
  });
}

test('every setting that a guide names is one', () => {
  const groups: Readonly<Record<string, Slice>> = SETTINGS;
  const known = new Set(
    Object.values(groups).flatMap(slice => Object.values(slice).flatMap(({ env }) => [env, `${env}_FILE`])),
  );
  known.add('NODE_ENV');
  known.add('RABBITMQ_SERVER'); // Of the tests and the demo.
  for (const guide of GUIDES) {
    for (const code of codeIn(read(guide))) {
      const name = /^([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|PORT|HOST|FEED)(?:=.*)?$/.exec(code)?.[1];
      if (name !== undefined) assert.ok(known.has(name), `${guide} names ${name}, which is no setting`);
    }
  }
});

test('every metric that a guide names is one', () => {
  const text = new Metrics().text(EMPTY_GAUGES);
  for (const guide of GUIDES) {
    for (const code of codeIn(read(guide)).filter(name => /^warren_\w+$/.test(name))) {
      assert.ok(text.includes(`# TYPE ${code} `), `${guide} names ${code}, which is no metric`);
    }
  }
});
