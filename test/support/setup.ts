import { afterAll } from 'vitest';
import { createDatabase, dropDatabases } from './database.js';
import { storeDeploymentsIn } from './deployment.js';
import { killPrograms, runProgramsWith } from './process.js';

// Runs for every file of the projects `system` and `system-alone`.
// Programs of tests run for seconds. Optimizing WebAssembly (the query compiler, the embedded Postgres) costs a tenth of the
// CPU time of a start, or a fifth with the embedded database, and would pay off only later.
runProgramsWith(['--wasm-tiering-budget=200000000']);
storeDeploymentsIn(async () => (await createDatabase()).url);
afterAll(async () => {
  killPrograms();
  await dropDatabases();
});
