import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { versions } from 'node:process';
import { canPin } from '../lib/load/process.mjs';

/** @returns {Record<string, string>} */
export function describeMachine() {
  return {
    processor: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
    system: `${systemName()}, Linux ${release()}`,
    Node: versions.node,
    'server on a core of its own': canPin ? 'yes' : 'no',
  };
}

function systemName() {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
