/** `culvert doctor` as people run it: a separate process, beside a real standalone. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestServer } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCulvert } from '../support/cli.js';
import { API_KEY, type Deployment, startDeployment } from '../support/deployment.js';

interface Report {
  readonly checks: readonly {
    readonly id: string;
    readonly state: string;
    readonly message: string;
    readonly facts: Readonly<Record<string, unknown>>;
  }[];
}

describe('culvert doctor', () => {
  let deployment: Deployment;
  let home: string;
  let target: TestServer;
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    target = await TestServer.start();
    deployment = await startDeployment();
    await deployment.startManager();
    await deployment.createPreview(Number(new URL(target.url).port));
  });
  afterAll(async () => {
    await deployment?.stop();
    await target?.close();
    rmSync(home, { recursive: true, force: true });
  });

  const doctor = async (args: readonly string[] = [], key = API_KEY) => {
    const env = {
      HOME: home,
      CULVERT_URL: `http://localhost:${deployment.port}`,
      CULVERT_API_KEY: key,
    };
    const run = await runCulvert(['doctor', '--output', 'json', ...args], { env });
    const { checks } = JSON.parse(run.stdout) as Report;
    return { ...run, found: Object.fromEntries(checks.map((check) => [check.id, check])) };
  };

  it('finds nothing wrong with a deployment that works', async () => {
    const { code, found } = await doctor([target.url]);
    const states = Object.fromEntries(Object.values(found).map(({ id, state }) => [id, state]));
    expect(states).toEqual({
      node: 'ok',
      config: 'ok',
      running: 'ok',
      settings: 'ok',
      name: 'ok',
      proxy: 'ok',
      tcp: 'ok',
      tls: 'ok',
      api: 'ok',
      version: 'ok',
      clock: 'ok',
      tunnel: 'ok',
      'sign-in': 'ok',
      scopes: 'ok',
      'preview-domain': 'ok',
      target: 'ok',
    });
    expect(code).toBe(0);
    expect(found['tunnel']?.facts).toMatchObject({
      upgradeMs: expect.any(Number) as number,
      answerMs: expect.any(Number) as number,
    });
  });

  it('reaches the edge by a name next to a preview that no preview has', async () => {
    const { found } = await doctor();
    expect(found['preview-domain']).toMatchObject({
      state: 'ok',
      message: `*.preview.localhost:${deployment.port} leads to Culvert`,
      facts: { host: expect.stringMatching(/^doctor-[0-9a-f]{12}\.preview\.localhost:/) as string },
    });
  });

  it('leaves no session, no traffic manager and no connection event behind', async () => {
    const seen = async () => ({
      managers: await deployment.api<{ items: unknown[] }>('GET', '/traffic-managers'),
      sessions: (await deployment.api<{ items: { id: string }[] }>('GET', '/sessions')).items.map(
        ({ id }) => id,
      ),
    });
    const before = await seen();
    expect(before.managers.items).toHaveLength(1);
    const { found } = await doctor();
    expect(found['tunnel']?.state).toBe('ok');
    expect(await seen()).toEqual(before);
  });

  it('reports a key that Culvert does not know, and what depends on it', async () => {
    const { code, found } = await doctor([], 'cvt_unknown-unknown-unknown');
    expect(code).toBe(1);
    expect(found['api']?.state).toBe('ok');
    expect(found['sign-in']?.state).toBe('failure');
    expect(found['tunnel']).toMatchObject({ state: 'failure', facts: { phase: 'upgrade', status: 401 } });
    expect(found['preview-domain']?.state).toBe('skipped');
  });

  it('reports a key without the scope for tunnels, and says what it is missing for', async () => {
    const { key } = await deployment.api<{ key: string }>('POST', '/api-keys', {
      name: 'reader',
      scopes: ['previews:read'],
    });
    const { code, found } = await doctor([], key);
    expect(code).toBe(1);
    expect(found['tunnel']).toMatchObject({ state: 'failure', facts: { status: 403 } });
    expect(found['scopes']?.message).toContain('expose needs tunnel');
  });

  it('writes an archive that does not hold the key', async () => {
    const bundle = join(home, 'report.tar.gz');
    expect((await doctor(['--bundle', bundle])).code).toBe(0);
    const text = execFileSync('tar', ['-xzOf', bundle], { encoding: 'utf8' });
    expect(text).toContain('"tunnel"');
    expect(text).not.toContain(API_KEY);
  });
});
