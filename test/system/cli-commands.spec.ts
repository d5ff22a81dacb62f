import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createdInvitationResource,
  createdPreviewTokenResource,
  createdShareLinkResource,
  exchange,
  interceptResource,
  previewResource,
  replayResource,
  teamResource,
  trafficManagerResource,
} from '@culvert/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type CliRun, EXIT, runCulvert, startCulvert } from '../support/cli.js';
import { API_KEY, startDeployment, visit, type Deployment } from '../support/deployment.js';

/** The commands for what the API has, as separate processes beside a real deployment. */
const OWNER = { email: 'owner@example.test', password: 'correct horse battery' };
const SECRET = 'S3CR3Tvalue0123456789';

let deployment: Deployment;
let service: http.Server;
let env: Record<string, string>;
let home: string;
const seen: { readonly method: string; readonly url: string; readonly body: string }[] = [];

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  deployment = await startDeployment({
    CULVERT_BOOTSTRAP_EMAIL: OWNER.email,
    CULVERT_BOOTSTRAP_PASSWORD: OWNER.password,
  });
  env = {
    HOME: home,
    CULVERT_URL: `http://localhost:${deployment.port}`,
    CULVERT_API_KEY: API_KEY,
    TZ: 'UTC',
  };
  service = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { method = '', url = '' } = request;
      seen.push({ method, url, body });
      response.setHeader('set-cookie', `sid=${SECRET}; Path=/`);
      response.writeHead(url.startsWith('/missing') ? 404 : 200, { 'content-type': 'text/plain' });
      response.end(`answer to ${method} ${url}`);
    });
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  await deployment.startManager();
});
afterAll(async () => {
  await deployment?.stop();
  service?.closeAllConnections();
  service?.close();
  rmSync(home, { recursive: true, force: true });
});
beforeEach(() => void (seen.length = 0));

const culvert = (args: readonly string[], stdin = '') => runCulvert(args, { env, stdin });
const succeed = async (...args: string[]): Promise<CliRun> => {
  const run = await culvert(args);
  expect([args, run.code, run.stderr]).toEqual([args, EXIT.ok, expect.any(String)]);
  return run;
};
const json = async <T = unknown>(...args: string[]): Promise<T> =>
  JSON.parse((await succeed(...args, '-o', 'json')).stdout) as T;
const newPreview = () => deployment.createPreview((service.address() as AddressInfo).port);
const nameOf = ({ hostname }: { hostname: string }) => hostname.split('.')[0] ?? '';

describe('the team', () => {
  it('is shown, renamed and set up', async () => {
    const team = teamResource.parse(await json('team', 'show'));
    expect((await succeed('team', 'show')).stdout).toMatch(
      /^Name +.*\n(.*\n)+LIMIT +USED +AT MOST\n(.*\n)*members +1 /,
    );
    expect(await json('team', 'rename', 'The shop')).toMatchObject({ name: 'The shop' });
    expect((await succeed('team', 'settings', '--preview-idle-expires', '7d')).stdout).toContain('7d');
    expect(await json('team', 'settings')).toMatchObject({ previewIdleExpirySeconds: 604_800 });
    expect(await json('team', 'settings', '--preview-idle-expires', 'never')).toMatchObject({
      previewIdleExpirySeconds: 0,
    });
    await succeed('team', 'rename', team.name);
  });

  it('has members, whose owners a key cannot change', async () => {
    expect((await succeed('members', 'list')).stdout).toMatch(/owner@example\.test +\S* *.*owner/);
    const demoted = await culvert(['members', 'set-role', OWNER.email.toUpperCase(), 'member']);
    const removed = await culvert(['members', 'remove', OWNER.email]);
    expect([demoted.code, removed.code]).toEqual([EXIT.refused, EXIT.refused]);
    expect((await culvert(['members', 'set-role', OWNER.email, 'emperor'])).code).toBe(EXIT.usage);
    expect((await culvert(['members', 'remove', 'jo@example.test'])).code).toBe(EXIT.notFound);
    expect(await json('members', 'credentials', OWNER.email)).toEqual([]);
  });

  it('invites people by links that are printed once', async () => {
    const made = await succeed('invitations', 'create', 'jo@example.test', '--role', 'admin');
    expect(made.stdout).toMatch(/^http:\/\/\S+\n$/);
    expect(made.stderr).toContain('not shown again');
    expect((await culvert(['invitations', 'create', 'jo@example.test'])).code).toBe(EXIT.conflict);
    const listed = await succeed('invitations', 'list');
    expect(listed.stdout).toMatch(/jo@example\.test +admin/);
    const renewed = createdInvitationResource.parse(await json('invitations', 'renew', 'jo@example.test'));
    expect(renewed.link).not.toBe(made.stdout.trim());
    await succeed('invitations', 'revoke', renewed.id);
    expect(await json('invitations', 'list')).toEqual([]);
  });

  it('has keys that are shown and renamed', async () => {
    await succeed('keys', 'create', '--name', 'CI', '--scope', 'tunnel');
    expect(await json('keys', 'rename', 'CI', 'CI of the shop')).toMatchObject({ name: 'CI of the shop' });
    expect((await succeed('keys', 'show', 'CI of the shop')).stdout).toMatch(/^Name +CI of the shop\n/);
    await succeed('keys', 'revoke', 'CI of the shop');
  });
});

describe('previews', () => {
  it('are changed field by field, and their traffic is measured', async () => {
    const made = await newPreview();
    const name = nameOf(made);
    const changed = previewResource.parse(
      await json(
        'preview',
        'update',
        name,
        '--access',
        'team',
        '--allow-email',
        'jo@example.test',
        '--no-banner',
      ),
    );
    expect(changed).toMatchObject({
      access: 'team',
      allowedEmails: ['jo@example.test'],
      displayBanner: false,
      ingress: { l5Host: 'web.internal' },
    });
    const port = (service.address() as AddressInfo).port;
    expect(await json('preview', 'update', name, '--ingress-l5host', 'other.internal')).toMatchObject({
      access: 'team',
      ingress: { host: '127.0.0.1', port, l5Host: 'other.internal' },
    });
    const nothing = await culvert(['preview', 'update', name]);
    expect([nothing.code, nothing.stderr]).toEqual([
      EXIT.usage,
      expect.stringContaining('nothing to change'),
    ]);
    await succeed('preview', 'make-public', name);
    await visit(deployment.port, made.hostname, '/');
    await expect
      .poll(async () => (await succeed('preview', 'metrics', name)).stdout)
      .toMatch(/FROM +REQUESTS/);
    expect((await succeed('preview', 'metrics')).stdout).toMatch(new RegExp(`${name} +1 +0 `));
    expect(await json('preview', 'metrics', name, '--minutes', '5')).toMatchObject({ stepSeconds: 60 });
    await succeed('preview', 'remove', name);
    expect((await culvert(['preview', 'restore', made.interceptId])).code).toBe(EXIT.notFound);
  });

  it('are opened with tokens and share links until these are revoked', async () => {
    const made = await newPreview();
    const name = nameOf(made);
    await succeed('preview', 'require-authentication', name);
    const token = createdPreviewTokenResource.parse(await json('tokens', 'create', name, '--name', 'E2E'));
    const headers = { 'culvert-preview-token': token.token };
    const open = async () => (await visit(deployment.port, made.hostname, '/', { headers })).status;
    expect(await open()).toBe(200);
    expect((await succeed('tokens', 'list', name)).stdout).toMatch(/^NAME +ID .*\nE2E +/);
    await succeed('tokens', 'revoke', name, 'E2E');
    await expect.poll(open).toBe(401);
    expect(await json('tokens', 'list', name)).toEqual([]);
    expect(await json('tokens', 'list', name, '--all')).toHaveLength(1);

    const link = createdShareLinkResource.parse(
      await json('share-links', 'create', name, '--name', 'For Jo', '--expires', '1h'),
    );
    const byLink = async () =>
      (await visit(deployment.port, made.hostname, new URL(link.url).pathname)).status;
    expect(await byLink()).toBe(303);
    expect(await json('share-links', 'revoke', name, 'For Jo')).toEqual([{ id: link.id, name: 'For Jo' }]);
    await expect.poll(byLink).not.toBe(303);
    await succeed('preview', 'remove', name);
  });
});

describe('clusters', () => {
  it('have traffic managers with a history, which are registered, renamed and removed', async () => {
    const made = trafficManagerResource.parse(
      await json('traffic-managers', 'create', 'staging', '--name', 'Staging', '--cluster', 'c1'),
    );
    expect(await json('traffic-managers', 'rename', 'Staging', 'Old staging')).toMatchObject({ id: made.id });
    expect((await succeed('traffic-managers', 'show', 'staging')).stdout).toMatch(/^Name +Old staging\n/);
    expect(await json('traffic-managers', 'remove', made.id.slice(0, 23))).toMatchObject([{ id: made.id }]);
    expect((await succeed('traffic-managers', 'list')).stdout).toContain('test-manager');
    expect((await succeed('traffic-managers', 'history', 'test-manager')).stdout).toMatch(/\d +connected +/);
  });

  it('have sessions, which are shown and ended', async () => {
    expect(await json('sessions', 'list', '--state', 'connected')).toMatchObject([
      { trafficManager: { managerId: 'test-manager' }, state: 'connected' },
    ]);
    expect((await succeed('sessions', 'show', 'test-manager')).stdout).toMatch(/\nTUNNEL OF +EDGE/);
    const other = await deployment.startManager({ CULVERT_MANAGER_ID: 'short-lived' });
    await succeed('sessions', 'end', 'short-lived');
    const [ended] = await json<{ state: string }[]>(
      ...'sessions list --traffic-manager short-lived --state ended'.split(' '),
    );
    expect(ended).toMatchObject({ state: 'ended' });
    await other.stop();
    await succeed('traffic-managers', 'remove', 'short-lived');
  });

  it('have intercepts, which are described, changed and removed', async () => {
    const flags = ['--workload', 'orders', '-n', 'shop', '--header', 'x-dev=ann', '--traffic-manager'];
    const made = interceptResource.parse(
      await json('intercepts', 'create', 'orders', ...flags, 'test-manager'),
    );
    expect(made).toMatchObject({ workload: 'orders', namespace: 'shop', headers: { 'x-dev': 'ann' } });
    const changed = await json('intercepts', 'update', 'orders', '--disposition', 'NO_AGENT');
    expect(changed).toMatchObject({ id: made.id, disposition: 'NO_AGENT', namespace: 'shop' });
    expect((await succeed('intercepts', 'show', made.id)).stdout).toMatch(/State +no agent\n/);
    expect((await succeed('intercepts', 'list')).stdout).toContain(made.id);
    await succeed('intercepts', 'remove', 'orders');
    expect((await culvert(['intercepts', 'show', 'orders'])).code).toBe(EXIT.notFound);
  });
});

describe('inspect', () => {
  it('shows exchanges as they happen, filtered and masked, and writes them as HAR', async () => {
    const made = await newPreview();
    const har = join(home, 'traffic.har');
    const args = ['inspect', nameOf(made), '--bodies', '--har', har, '--count', '2', '-o', 'json'];
    const watching = startCulvert([...args, '--path', '/api/*'], env);
    const send = (target: string) =>
      visit(deployment.port, made.hostname, target, { method: 'POST', body: 'a body' });
    // Exchanges are reported from the moment someone watches.
    await expect
      .poll(async () => {
        await send('/api/first');
        return watching.stdout;
      })
      .toContain('/api/first');
    await send('/other');
    await send(`/api/second?token=${SECRET}`);
    await send('/api/third');
    expect(await watching.exited).toEqual({ code: EXIT.ok, signal: null });
    const events = watching.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; id: string });
    const exchanges = events.filter(({ type }) => type === 'exchange');
    expect(exchanges).toHaveLength(2);
    for (const { type: _type, ...each } of exchanges) expect(exchange.parse(each).state).toBe('ended');
    expect(watching.stdout).not.toContain(SECRET);
    expect(events.some(({ type, id }) => type === 'bodies' && id === exchanges[0]?.id)).toBe(true);

    const text = readFileSync(har, 'utf8');
    expect(text).not.toContain(SECRET);
    const { log } = JSON.parse(text) as { log: { version: string; entries: { request: { url: string } }[] } };
    expect(log.version).toBe('1.2');
    expect(log.entries).toMatchObject([
      {
        request: {
          method: 'POST',
          url: `${new URL(made.url).origin}/api/first`,
          postData: { text: 'a body' },
        },
        response: { status: 200, content: { text: 'answer to POST /api/first' } },
      },
      { request: { method: 'POST' } },
    ]);
    await succeed('preview', 'remove', nameOf(made));
  });

  it('ends with 0 at Ctrl-C, and with 5 when the preview is removed', async () => {
    const made = await newPreview();
    const har = join(home, 'empty.har');
    const first = startCulvert(['inspect', made.url, '--har', har], env);
    const second = startCulvert(['inspect', made.url], env);
    await expect
      .poll(async () => {
        await visit(deployment.port, made.hostname, '/missing');
        return first.stdout !== '' && second.stdout !== '';
      })
      .toBe(true);
    expect(first.stdout).toMatch(/^\d\d:\d\d:\d\d {2}404 {2}GET {5}\/missing {2}.* {2}\S+\n/);
    first.kill('SIGINT');
    expect(await first.exited).toEqual({ code: EXIT.ok, signal: null });
    expect(JSON.parse(readFileSync(har, 'utf8'))).toMatchObject({ log: { version: '1.2' } });
    await succeed('preview', 'remove', made.url);
    expect(await second.exited).toEqual({ code: EXIT.notFound, signal: null });
    expect((await culvert(['inspect', made.url, '--har', '/no/such/folder/x.har'])).code).not.toBe(EXIT.ok);
  });
});

describe('replay', () => {
  it('sends new requests, with a body from a file or stdin, to a private preview', async () => {
    const made = await newPreview();
    await succeed('preview', 'require-authentication', made.url);
    const got = await succeed('replay', `${made.url}/health?deep=1`, '--include');
    expect(got.stdout).toBe('answer to GET /health?deep=1');
    expect(got.stderr).toMatch(/^200 {2}/);
    const file = join(home, 'body.json');
    writeFileSync(file, '{"article":17}');
    await succeed('replay', `${made.url}/orders`, '-d', `@${file}`, '-H', 'content-type: application/json');
    const piped = await culvert(['replay', `${made.url}/orders`, '-X', 'PUT', '-d', '@-'], 'from stdin');
    expect(piped.code).toBe(EXIT.ok);
    expect(seen.map(({ method, body }) => [method, body])).toEqual([
      ['GET', ''],
      ['POST', '{"article":17}'],
      ['PUT', 'from stdin'],
    ]);
    expect((await culvert(['replay', `${made.url}/missing`, '--fail'])).code).toBe(EXIT.failure);
    expect((await culvert(['replay', `${made.url}/x`, '-d', '@/no/such/file'])).code).toBe(EXIT.usage);
    expect((await culvert(['replay', 'exchange-1'])).code).toBe(EXIT.usage);
    await succeed('preview', 'remove', made.url);
  });

  it('repeats an exchange that inspect shows', async () => {
    const made = await newPreview();
    const watching = startCulvert(['inspect', made.url, '--bodies', '-o', 'json'], env);
    await expect
      .poll(async () => {
        await visit(deployment.port, made.hostname, '/once', { method: 'POST', body: 'recorded' });
        return watching.stdout;
      })
      .toMatch(/"type": "bodies"/);
    const [line = ''] = watching.stdout.split('\n');
    const { id } = JSON.parse(line) as { id: string };
    seen.length = 0;
    const result = replayResource.parse(
      await json('replay', id, '--preview', nameOf(made), '--target', '/again'),
    );
    expect(result).toMatchObject({ replayOf: id, status: 200 });
    expect(seen).toEqual([{ method: 'POST', url: '/again', body: 'recorded' }]);
    const prefixed = await json('replay', id.slice(0, 8), '--preview', nameOf(made));
    expect(replayResource.parse(prefixed).replayOf).toBe(id);
    const unknown = await culvert(['replay', '00000000', '--preview', nameOf(made)]);
    expect([unknown.code, unknown.stderr]).toEqual([
      EXIT.notFound,
      expect.stringContaining('has no exchange 00000000'),
    ]);
    watching.kill('SIGTERM');
    expect((await watching.exited).code).toBe(EXIT.ok);
    await succeed('preview', 'remove', made.url);
  });
});

describe('the audit log', () => {
  it('is listed, filtered, exported and followed', async () => {
    const following = startCulvert(
      ['audit', '--follow', '--action', 'preview.create', '--limit', '1', '-o', 'json'],
      env,
    );
    const made = await newPreview();
    await following.line(new RegExp(made.id));
    const another = await newPreview();
    await following.line(new RegExp(another.id));
    following.kill('SIGINT');
    expect((await following.exited).code).toBe(EXIT.ok);
    const lines = following.stdout.trimEnd().split('\n');
    expect(lines.filter((line) => line.includes(another.id))).toHaveLength(1);

    const about = ['audit', 'list', '--target', made.id];
    expect(await json(...about)).toMatchObject([{ action: 'preview.create', targetId: made.id }]);
    expect((await succeed(...about)).stdout).toMatch(/^AT +WHO +ACTION +WHAT\n.* preview\.create +/);
    expect(await json('audit', '--until', '365d')).toEqual([]);
    const one = await succeed('audit', '--limit', '1');
    expect(one.stderr).toContain('There are more');
    const file = join(home, 'audit.csv');
    await succeed('audit', 'export', '--target', made.id, '--file', file);
    expect(readFileSync(file, 'utf8').trimEnd().split('\n')).toHaveLength(2);
    expect((await succeed('audit', 'export', '--target', made.id)).stdout).toBe(readFileSync(file, 'utf8'));
    expect((await culvert(['audit', 'export', '-o', 'json'])).code).toBe(EXIT.usage);
    await succeed('preview', 'remove', made.url, another.url);
  });

  it('has changes of the team as they happen', async () => {
    const watching = startCulvert(['events', '--resource', 'preview', '-o', 'yaml'], env);
    await expect
      .poll(async () => {
        await succeed('preview', 'remove', (await newPreview()).url);
        return watching.stdout;
      })
      .toMatch(/^---\ntype: change\nresource: preview\n/);
    watching.kill('SIGINT');
    expect((await watching.exited).code).toBe(EXIT.ok);
  });
});

describe('other output', () => {
  it('is YAML with the values of JSON', async () => {
    const { stdout } = await succeed('team', 'show', '--output', 'yaml');
    const { use: _use, ...team } = await json<{ use: unknown }>('team', 'show');
    expect(parse(stdout)).toMatchObject(team);
  });

  it('explains error codes', async () => {
    expect((await succeed('explain', 'insufficient_scope')).stdout).toMatch(/^Code +insufficient_scope\n/);
    expect((await culvert(['explain', 'no_such_code'])).code).toBe(EXIT.notFound);
  });

  it('completes names of people, traffic managers and tokens of a preview', async () => {
    const complete = async (...words: string[]) =>
      (await succeed('__complete', '--', ...words)).stdout.split('\n').map((line) => line.split('\t')[0]);
    expect(await complete('members', 'remove', 'own')).toContain(OWNER.email);
    expect(await complete('traffic-managers', 'show', '')).toContain('test-manager');
    expect(await complete('preview', 'list', '--traffic-manager', 'test')).toContain('test-manager');
    const made = await newPreview();
    const { id } = await json<{ id: string }>('tokens', 'create', nameOf(made), '--name', 'E2E');
    expect(await complete('tokens', 'revoke', nameOf(made), '')).toContain(id);
    await succeed('preview', 'remove', made.url);
  });
});
