import { execFile } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { hostname as hostName, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  createdApiKeyResource,
  createdShareLinkResource,
  interceptResource,
  previewResource,
} from '@culvert/contract';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CliRun, CULVERT, EXIT, runCulvert, startCulvert } from '../support/cli.js';
import { Visitor } from '../support/consent.js';
import { API_KEY, startDeployment, visit, type Deployment } from '../support/deployment.js';
import { startProgram, type Program } from '../support/process.js';

/** `culvert` as people and scripts run it: a separate process, beside a real deployment. */
const OWNER = { email: 'owner@example.test', password: 'correct horse battery' };
const MAX_PREVIEWS = 3;
const run = promisify(execFile);

let deployment: Deployment;
let url: string;
let ingress: http.Server;
let seen: http.IncomingHttpHeaders[] = [];
let home: string;

beforeAll(async () => {
  deployment = await startDeployment({
    CULVERT_BOOTSTRAP_EMAIL: OWNER.email,
    CULVERT_BOOTSTRAP_PASSWORD: OWNER.password,
    MAX_PREVIEWS_PER_TEAM: String(MAX_PREVIEWS),
  });
  url = `http://localhost:${deployment.port}`;
  ingress = http.createServer((request, response) => {
    seen.push(request.headers);
    response.end('behind the preview');
  });
  ingress.listen(0, '127.0.0.1');
  await once(ingress, 'listening');
  await deployment.startManager();
});
afterAll(async () => {
  await deployment?.stop();
  ingress?.closeAllConnections();
  ingress?.close();
});

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  seen = [];
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const file = () => join(home, '.config', 'culvert', 'credentials.json');
const culvert = (args: readonly string[], options: { env?: Record<string, string>; stdin?: string } = {}) =>
  runCulvert(args, { ...options, env: { HOME: home, ...options.env } });
/** Runs it with an API key that has every scope, unless another is given. */
const withKey = (args: readonly string[], key = API_KEY) =>
  culvert(args, { env: { CULVERT_URL: url, CULVERT_API_KEY: key } });
const json = ({ code, stdout, stderr }: CliRun): unknown => {
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return JSON.parse(stdout);
};

/** Signs in through a browser; resolves with what the person saw. */
async function signIn(decision: 'allow' | 'deny' = 'allow') {
  const visitor = new Visitor(url);
  await visitor.signIn(OWNER.email, OWNER.password);
  const login: Program = startCulvert(['login', '--url', url, '--no-browser'], { HOME: home });
  const [address] = await login.logged(/http:\/\/\S+\/auth\?\S+/);
  const pages = await visitor.decide(address, decision);
  const { code } = await login.exited;
  return { visitor, login, code, ...pages };
}

describe('signing in through a browser', () => {
  it('ends with a sign-in that only its owner can read, and that the commands use', async () => {
    const { asked, shown, login, code } = await signIn();
    expect(asked).toContain('The culvert command');
    expect(shown).toContain('go back to your terminal');
    expect([code, login.stdout]).toEqual([
      EXIT.ok,
      `Signed in at ${url} as ${OWNER.email}, team ${(await me()).team}.\n`,
    ]);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, '.config', 'culvert')).mode & 0o777).toBe(0o700);
    expect(login.stdout + login.stderr).not.toMatch(/cvt[ar]_/);
    const whoami = json(await culvert(['whoami', '--output', 'json'])) as object;
    expect(whoami).toMatchObject({ url, user: { email: OWNER.email }, apiKey: null, role: 'owner' });
    expect(Object.keys(whoami)).toEqual([
      'url',
      'user',
      'apiKey',
      'workloadIdentity',
      'team',
      'role',
      'scopes',
    ]);
  });

  it('leaves nothing if the person does not agree, or interrupts it', async () => {
    const denied = await signIn('deny');
    expect([denied.code, denied.login.stderr]).toEqual([
      EXIT.refused,
      expect.stringContaining('you did not let culvert sign in'),
    ]);
    const login = startCulvert(['login', '--url', url, '--no-browser'], { HOME: home });
    await login.logged(/\/auth\?/);
    login.kill('SIGINT');
    expect(await login.exited).toEqual({ code: 130, signal: null });
    expect(existsSync(file())).toBe(false);
  });

  // It used to print an address and wait ten minutes for a browser that could not open it.
  it('ends at once with 7, and prints no address, if the server is down or is not Culvert', async () => {
    const down = http.createServer().listen(0, '127.0.0.1');
    await once(down, 'listening');
    const { port: downPort } = down.address() as AddressInfo;
    down.close();
    await once(down, 'close');
    const other = http
      .createServer((_request, response) => response.writeHead(401).end('<html>'))
      .listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port: otherPort } = other.address() as AddressInfo;
    for (const [port, why] of [
      [downPort, 'nothing listens at'],
      [otherPort, 'does not answer like Culvert'],
    ] as const) {
      const { code, stderr } = await culvert(['login', '--no-browser', '--url', `http://127.0.0.1:${port}`]);
      expect(code).toBe(EXIT.unreachable);
      expect(stderr).toContain(why);
      expect(stderr).not.toContain('/auth?');
    }
    other.close();
  });

  it('lasts: two processes at once renew expired tokens, and neither signs the other out', async () => {
    await signIn();
    const before = JSON.parse(readFileSync(file(), 'utf8'));
    before.servers[url].expiresAt = '2020-01-01T00:00:00.000Z';
    writeFileSync(file(), JSON.stringify(before));
    const runs = await Promise.all([culvert(['whoami']), culvert(['whoami']), culvert(['whoami'])]);
    expect(runs.map(({ code }) => code)).toEqual([EXIT.ok, EXIT.ok, EXIT.ok]);
    const after = JSON.parse(readFileSync(file(), 'utf8'));
    expect(after.servers[url].refreshToken).not.toBe(before.servers[url].refreshToken);
    expect(Date.parse(after.servers[url].expiresAt)).toBeGreaterThan(Date.now());
    // The tokens that they left are valid again.
    after.servers[url].expiresAt = '2020-01-01T00:00:00.000Z';
    writeFileSync(file(), JSON.stringify(after));
    expect((await culvert(['whoami'])).code).toBe(EXIT.ok);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  it('also ends at the server when the person signs out, here or in the dashboard', async () => {
    const { visitor } = await signIn();
    const programs = () => visitor.api<{ items: { id: string; name: string }[] }>('GET', '/me/programs');
    const count = (await programs()).items.length;
    const { accessToken } = JSON.parse(readFileSync(file(), 'utf8')).servers[url];
    expect(json(await culvert(['logout', '-o', 'json']))).toEqual({ url, wasSignedIn: true });
    expect((await programs()).items).toHaveLength(count - 1);
    expect((await deployment.apiStatus('GET', '/me', undefined, accessToken)).status).toBe(401);
    expect((await culvert(['whoami', '--url', url])).code).toBe(EXIT.notSignedIn);

    await signIn();
    const [program] = (await programs()).items;
    expect(program?.name).toBe('The culvert command');
    await visitor.api('DELETE', `/me/programs/${program?.id}`);
    const ended = await culvert(['whoami']);
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([
      EXIT.notSignedIn,
      '',
      `culvert: the sign-in at ${url} has ended\n  Run "culvert login".\n`,
    ]);
  });

  it('opens a tunnel, which closes when the person signs out', async () => {
    await signIn();
    const { accessToken } = JSON.parse(readFileSync(file(), 'utf8')).servers[url];
    const manager = startProgram('apps/traffic-manager/src/main.js', {
      CULVERT_URL: url,
      CULVERT_API_KEY: accessToken,
      CULVERT_MANAGER_ID: 'workstation',
    });
    await manager.logged(/connected/i);
    const status = json(await culvert(['status', '-o', 'json'])) as { trafficManagers: object[] };
    expect(status.trafficManagers).toHaveLength(2);
    await culvert(['logout']);
    await deployment.program.logged(/sign-in is no longer valid/);
    await manager.stop();
    for (const { managerId, id } of (
      await deployment.api<{ items: { managerId: string; id: string }[] }>('GET', '/traffic-managers')
    ).items)
      if (managerId === 'workstation') await deployment.api('DELETE', `/traffic-managers/${id}`);
  });
});

describe('signing in with an API key', () => {
  it('reads it from stdin, and stores it once the server has accepted it', async () => {
    const refused = await culvert(['login', '--url', url, '--apikey', '-'], {
      stdin: 'cvt_wrong-key-1234\n',
    });
    expect([refused.code, existsSync(file())]).toEqual([EXIT.notSignedIn, false]);
    const login = await culvert(['login', '--url', url, '--apikey', '-'], { stdin: `${API_KEY}\n` });
    expect([login.code, login.stderr]).toEqual([EXIT.ok, '']);
    expect(login.stdout).toContain(`Signed in at ${url} as API key`);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(json(await culvert(['whoami', '-o', 'json']))).toMatchObject({
      user: null,
      role: null,
    });
    const logout = await culvert(['logout']);
    expect([logout.code, logout.stderr]).toEqual([EXIT.ok, expect.stringContaining('still works')]);
    expect((await deployment.apiStatus('GET', '/me')).status).toBe(200);
  });

  it('warns that others can see a command line, and that stdin was empty', async () => {
    const seenByOthers = await culvert(['login', '--url', url, '--apikey', API_KEY]);
    expect([seenByOthers.code, seenByOthers.stderr]).toEqual([
      EXIT.ok,
      expect.stringContaining('other users of this machine can see'),
    ]);
    expect(seenByOthers.stdout + seenByOthers.stderr).not.toContain(API_KEY);
    const empty = await culvert(['login', '--url', url, '--apikey', '-']);
    expect([empty.code, empty.stderr]).toEqual([
      EXIT.usage,
      expect.stringContaining('stdin contains no API key'),
    ]);
  });

  it('refuses a file that others can read', async () => {
    await culvert(['login', '--url', url, '--apikey', '-'], { stdin: API_KEY });
    chmodSync(file(), 0o644);
    const { code, stderr } = await culvert(['whoami']);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`chmod 600 '${file()}'`)]);
  });
});

describe('previews', () => {
  const ingressFlags = () => [
    '--ingress-host',
    '127.0.0.1',
    '--ingress-port',
    String((ingress.address() as AddressInfo).port),
  ];
  const create = async (...args: string[]) => {
    const made = await withKey([
      'preview',
      'create',
      '--workload',
      'web',
      ...ingressFlags(),
      '-o',
      'json',
      ...args,
    ]);
    return previewResource.parse(json(made));
  };
  afterEach(async () => {
    for (const { id } of (await deployment.api<{ items: { id: string }[] }>('GET', '/previews')).items)
      await deployment.api('DELETE', `/previews/${id}`);
  });

  it('are created with all fields of the API, and requests arrive with it', async () => {
    const preview = await create(
      '--namespace',
      'shop',
      '--name',
      'mine',
      '--access',
      'public',
      '--no-banner',
      '--expires',
      '2h',
      '--add-request-header',
      'X-Dev=alice=1',
      '--add-request-header',
      'x-b=2',
      '--ingress-l5host',
      'web.internal',
      '--idle-expires',
      '1h',
      '--allow-email',
      'jo@example.test',
      '--allow-domain',
      'example.org',
      '--traffic-manager',
      'test-manager',
      '--pull-request',
      'https://git.example.com/a/b/pull/1',
    );
    expect(preview).toMatchObject({
      intercept: { name: 'mine', workload: 'web', namespace: 'shop', client: expect.stringContaining('@') },
      ingress: {
        host: '127.0.0.1',
        useTls: false,
        l5Host: 'web.internal',
        protocol: 'http1',
        verifyTls: true,
      },
      access: 'public',
      displayBanner: false,
      addRequestHeaders: { 'x-dev': 'alice=1', 'x-b': '2' },
      idleExpirySeconds: 3600,
      allowedEmails: ['jo@example.test'],
      allowedDomains: ['example.org'],
      pullRequestUrl: 'https://git.example.com/a/b/pull/1',
    });
    expect(Date.parse(preview.expiresAt ?? '') - Date.now()).toBeLessThan(7_200_000);
    const { status, body } = await visit(deployment.port, preview.hostname, '/');
    expect([status, body.toString()]).toEqual([200, 'behind the preview']);
    expect(seen).toMatchObject([{ host: 'web.internal', 'x-dev': 'alice=1', 'x-b': '2' }]);
  });

  it('print only their URL on stdout, and a QR code if asked to', async () => {
    const made = await withKey(['preview', 'create', '--workload', 'web', ...ingressFlags(), '--qr']);
    const [first, ...code] = made.stdout.trimEnd().split('\n');
    expect([made.code, first]).toEqual([
      EXIT.ok,
      expect.stringMatching(/^http:\/\/[a-z0-9-]+\.preview\.localhost:\d+/),
    ]);
    expect(code.length).toBeGreaterThan(12);
    expect(made.stdout).not.toContain('\u001b');
    expect(made.stderr).toContain('Members of your team can open it');
  });

  it('are listed, shown, shared, made public and removed by any of their names', async () => {
    const preview = await create();
    const name = preview.hostname.split('.')[0] ?? '';
    const [list, ofWeb, ofOther, text, ...shown] = await Promise.all([
      withKey(['preview', 'list']),
      withKey(['preview', 'ls', '--workload', 'web', '-o', 'json']),
      withKey(['preview', 'ls', '--workload', 'other', '-o', 'json']),
      withKey(['preview', 'show', name]),
      ...[name, preview.hostname, preview.url, preview.id].map((reference) =>
        withKey(['preview', 'show', reference, '-o', 'json']),
      ),
    ]);
    expect(list.stdout).toMatch(/^NAME +WORKLOAD +NAMESPACE +ACCESS/);
    expect(list.stdout).toContain(name);
    expect(json(ofWeb)).toHaveLength(1);
    expect(json(ofOther)).toEqual([]);
    for (const one of shown) expect(json(one)).toMatchObject({ id: preview.id });
    expect(text.stdout).toMatch(/^URL +http.*\n(.*\n)+Access +members of the team/);

    const shared = json(
      await withKey(['preview', 'share', name, '--name', 'For Jo', '--expires', '1h', '-o', 'json']),
    );
    const link = createdShareLinkResource.parse(shared);
    const opened = await visit(deployment.port, preview.hostname, new URL(link.url).pathname);
    expect([opened.status, opened.headers['set-cookie']]).toEqual([
      303,
      [expect.stringContaining('culvert-preview=')],
    ]);

    expect((await visit(deployment.port, preview.hostname, '/')).status).toBe(401);
    expect((await withKey(['preview', 'make-public', name])).stdout).toBe(
      `${preview.url} is open to everyone with the URL.\n`,
    );
    expect((await visit(deployment.port, preview.hostname, '/')).status).toBe(200);
    const closed = json(await withKey(['preview', 'require-authentication', preview.url, '-o', 'json']));
    expect(closed).toMatchObject({ access: 'team' });

    const both = await withKey(['preview', 'remove', name, 'no-such-preview']);
    expect([both.code, both.stderr]).toEqual([
      EXIT.notFound,
      expect.stringContaining('no preview no-such-preview'),
    ]);
    expect((await withKey(['preview', 'rm', name])).stdout).toBe(`Removed ${preview.url}\n`);
    expect((await withKey(['preview', 'show', name])).code).toBe(EXIT.notFound);
    expect((await withKey(['preview', 'list'])).stderr).toContain('There are no previews');
  });

  it('are created for an existing intercept, which "list" shows with its state', async () => {
    const { id } = interceptResource.parse(
      await deployment.api('POST', '/intercepts', {
        name: 'orders',
        workload: 'orders',
        namespace: 'shop',
        client: 'ann@laptop',
        disposition: 'NO_AGENT',
        message: 'no pod has an agent',
        headers: { 'x-dev': 'ann' },
      }),
    );
    const made = await withKey(['preview', 'create', '--intercept', id, '-o', 'json']);
    expect(json(made)).toMatchObject({ interceptId: id, ingress: { host: 'orders.shop', port: 80 } });
    const listed = json(await withKey(['list', '-o', 'json'])) as {
      id: string;
      disposition: string;
      previews: string[];
    }[];
    expect(listed.find((intercept) => intercept.id === id)).toMatchObject({
      disposition: 'NO_AGENT',
      previews: [expect.stringContaining('.preview.localhost')],
    });
    expect((await withKey(['list'])).stdout).toMatch(
      /orders +shop +orders +ann@laptop +no agent: no pod has an agent +x-dev=ann/,
    );
    await deployment.api('DELETE', `/intercepts/${encodeURIComponent(id)}`);
  });

  it('are shown in the status of the machine that created them', async () => {
    const preview = await create();
    const status = json(await withKey(['status', '-o', 'json']));
    const edgeName = `${hostName()}:${new URL(url).port}`;
    expect(status).toMatchObject({
      url,
      user: null,
      serverVersion: '0.1.0',
      trafficManagers: [
        {
          kind: 'native',
          version: expect.any(String),
          roundTripMs: expect.anything(),
          tunnelCount: 1,
          wantedTunnelCount: null,
          tunnels: [{ edgeName, remoteAddress: '127.0.0.1' }],
        },
      ],
      previews: [{ id: preview.id }],
    });
    const { stdout } = await withKey(['status']);
    expect(stdout).toMatch(/^Server +http.*\nSigned in as +API key/);
    expect(stdout).toMatch(new RegExp(`^TUNNEL OF +EDGE .*\\n\\S+ +${edgeName} [0-9a-f]{8} `, 'm'));
  });
});

describe('API keys', () => {
  it('are printed once and alone, work, and are rotated and revoked by id or name', async () => {
    const made = await withKey([
      'keys',
      'create',
      '--name',
      'CI',
      '--scope',
      'previews:read',
      '--expires',
      '90d',
    ]);
    const key = made.stdout.trimEnd();
    expect([made.code, key]).toEqual([EXIT.ok, expect.stringMatching(/^cvt_\w{38}$/)]);
    expect(made.stderr).toContain('The key is not shown again');
    expect((await withKey(['preview', 'list'], key)).code).toBe(EXIT.ok);
    expect((await withKey(['keys', 'list'])).stdout).not.toContain(key);

    const rotated = createdApiKeyResource.parse(
      json(await withKey(['keys', 'rotate', 'CI', '--overlap', '0s', '-o', 'json'])),
    );
    expect(rotated).toMatchObject({ name: 'CI', scopes: ['previews:read'] });
    expect((await withKey(['preview', 'list'], key)).code).toBe(EXIT.notSignedIn);
    expect((await withKey(['preview', 'list'], rotated.key)).code).toBe(EXIT.ok);
    expect(json(await withKey(['keys', 'revoke', rotated.id, '-o', 'json']))).toEqual([
      { id: rotated.id, name: 'CI' },
    ]);
    expect((await withKey(['preview', 'list'], rotated.key)).code).toBe(EXIT.notSignedIn);
    expect((await withKey(['keys', 'revoke', 'CI'])).code).toBe(EXIT.notFound);
    expect((await withKey(['keys', 'list', '--all'])).stdout).toContain('revoked');
  });
});

describe('a script', () => {
  it('reports the cause by the exit code, with an empty stdout', async () => {
    const weak = (
      await withKey(['keys', 'create', '--name', 'weak', '--scope', 'previews:read'])
    ).stdout.trim();
    const replaced = json(
      await withKey(['keys', 'create', '--name', 'old', '--scope', 'tunnel', '-o', 'json']),
    ) as { id: string };
    await withKey(['keys', 'rotate', replaced.id]);
    const free = net.createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    free.close();
    await once(free, 'close');
    const cases: [number, Promise<CliRun>][] = [
      [EXIT.usage, withKey(['preview', 'create'])],
      [EXIT.usage, withKey(['preview', 'create', '--workload', '-x-'])],
      [EXIT.usage, withKey(['statsu'])],
      [EXIT.notSignedIn, culvert(['status'])],
      [EXIT.notSignedIn, culvert(['status', '--url', url])],
      [EXIT.notSignedIn, withKey(['status'], 'cvt_unknown-key')],
      [EXIT.refused, withKey(['keys', 'list'], weak)],
      [EXIT.notFound, withKey(['preview', 'show', 'no-such-preview'])],
      [EXIT.conflict, withKey(['keys', 'rotate', replaced.id])],
      [
        EXIT.unreachable,
        culvert(['status'], { env: { CULVERT_URL: `http://127.0.0.1:${port}`, CULVERT_API_KEY: API_KEY } }),
      ],
    ];
    for (const [code, pending] of cases) {
      const ended = await pending;
      expect([ended.code, ended.stdout, ended.stderr]).toEqual([code, '', expect.stringMatching(/\S/)]);
    }
  });

  it('reports that the team has reached a limit, and that there is no browser', async () => {
    const create = () => withKey(['preview', 'create', '--workload', 'web']);
    for (let i = 1; i < MAX_PREVIEWS; i++) await deployment.createPreview(1);
    expect((await create()).code).toBe(EXIT.ok);
    const full = await create();
    expect([full.code, full.stderr]).toEqual([
      EXIT.conflict,
      expect.stringContaining('culvert preview remove'),
    ]);
    const [first] = json(await withKey(['preview', 'list', '-o', 'json'])) as { url: string }[];
    const opened = await withKey(['preview', 'open', first?.url ?? '']);
    expect([opened.code, opened.stderr]).toEqual([EXIT.local, expect.stringContaining('no browser')]);
    for (const { id } of (await deployment.api<{ items: { id: string }[] }>('GET', '/previews')).items)
      await deployment.api('DELETE', `/previews/${id}`);
  });

  it('tolerates a reader that stops reading', async () => {
    const { stdout, stderr } = await run('bash', [
      '-c',
      `"${CULVERT}" --help | head -n 1; echo "\${PIPESTATUS[0]}"`,
    ]);
    expect([stdout, stderr]).toEqual(['Usage: culvert [options] [command]\n0\n', '']);
  });
});

describe('names chosen by others', () => {
  it('cannot control the terminal or forge a line', async () => {
    const hostile = '\u001b]0;owned\u0007\u001b[2J\nSigned in as root\u202e\u009b31m';
    const timestamp = '2030-01-01T00:00:00.000Z';
    const item = {
      id: hostile,
      name: hostile,
      hint: hostile,
      scopes: ['tunnel'],
      expiresAt: null,
      revokedAt: null,
      lastUsedAt: null,
      lastUsedAddress: null,
      createdByUserId: null,
      createdByApiKeyId: null,
      replacesId: null,
      createdAt: timestamp,
    };
    let answer: object = { items: [{ ...item, id: 'visible' }], nextCursor: null };
    const rogue = http.createServer((_request, response) => {
      response.writeHead('items' in answer ? 200 : 403, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
    });
    rogue.listen(0, '127.0.0.1');
    await once(rogue, 'listening');
    const env = {
      CULVERT_URL: `http://127.0.0.1:${(rogue.address() as AddressInfo).port}`,
      CULVERT_API_KEY: API_KEY,
    };
    const harmless = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]*$/u;
    const table = await culvert(['keys', 'list'], { env });
    expect(table.stdout.split('\n')).toHaveLength(3);
    for (const line of table.stdout.split('\n')) expect(line).toMatch(harmless);
    const asJson = await culvert(['keys', 'list', '-o', 'json'], { env });
    expect(json(asJson)).toMatchObject([{ name: hostile }]);
    for (const line of asJson.stdout.split('\n')) expect(line).toMatch(harmless);
    const completed = await culvert(['__complete', '--', 'keys', 'revoke', ''], { env });
    expect(completed.stdout.split('\n').map((line) => line.split('\t')[0])).toEqual(['visible', '']);
    answer = {
      type: '/api/problems/insufficient_scope',
      title: hostile,
      status: 403,
      code: 'insufficient_scope',
      detail: hostile,
      instance: hostile,
    };
    const refused = await culvert(['keys', 'list'], { env });
    expect([refused.code, refused.stderr.split('\n')]).toEqual([
      EXIT.refused,
      expect.objectContaining({ length: 3 }),
    ]);
    for (const line of refused.stderr.split('\n')) expect(line).toMatch(harmless);
    rogue.closeAllConnections();
    rogue.close();
  });
});

describe('completion', () => {
  const complete = async (...words: string[]): Promise<string[]> => {
    const quoted = ['culvert', ...words].map((word) => `'${word}'`).join(' ');
    const script = `
      source <("${CULVERT}" completion bash)
      complete -p culvert >/dev/null || exit 9
      COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}
      _culvert "${CULVERT}"
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const env = { PATH: process.env['PATH'] ?? '', HOME: home, CULVERT_URL: url, CULVERT_API_KEY: API_KEY };
    return (await run('bash', ['-c', script], { env })).stdout.split('\n').filter(Boolean);
  };

  it("works in bash: commands, flags, values, and the team's resources", async () => {
    expect(await complete('prev')).toEqual(['preview']);
    expect(await complete('preview', 'create', '--ingress-t')).toEqual(['--ingress-tls']);
    expect(await complete('preview', 'create', '--access', '=', '')).toEqual(['team', 'public']);
    const { hostname, id } = await deployment.createPreview(1);
    const name = hostname.split('.')[0] ?? '';
    expect(await complete('preview', 'show', '')).toEqual([name]);
    expect(await complete('preview', 'show', name.slice(0, 3))).toEqual([name]);
    expect(await complete('preview', 'show', 'nothing-like-it')).toEqual([]);
    await deployment.api('DELETE', `/previews/${id}`);
  });

  it.each(['bash', 'zsh', 'fish'])('is a script that %s can read', async (shell) => {
    const { stdout, code } = await culvert(['completion', shell]);
    expect([code, stdout]).toEqual([
      EXIT.ok,
      expect.stringContaining('culvert __complete'.split(' ')[1] ?? ''),
    ]);
    if (!(await isInstalled(shell))) return;
    const script = join(home, 'completion');
    writeFileSync(script, stdout);
    expect((await run(shell, ['-n', script])).stderr).toBe('');
  });

  it('works in fish, which lists files if there is no other completion', async ({ skip }) => {
    skip(!(await isInstalled('fish')), 'fish is not installed');
    writeFileSync(join(home, 'culvert.fish'), (await culvert(['completion', 'fish'])).stdout);
    symlinkSync(CULVERT, join(home, 'culvert'));
    const env = { PATH: `${home}:${process.env['PATH']}`, HOME: home };
    const offered = async (line: string): Promise<string[]> => {
      const script = `source ${home}/culvert.fish; complete -C 'culvert ${line}'`;
      return (await run('fish', ['-c', script], { env })).stdout.split('\n').filter(Boolean);
    };
    expect(await offered('prev')).toEqual([expect.stringMatching(/^preview\t./)]);
    expect(await offered('preview create --access ')).toEqual(['public', 'team']);
    expect(await offered(`expose --ca-file ${home}/culvert.f`)).toEqual([`${home}/culvert.fish`]);
  });
});

function isInstalled(program: string): Promise<boolean> {
  return run('which', [program]).then(
    () => true,
    () => false,
  );
}

async function me(): Promise<{ team: string }> {
  const { team } = await deployment.api<{ team: { name: string } }>('GET', '/me');
  return { team: team.name };
}
