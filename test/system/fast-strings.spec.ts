import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startProgram } from '../support/process.js';

/**
 * A library that subclasses `String` makes string methods slow in the whole process, so programs that move visitors'
 * requests restore them before they serve. Each program does so at its start, where a new one could forget it.
 */
const PROBE = `data:text/javascript,${encodeURIComponent(
  "process.on('SIGUSR2', () => console.error('fast strings:', %HasFastProperties(String.prototype)));",
)}`;

let database: TestDatabase;
let dataDir: string;
beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  dataDir = mkdtempSync(join(tmpdir(), 'culvert-test-'));
});
afterAll(async () => {
  await database?.drop();
  rmSync(dataDir, { recursive: true, force: true });
});

const PROGRAMS = {
  'apps/standalone/src/main.js': () => ({ PORT: '0', DATA_DIR: dataDir }),
  'apps/edge/src/main.js': () => ({
    PORT: '0',
    ADMIN_PORT: '0',
    DATABASE_URL: database.url,
    REDIS_URL: inject('redisUrl'),
    APP_HOST: 'localhost:8080',
    API_UPSTREAM_URL: 'http://127.0.0.1:9',
  }),
  'apps/traffic-agent/src/main.js': () => ({
    CULVERT_AGENT_PORTS: '0:9',
    CULVERT_WORKLOAD_NAME: 'orders',
    CULVERT_WORKLOAD_NAMESPACE: 'shop',
    CULVERT_MANAGER_URL: 'http://127.0.0.1:9',
    CULVERT_CLUSTER_SECRET: 'x'.repeat(43),
  }),
};

describe('programs that move requests', () => {
  it.each(Object.entries(PROGRAMS))('%s has fast string methods once it serves', async (script, env) => {
    const program = startProgram(script, env(), [], ['--allow-natives-syntax', '--import', PROBE]);
    await program.logged(/"(serving|listening)"/);
    program.kill('SIGUSR2');
    const [, isFast] = await program.logged(/fast strings: (\w+)/);
    expect(isFast).toBe('true');
    await program.stop();
  });
});
