import { run } from './run.js';

await run({ env: process.env });
