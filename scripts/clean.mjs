// Removes build output, so that a deleted source file can't live on as a stale module.
import { rmSync } from 'node:fs';

for (const folder of process.argv.slice(2)) rmSync(folder, { recursive: true, force: true });
