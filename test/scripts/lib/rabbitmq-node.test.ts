import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { speaksAmqp, startNode } from '../../../scripts/lib/rabbitmq-node.mjs';
import { eventually } from '../../support/eventually.js';

const MODULE = new URL('../../../scripts/lib/rabbitmq-node.mjs', import.meta.url).href;

function listens(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('connect', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('a private RabbitMQ node', { timeout: 120_000 }, () => {
  it('ends with the process that started it, although that one is killed; so do its port mapper and its folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'warren-rabbitmq-'));
    const owner = spawn(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `const { startNode } = await import(${JSON.stringify(MODULE)});
         const { port, pid, handle } = await startNode({ folder: ${JSON.stringify(folder)}, temporary: true });
         console.log(JSON.stringify({ port, pid, ...JSON.parse(handle) }));
         setInterval(() => {}, 1e6);`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'], detached: true },
    );
    const [line] = await once(createInterface(owner.stdout), 'line');
    const node: { port: number; pid: number; epmdPort: number } = JSON.parse(String(line));
    assert.ok(await speaksAmqp('127.0.0.1', node.port));
    assert.ok(isAlive(node.pid));
    assert.ok(await listens(node.epmdPort));
    assert.ok(owner.pid);
    process.kill(-owner.pid, 'SIGKILL'); // Its whole process group, as a terminal or a CI runner would.
    await eventually(
      async () => [
        isAlive(node.pid),
        await listens(node.port),
        await listens(node.epmdPort),
        existsSync(folder),
      ],
      left => left.every(each => !each),
    );
  });

  it('says why it did not start, and leaves no folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'warren-rabbitmq-'));
    const before = process.env['RABBITMQ_SERVER'];
    try {
      process.env['RABBITMQ_SERVER'] = '/no/such/server';
      await assert.rejects(
        startNode({ folder }),
        /RABBITMQ_SERVER names no program that can be run: \/no\/such\/server/,
      );
      process.env['RABBITMQ_SERVER'] = '/bin/false';
      await assert.rejects(startNode({ folder, temporary: true }), /RabbitMQ did not start \(\/bin\/false\)/);
      assert.ok(!existsSync(folder));
    } finally {
      if (before === undefined) delete process.env['RABBITMQ_SERVER'];
      else process.env['RABBITMQ_SERVER'] = before;
      await rm(folder, { recursive: true, force: true });
    }
  });
});
