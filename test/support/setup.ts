import { afterAll } from 'vitest';
import { createDatabase, dropDatabases } from './database.js';
import { storeDeploymentsIn } from './deployment.js';
import { killPrograms } from './process.js';

// Runs for every file of the projects `system` and `system-alone`.
storeDeploymentsIn(async () => (await createDatabase()).url);
afterAll(async () => {
  killPrograms();
  await dropDatabases();
});
