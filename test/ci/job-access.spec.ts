/** How long a job has access: as long as it runs, although each of its tokens is short-lived, and not a second after a change. */
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventReader } from '@culvert/testkit';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EXIT, runCulvert, startCulvert } from '../support/cli.js';
import { visit } from '../support/deployment.js';
import type { Program } from '../support/process.js';
import { type CiDeployment, listen, startCiDeployment } from './ci-deployment.js';

const PROJECT = 'acme/shop';
const RULE = { platform: 'gitlab', conditions: [{ claim: 'project_path', values: [PROJECT] }] };
const URL_LINE = /^http:\/\/([a-z0-9-]+\.preview\.localhost):\d+$/m;
const LIFETIME_SECONDS = 4;

let ci: CiDeployment;
let home: string;
let identity: string;
const running: { stop(): Promise<unknown> }[] = [];

beforeAll(async () => {
  ci = await startCiDeployment();
}, 120_000);
afterAll(() => ci?.stop());
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  identity = await ci.createIdentity(RULE);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
  await ci.deployment.apiStatus('DELETE', `/workload-identities/${identity}`);
  rmSync(home, { recursive: true, force: true });
});

const platformToken = () =>
  ci.issuer.sign({ sub: `project_path:${PROJECT}`, aud: ci.url, project_path: PROJECT });

/** Exchanges the token of a job for one of Culvert. */
async function signIn(): Promise<string> {
  const response = await fetch(`${ci.url}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: await platformToken(),
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      workload_identity: identity,
    }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

/** Runs `culvert expose` in a job. */
async function expose(port: number): Promise<{ readonly program: Program; readonly hostname: string }> {
  const program = startCulvert(['expose', String(port), '--access', 'public'], {
    HOME: home,
    CULVERT_URL: ci.url,
    CULVERT_WORKLOAD_IDENTITY: identity,
    CULVERT_ID_TOKEN: await platformToken(),
  });
  running.push(program);
  const [, hostname = ''] = await program.line(URL_LINE);
  return { program, hostname };
}

/** Shortens the tokens that the rule issues from here on. The API accepts no such short lifetime. */
async function shortenTokens(): Promise<void> {
  const client = new Client({ connectionString: ci.databaseUrl });
  await client.connect();
  await client.query('UPDATE workload_identity SET token_lifetime_seconds = $1 WHERE id = $2', [
    LIFETIME_SECONDS,
    identity,
  ]);
  await client.end();
}

async function signInCount(): Promise<number> {
  const { items } = await ci.deployment.api<{ items: { action: string; targetId: string }[] }>(
    'GET',
    '/audit-events?limit=100',
  );
  return items.filter((each) => each.action === 'workload-identity.sign-in' && each.targetId === identity)
    .length;
}

describe('a job that outlasts its token', () => {
  it('keeps its URL, and no exchange fails when its tunnel changes to the next token', async () => {
    let finish = () => {};
    const service = http.createServer((request, response) => {
      if (request.url !== '/long') return response.end('short');
      response.write('begin ');
      finish = () => response.end('end');
      return undefined;
    });
    running.push({ stop: async () => service.close(() => {}) });
    await shortenTokens();
    const { program, hostname } = await expose(await listen(service));
    const { port } = ci.deployment;
    const long = visit(port, hostname, '/long');
    const statuses = new Set<number>();
    for (let count = 1; count < 4; count = await signInCount()) {
      // The next tunnel is open, or about to be. The first token still works.
      if (count > 1) finish();
      statuses.add((await visit(port, hostname, '/')).status);
      await sleep(50);
    }
    expect([...statuses]).toEqual([200]);
    expect((await long).body.toString()).toBe('begin end');
    expect(program.stderr).not.toMatch(/Lost the connection|Reconnected/);
  });
});

describe.each([
  ['disabled', (path: string) => ci.deployment.api('PATCH', path, { enabled: false })],
  [
    'changed to fewer scopes',
    (path: string) => ci.deployment.api('PATCH', path, { scopes: ['previews:read'] }),
  ],
  ['deleted', (path: string) => ci.deployment.api('DELETE', path)],
])('a rule that is %s', (_name, change) => {
  it('ends the tunnels, watches and calls of its jobs within a second', async () => {
    const token = await signIn();
    const manager = await ci.deployment.startManager({
      CULVERT_API_KEY: token,
      CULVERT_MANAGER_ID: `job-${identity}`,
    });
    running.push(manager);
    const { id: previewId } = await ci.deployment.createPreview(ci.servicePort, {
      intercept: { name: `job-${identity}`, workload: 'web', namespace: 'default' },
      trafficManagerId: await managerId(`job-${identity}`),
    });
    const watch = await EventReader.open(
      `http://127.0.0.1:${ci.deployment.port}/api/v1/previews/${previewId}/exchanges`,
      { authorization: `Bearer ${token}` },
    );
    expect(watch.status).toBe(200);
    await watch.next('ready');
    const closed = manager.logged(/"code":"KEY_REVOKED"[^\n]*"disconnected"/);
    const startedAt = performance.now();
    await change(`/workload-identities/${identity}`);
    expect((await ci.deployment.apiStatus('GET', '/previews', undefined, token)).status).toBe(401);
    expect((await watch.next('end')).data).toMatchObject({ reason: 'access_ended' });
    await closed;
    expect(performance.now() - startedAt).toBeLessThan(1500);
    watch.close();
  });
});

it('ends an exposure whose rule no longer accepts its job, and explains it', async () => {
  const { program, hostname } = await expose(ci.servicePort);
  expect((await visit(ci.deployment.port, hostname, '/')).status).toBe(200);
  await ci.deployment.api('PATCH', `/workload-identities/${identity}`, { enabled: false });
  expect((await program.exited).code).toBe(EXIT.notSignedIn);
  expect(program.stderr).toContain('the workload identity is disabled');
});

it('shows a job as its workload identity, which the flag sets in place of a key', async () => {
  const env = {
    HOME: home,
    CULVERT_URL: ci.url,
    CULVERT_API_KEY: ci.deployment.apiKey,
    CULVERT_ID_TOKEN: await platformToken(),
  };
  const flag = ['--workload-identity', identity];
  const whoami = await runCulvert(['whoami', ...flag], { env });
  expect([whoami.code, whoami.stdout]).toEqual([
    EXIT.ok,
    expect.stringMatching(/workload identity Previews of the shop\n.*project_path:acme\/shop/),
  ]);
  const doctor = await runCulvert(['doctor', ...flag, '--output', 'json'], { env });
  expect(doctor.stdout).toContain('workload identity Previews of the shop, team');
  const empty = await runCulvert(['whoami', '--workload-identity', ''], { env });
  expect([empty.code, empty.stderr]).toEqual([
    EXIT.usage,
    expect.stringContaining('--workload-identity is empty'),
  ]);
});

async function managerId(wanted: string): Promise<string> {
  const { items } = await ci.deployment.api<{ items: { id: string; managerId: string }[] }>(
    'GET',
    '/traffic-managers',
  );
  return items.find((each) => each.managerId === wanted)?.id ?? '';
}
