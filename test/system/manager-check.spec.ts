/** `--check` of the programs for clusters, beside a real standalone and a connected traffic manager. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCulvert } from '../support/cli.js';
import { API_KEY, type Deployment, startDeployment } from '../support/deployment.js';

const SECRET = 'a-secret-of-the-cluster';

describe('--check', () => {
  let deployment: Deployment;
  let env: Record<string, string>;
  let clusterPort: string;
  beforeAll(async () => {
    deployment = await startDeployment();
    env = {
      CULVERT_URL: `http://localhost:${deployment.port}/`,
      CULVERT_API_KEY: API_KEY,
    };
    const manager = await deployment.startManager({
      CULVERT_CLUSTER_PORT: '0',
      CULVERT_CLUSTER_SECRET: SECRET,
    });
    [, clusterPort = ''] = await manager.logged(/"port":(\d+),"msg":"meeting point listens"/);
  });
  afterAll(() => deployment?.stop());

  const check = (args: readonly string[], more: Record<string, string> = {}) =>
    runCulvert([...args, '--check'], { env: { ...env, CULVERT_MANAGER_ID: 'checked', ...more } });
  const managers = async () =>
    (await deployment.api<{ items: { managerId: string }[] }>('GET', '/traffic-managers')).items.map(
      ({ managerId }) => managerId,
    );

  it('of a traffic manager passes, and registers nothing', async () => {
    const { code, stdout, stderr } = await check(['traffic-manager']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^ok {4}Tunnel +WebSocket in .* ms, answered in .* ms$/m);
    expect(stdout).toMatch(/^ok {4}API key /m);
    expect(stdout).toMatch(/^9 ok$/m);
    expect(await managers()).toEqual(['test-manager']);
  });

  it('of a traffic manager fails with a key that lacks its scope, and names it', async () => {
    const body = { name: 'reader', scopes: ['previews:read'] };
    const { key } = await deployment.api<{ key: string }>('POST', '/api-keys', body);
    const { code, stdout } = await check(['traffic-manager'], { CULVERT_API_KEY: key });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAIL {2}API key +the key lacks tunnel\n +→ /m);
    expect(stdout).not.toContain(key);
  });

  it('of a traffic manager warns if the key cannot report intercepts', async () => {
    const { key } = await deployment.api<{ key: string }>('POST', '/api-keys', {
      name: 'tunnel',
      scopes: ['tunnel'],
    });
    const { code, stdout } = await check(['traffic-manager'], {
      CULVERT_API_KEY: key,
      CULVERT_CLUSTER_PORT: '0',
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^WARN {2}API key +the key lacks sessions:read, intercepts:read, intercepts:write/m,
    );
  });

  const daemon = (more: Record<string, string> = {}) =>
    check(['pod-daemon', '--workload-name=web', '--ingress-host=web.internal'], {
      CULVERT_MANAGER_URL: `http://127.0.0.1:${clusterPort}`,
      CULVERT_CLUSTER_SECRET: SECRET,
      ...more,
    });

  it('of a pod daemon passes at its traffic manager and at Culvert', async () => {
    const { code, stdout, stderr } = await daemon();
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^ok {4}Traffic manager +WebSocket in /m);
    expect(stdout).toMatch(/^ok {4}API key /m);
  });

  it('of a pod daemon reports a secret that its traffic manager does not accept', async () => {
    const { code, stdout } = await daemon({ CULVERT_CLUSTER_SECRET: 'another-secret-of-a-cluster' });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAIL {2}Traffic manager .*401/m);
    expect(stdout).not.toContain('another-secret');
  });

  it('of a pod daemon without the URL of Culvert says what it could not check', async () => {
    const { code, stdout } = await daemon({ CULVERT_URL: '' });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^skip {2}Culvert .*\n +→ Set CULVERT_URL/m);
  });
});
