import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SCOPES } from '@culvert/terms';
import { TestServer } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../spec/test-terminal.js';
import { judgeScopes } from './account-checks.js';
import { judgeNode } from './machine-checks.js';
import { redact } from './redact.js';
import { guessServer } from './target-check.js';

const KEY = 'cvt_PlantedKeyPlantedKeyPlantedKey';

interface Printed {
  readonly checks: readonly { readonly id: string; readonly state: string; readonly message: string }[];
  readonly counts: Readonly<Record<string, number>>;
}

describe('culvert doctor', () => {
  let server: TestServer;
  let home: string;
  beforeEach(async () => {
    server = await TestServer.start();
    server.always(200, { version: '0.1.0' });
    home = mkdtempSync(join(tmpdir(), 'culvert-doctor-'));
  });
  afterEach(async () => {
    await server.close();
    rmSync(home, { recursive: true, force: true });
  });

  const run = async (argv: readonly string[], env: Record<string, string> = {}) =>
    runCommand(['doctor', ...argv], { env: { HOME: home, CULVERT_CONFIG_DIR: home, ...env } });
  const check = async (argv: readonly string[], env: Record<string, string> = {}) => {
    const { exitCode, stdout } = await run([...argv, '--output', 'json'], env);
    const { checks, counts } = JSON.parse(stdout) as Printed;
    return { exitCode, counts, found: Object.fromEntries(checks.map((each) => [each.id, each])) };
  };

  it('without a URL says how to set one, and still checks this machine and the target', async () => {
    const { exitCode, found } = await check([server.url]);
    expect(exitCode).toBe(1);
    expect(found['settings']).toMatchObject({
      state: 'failure',
      advice: expect.stringContaining('culvert login') as string,
    });
    expect(found['node']?.state).toBe('ok');
    expect(found['target']?.state).toBe('ok');
    expect(found['api']?.state).toBe('skipped');
    expect(found['sign-in']?.state).toBe('skipped');
  });

  it('without a credential checks the way, and says how to sign in', async () => {
    const { exitCode, found } = await check([], { CULVERT_URL: server.url });
    expect(exitCode).toBe(1);
    expect(found['api']?.state).toBe('ok');
    expect(found['tunnel']?.state).toBe('skipped');
    expect(found['sign-in']).toMatchObject({
      state: 'failure',
      advice: expect.stringContaining('culvert login') as string,
    });
    expect(found['scopes']?.state).toBe('skipped');
  });

  it('makes no file and no folder', async () => {
    const config = join(home, 'config');
    await run([], { CULVERT_URL: server.url, CULVERT_CONFIG_DIR: config });
    expect(existsSync(config)).toBe(false);
  });

  it('reports a file of credentials that other users can read', async () => {
    writeFileSync(join(home, 'credentials.json'), '{"version":1,"current":null,"servers":{}}', {
      mode: 0o644,
    });
    const { found } = await check([], { CULVERT_URL: server.url });
    expect(found['config']).toMatchObject({
      state: 'failure',
      advice: expect.stringContaining('chmod 600') as string,
    });
  });

  it('reports a folder of settings that other users can change', async () => {
    chmodSync(home, 0o777);
    const { found } = await check([], { CULVERT_URL: server.url });
    expect(found['config']).toMatchObject({
      state: 'warning',
      advice: expect.stringContaining('chmod 700') as string,
    });
  });

  it('reports an exposure whose process is gone', async () => {
    mkdirSync(join(home, 'running'));
    const entry = {
      version: 1,
      kind: 'expose',
      name: 'shop',
      server: server.url,
      // No process has the largest id.
      pid: 2 ** 22 + 1,
      startedAt: new Date().toISOString(),
      target: 'localhost:3000',
      url: null,
      previewId: null,
      trafficManagerId: null,
    };
    writeFileSync(join(home, 'running', 'expose-0.json'), JSON.stringify(entry));
    const { found } = await check([], { CULVERT_URL: server.url });
    expect(found['running']).toMatchObject({
      state: 'warning',
      message: expect.stringContaining('expose shop') as string,
    });
  });

  it('prints for people a line each, with the advice below, and the counts', async () => {
    const { stdout, exitCode } = await run([], { CULVERT_URL: server.url });
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^ok {4}Node +\d+\./m);
    expect(stdout).toMatch(/^FAIL {2}Sign-in .*not signed in.*\n +→ Run "culvert login"/m);
    expect(stdout).toMatch(/^skip {2}Scopes +skipped, because the check "Sign-in" failed$/m);
    expect(stdout).toMatch(/^\d+ ok, 1 failure, \d+ skipped$/m);
  });

  it('writes an archive without any secret that it came across', async () => {
    const [answered, bundle] = [`Bearer ${KEY}`, join(home, 'report.tar.gz')];
    // What servers send back must not leak either.
    server.always(500, {
      code: 'internal_error',
      instance: '/x',
      title: answered,
      detail: `cookie: session=${KEY}`,
    });
    const env = {
      CULVERT_URL: server.url,
      CULVERT_API_KEY: 'odd-"key\\with-quotes',
      CULVERT_CLUSTER_SECRET: 'planted-cluster-secret',
      HTTPS_PROXY: 'http://ann:planted%2Fpassword@proxy.example.test:3128',
      NODE_OPTIONS: `--title=${KEY}`,
    };
    mkdirSync(join(home, 'up'));
    const logged = `GET /?token=planted-1 200\nauthorization: Bearer planted-2\nplanted-cluster-secret\n`;
    // A line whose beginning is cut off is left out: it could hold half of a secret.
    const cut = `planted-${'x'.repeat(64 * 1024)}\n`;
    writeFileSync(join(home, 'up', 'a1.log'), `${cut}${logged}the last line\n`);
    const { stderr } = await run(['--bundle', bundle], env);
    expect(stderr).toContain(`Wrote ${bundle}`);
    expect(statSync(bundle).mode & 0o777).toBe(0o600);
    const names = execFileSync('tar', ['-tzf', bundle], { encoding: 'utf8' }).trim().split('\n');
    expect(names).toEqual(
      ['report.json', 'settings.json', 'versions.json', 'up-a1.log'].map((name) => `culvert-doctor/${name}`),
    );
    const text = execFileSync('tar', ['-xzOf', bundle], { encoding: 'utf8' });
    expect(text).toContain('proxy.example.test:3128');
    expect(text).toContain(server.url);
    expect(text).toContain('GET /?token=[removed] 200\n');
    expect(text).toContain('the last line');
    expect(text).not.toMatch(/planted|PlantedKey|ann:|with-quotes/);
    for (const name of names.filter((file) => file.endsWith('.json'))) {
      const content = execFileSync('tar', ['-xzOf', bundle, name], { encoding: 'utf8' });
      expect(() => JSON.parse(content) as unknown).not.toThrow();
    }
  });

  it('does not replace a file by the archive', async () => {
    const bundle = join(home, 'mine');
    writeFileSync(bundle, 'mine');
    const { exitCode, stderr } = await run(['--bundle', bundle], { CULVERT_URL: server.url });
    expect([exitCode, readFileSync(bundle, 'utf8')]).toEqual([1, 'mine']);
    expect(stderr).toContain('the archive cannot be written');
  });

  it('says that nothing listens at the target', async () => {
    const closed = await TestServer.start();
    await closed.close();
    const { found } = await check([closed.url], { CULVERT_URL: server.url });
    expect(found['target']).toMatchObject({ state: 'failure', message: `nothing listens at ${closed.url}` });
  });
});

describe('the removal of secrets', () => {
  it.each([
    ['https://ann:secret-pass@host/path', 'https://[removed]@host/path'],
    ['Authorization: Bearer secret-abc', 'Authorization: [removed]'],
    ['{"cookie":"session=secret-1; b=2"}', '{"cookie":"[removed]"}'],
    ['bearer secret.abc-1', 'bearer [removed]'],
    ['cvta_secretSecret and cvs_secret', '[removed] and [removed]'],
    ['https://host/?token=secret&page=2', 'https://host/?token=[removed]&page=2'],
    ['my known-secret-value here', 'my [removed] here'],
  ])('changes %s', (text, expected) => {
    expect(redact(text, ['known-secret-value'])).toBe(expected);
  });

  it('keeps ordinary text', () => {
    const text = '{"host": "culvert.example.com", "message": "TLSv1.3 in 12 ms", "days": 3}';
    expect(redact(text, [])).toBe(text);
  });
});

describe('what checks conclude', () => {
  it.each([
    ['20.18.9', 'failure'],
    ['20.19.0', 'ok'],
    ['18.20.0', 'failure'],
    ['24.1.0', 'ok'],
  ])('Node %s: %s', (version, state) => {
    expect(judgeNode(version).state).toBe(state);
  });

  it('scopes: which features they allow, and what is missing for the others', () => {
    expect(judgeScopes([...SCOPES], { hasClusterSecret: false, isKey: false })).toMatchObject({
      state: 'ok',
      message: 'allow expose, intercept, preview',
    });
    expect(
      judgeScopes(['tunnel', 'previews:read', 'previews:write'], { hasClusterSecret: false, isKey: false }),
    ).toMatchObject({
      state: 'warning',
      message: 'allow preview; expose needs sessions:read; intercept needs intercepts:write',
    });
  });

  it('scopes: who can give them, for a key and for a person', () => {
    const adviceOf = (isKey: boolean) => judgeScopes([], { hasClusterSecret: false, isKey }).advice;
    expect(adviceOf(true)).toMatch(/^The API key lacks these scopes\. .* use a key that has them/);
    expect(adviceOf(false)).toMatch(/^Your role lacks these scopes\. .* ask an owner or admin of your team/);
  });

  it('scopes: intercepts need none with the secret of their cluster', () => {
    const scopes = SCOPES.filter((scope) => scope !== 'intercepts:write');
    expect(judgeScopes(scopes, { hasClusterSecret: true, isKey: false }).state).toBe('ok');
    expect(judgeScopes(scopes, { hasClusterSecret: false, isKey: false }).state).toBe('warning');
  });

  it.each([
    ['Next.js', { 'x-powered-by': 'Next.js' }, ''],
    ['Vite', {}, '<script type="module" src="/@vite/client"></script>'],
    ['Flask (Werkzeug)', { server: 'Werkzeug/3.0 Python/3.12' }, ''],
    [null, { server: 'nginx' }, '<p>hello</p>'],
  ])('the server of a target: %s', (name, headers, page) => {
    expect(guessServer({ headers, body: Buffer.from(page) })).toBe(name);
  });
});
