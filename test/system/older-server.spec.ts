/** `culvert` at a server of an earlier version, which ignores the newest options. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCulvert, startCulvert } from '../support/cli.js';
import { API_KEY, type Deployment, startDeployment } from '../support/deployment.js';
import { OlderServer } from '../support/older-server.js';

let deployment: Deployment;
let older: OlderServer;
let home: string;

beforeAll(async () => {
  deployment = await startDeployment();
  older = await OlderServer.start(deployment.port, ['addressedAs', 'allowUpgrades']);
  home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
});
afterAll(async () => {
  await older?.stop();
  await deployment?.stop();
  if (home) rmSync(home, { recursive: true, force: true });
});

const environment = (url = older.url) => ({ HOME: home, CULVERT_URL: url, CULVERT_API_KEY: API_KEY });

describe('culvert at an older server', () => {
  it('reports the options of expose that the server ignores', async () => {
    const program = startCulvert(['expose', '3000', '--rewrite-origin', '--allow-upgrades'], environment());
    await program.logged(/the server ignores --rewrite-origin and --allow-upgrades, because it is older/);
    program.kill('SIGINT');
    expect((await program.exited).code).toBe(0);
  });

  it('reports the settings of a file that the server ignores, for the endpoint that has them', async () => {
    const file = join(home, 'culvert.yaml');
    writeFileSync(
      file,
      'endpoints:\n  web: { target: 3000, rewriteOrigin: true }\n  api: { target: 3001, allowUpgrades: true }\n',
    );
    const program = startCulvert(['up', '--file', file], environment());
    await program.logged(/^web \| .*the server ignores rewriteOrigin, because it is older/m);
    await program.logged(/^api \| .*the server ignores allowUpgrades, because it is older/m);
    program.kill('SIGINT');
    await program.exited;
    const down = await runCulvert(['down', '--remove', '--file', file], { env: environment() });
    expect(down.code).toBe(0);
  });

  it('reports nothing of the sort at a server of its own version', async () => {
    const program = startCulvert(
      ['expose', '3000', '--rewrite-origin', '--allow-upgrades'],
      environment(`http://localhost:${deployment.port}`),
    );
    await program.logged(/Requests go to/);
    program.kill('SIGINT');
    await program.exited;
    expect(program.stderr).not.toContain('ignores');
  });
});
