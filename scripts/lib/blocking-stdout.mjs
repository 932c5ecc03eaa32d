/**
 * To be imported ahead of a test file that runs with `--test-force-exit`: that ends the process with results still on their
 * way (nodejs/node#64833, 17 of 2,946 once). Written at once, they have left by then. Node has no public way to say so.
 */
import { stdout } from 'node:process';

Reflect.get(stdout, '_handle')?.setBlocking?.(true);
