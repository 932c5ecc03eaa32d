import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc: unknown = runInNewContext('gc');

/** Bytes of heap and buffers that something still refers to. */
export function memoryInUse(): number {
  if (typeof gc !== 'function') throw new Error('this engine has no gc()');
  gc();
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
