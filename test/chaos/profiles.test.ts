import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from './checker/check.js';
import { HistoryBuilder } from './checker/history-builder.js';
import { judgeControl } from './profiles.js';

const one = () => new HistoryBuilder().who('c').connects('c', 1, {}).publishes('1').gets('c', 1, '1');
const lossy = () => one().publishes('2').publishes('3').gets('c', 1, '3');

test('a control that lost events is right, and what it lost stays to be seen', () => {
  const { verdict, findings } = judgeControl(check(lossy().over()));
  assert.equal(verdict, 'valid');
  assert.deepEqual(
    findings.map(({ kind }) => kind),
    ['lost'],
  );
});

test('a control that lost nothing proves nothing, nor does one with a bad rig', () => {
  assert.equal(judgeControl(check(one().over())).verdict, 'unknown');
  const slow = lossy().add({ k: 'run', ev: 'lag', p99: 900, loopP99: 12, loopMax: 40 });
  assert.equal(judgeControl(check(slow.over())).verdict, 'unknown');
});

test('a control in which something else is wrong is invalid', () => {
  const leak = lossy().publishes('4', { kind: 'tenant', tenant: 'globex' }).gets('c', 1, '4');
  assert.equal(judgeControl(check(leak.over())).verdict, 'invalid');
});
