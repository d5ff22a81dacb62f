import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { visit } from '../support/deployment.js';
import { type CiDeployment, listen, startCiDeployment } from './ci-deployment.js';
import { FakeGithub } from './fake-github.js';

/** The action as a runner starts it: a process with inputs in its environment, and files for outputs and state. */
const TOKEN = 'ghs_token-of-the-job';
const REPOSITORY = 'acme/shop';
const SHA = 'a'.repeat(40);

let action: string;
let home: string;
let ci: CiDeployment;
let identity: string;
/** GitHub's service that gives jobs their tokens. */
let tokens: http.Server;
let tokensPort: number;
let github: FakeGithub;
let claims: Record<string, unknown>;

beforeAll(async () => {
  action = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  [ci] = await Promise.all([
    startCiDeployment(),
    promisify(execFile)(process.execPath, ['infra/ci/github/build.mjs', action]),
  ]);
  tokens = http.createServer((request, response) => {
    const aud = new URL(request.url ?? '', ci.url).searchParams.get('audience');
    const isAllowed = request.headers.authorization === 'Bearer request-token';
    void ci.issuer
      .sign({ sub: `repo:${REPOSITORY}:pull_request`, aud, repository: REPOSITORY, ...claims })
      .then((value) => response.writeHead(isAllowed ? 200 : 401).end(JSON.stringify({ value })));
  });
  tokensPort = await listen(tokens);
  identity = await ci.createIdentity({
    platform: 'github',
    conditions: [{ claim: 'repository', values: [REPOSITORY] }],
  });
}, 120_000);
afterAll(async () => {
  tokens?.closeAllConnections();
  tokens?.close();
  await ci?.stop();
  rmSync(action, { recursive: true, force: true });
});
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  claims = {};
  github = await FakeGithub.start(TOKEN);
});
afterEach(async () => {
  expect(github.violations).toEqual([]);
  await github.close();
  rmSync(home, { recursive: true, force: true });
});

interface Job {
  readonly number: number;
  readonly action?: 'opened' | 'synchronize' | 'closed';
  readonly event?: string;
  readonly head?: string;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

interface Ran {
  readonly code: number | null;
  readonly log: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly state: Readonly<Record<string, string>>;
}

/** Runs one step of the action. */
async function run(script: 'main' | 'post', job: Job, state: Ran['state'] = {}): Promise<Ran> {
  const { child, folder } = start(script, job, state);
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (log += text));
  // Not `close`: a process that continues must not hold the step.
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, log, outputs: valuesIn(join(folder, 'output')), state: valuesIn(join(folder, 'state')) };
}

/** Ends a step while it waits for its preview, and returns the state that it saved. */
async function cancel(job: Job): Promise<Ran['state']> {
  const { child, folder } = start('main', job);
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  return valuesIn(join(folder, 'state'));
}

function start(script: 'main' | 'post', job: Job, state: Ran['state'] = {}) {
  const folder = mkdtempSync(join(home, 'step-'));
  const file = (name: string, content = ''): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  mkdirSync(join(folder, 'temp'));
  const { number, head = REPOSITORY } = job;
  const pull_request = {
    number,
    html_url: `https://github.com/${REPOSITORY}/pull/${number}`,
    head: { sha: SHA, repo: { full_name: head } },
  };
  const payload = { action: job.action ?? 'opened', repository: { full_name: REPOSITORY }, pull_request };
  const child = spawn(process.execPath, [join(action, 'dist', `${script}.js`)], {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: home,
      GITHUB_API_URL: github.url,
      GITHUB_EVENT_NAME: job.event ?? 'pull_request',
      GITHUB_EVENT_PATH: file('event.json', JSON.stringify(payload)),
      GITHUB_OUTPUT: file('output'),
      GITHUB_STATE: file('state'),
      GITHUB_RUN_ID: '77',
      RUNNER_TEMP: join(folder, 'temp'),
      ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${tokensPort}/?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
      ...inputsOf({ url: ci.url, 'workload-identity': identity, ...job.inputs }),
      ...Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value])),
      ...job.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { child, folder };
}

/** Returns the environment of the inputs, with the defaults of action.yml, as a runner sets it. */
function inputsOf(given: Readonly<Record<string, string>>): Record<string, string> {
  const { inputs } = parse(readFileSync(join(action, 'action.yml'), 'utf8')) as {
    inputs: Record<string, { default?: string }>;
  };
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(inputs, name));
  if (unknown.length > 0) throw new Error(`action.yml has no input ${unknown.join(', ')}`);
  return Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [
      `INPUT_${name.toUpperCase()}`,
      given[name] ?? (input.default ?? '').replace('${{ github.token }}', TOKEN),
    ]),
  );
}

function valuesIn(path: string): Record<string, string> {
  const found = readFileSync(path, 'utf8').matchAll(/^([\w-]+)<<(.+)\n([^]*?)\n\2$/gm);
  return Object.fromEntries([...found].map(([, name, , value]) => [name ?? '', value ?? '']));
}

const workload = (number: number, change: Partial<Job> = {}): Job => ({
  number,
  ...change,
  inputs: {
    workload: 'web',
    arguments: `--ingress-host=127.0.0.1\n--ingress-port=${ci.servicePort}`,
    comment: 'false',
    ...change.inputs,
  },
});
/** Returns the names of the previews of a pull request, in either mode. */
const ofPull = async (number: number) =>
  (await ci.previewNames()).filter((name) => new RegExp(`-(pr|job)-${number}-[0-9a-f]{8}$`).test(name));
const statesOf = () => github.deployments.map(({ states }) => states.map(({ state }) => state));

describe('the GitHub Action', () => {
  it('creates the preview of a pull request, keeps it in later runs, and removes it when that closes', async () => {
    const first = await run('main', workload(1));
    expect([first.code, first.log]).toEqual([0, expect.stringContaining('Preview: http')]);
    expect(first.outputs).toMatchObject({ skipped: 'false', url: expect.any(String) });
    const host = new URL(first.outputs['url'] ?? '').host;
    const preview = await ci.deployment.api<{ access: string }>(
      'GET',
      `/previews/${first.outputs['preview-id']}`,
    );
    expect(preview.access).toBe('team');
    expect((await visit(ci.deployment.port, host, '/')).status).not.toBe(200);

    const second = await run('main', workload(1, { action: 'synchronize', inputs: { access: 'public' } }));
    expect(second.outputs['url']).toBe(first.outputs['url']);
    expect((await visit(ci.deployment.port, host, '/')).body.toString()).toBe('Hello from the service');
    expect(await ofPull(1)).toHaveLength(1);

    const closed = await run('main', { number: 1, action: 'closed' });
    expect([closed.code, closed.outputs]).toEqual([0, {}]);
    expect(await ofPull(1)).toEqual([]);
    expect(github.deployments).toMatchObject([
      {
        ref: SHA,
        environment: 'preview/pr-1',
        states: [
          { state: 'in_progress' },
          { state: 'success', environment_url: first.outputs['url'] },
          { state: 'inactive' },
        ],
      },
      { states: [{ state: 'in_progress' }, { state: 'success' }, { state: 'inactive' }] },
    ]);
  });

  it('acts as the workload identity, and stores no credential', async () => {
    await run('main', workload(2));
    const { items } = await ci.deployment.api<{ items: { action: string; actor: { name: string } }[] }>(
      'GET',
      '/audit-events?action=preview.create&limit=1',
    );
    expect(items[0]?.actor).toMatchObject({ kind: 'workload-identity', name: 'Previews of the shop' });
    await run('main', { number: 2, action: 'closed' });
    expect(textBelow(home)).not.toMatch(/cvtw_|request-token/);
  });

  it('leaves one preview when two runs create it at the same time', async () => {
    const both = await Promise.all([run('main', workload(3)), run('main', workload(3))]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(await ofPull(3)).toHaveLength(1);
    await run('main', { number: 3, action: 'closed' });
  });

  it('reports a failure of the deployment if the preview does not answer', async () => {
    const { code, log } = await run(
      'main',
      workload(4, { inputs: { 'wait-status': '204', 'wait-timeout': '1s' } }),
    );
    expect(code).toBe(1);
    expect(log).toMatch(/^::error::culvert preview wait: /m);
    expect(github.deployments[0]?.states.map(({ state }) => state)).toEqual(['in_progress', 'failure']);
    await run('main', { number: 4, action: 'closed' });
  });

  it('explains which condition the job does not meet', async () => {
    claims = { repository: 'acme/other' };
    const { code, log } = await run('main', workload(5, { inputs: { deployment: 'false' } }));
    expect(code).toBe(1);
    expect(log).toContain(
      'the claim repository is "acme/other", which the workload identity does not accept',
    );
  });

  it('succeeds without a preview for a pull request from a fork, which has no token', async () => {
    const env = { ACTIONS_ID_TOKEN_REQUEST_URL: '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: '' };
    const forked = await run('main', workload(6, { head: 'mallory/shop', env }));
    expect([forked.code, forked.outputs]).toEqual([0, { skipped: 'true' }]);
    expect(forked.log).toMatch(/^::warning::No preview: .* forks/m);
    const own = await run('main', workload(6, { env }));
    expect([own.code, own.log]).toEqual([1, expect.stringContaining('"id-token: write"')]);
    expect(github.deployments).toEqual([]);
  });

  it.each([
    ['an API key', { CULVERT_API_KEY: 'cvt_a-key-of-the-team' }],
    ['a token', {}],
  ])('gives code of a fork no preview, even if the job has %s', async (_name, env) => {
    const { code, log, outputs } = await run('main', workload(11, { head: 'mallory/shop', env }));
    expect([code, outputs]).toEqual([0, { skipped: 'true' }]);
    expect(log).toMatch(/^::warning::No preview: .* forks/m);
    expect([await ofPull(11), github.deployments]).toEqual([[], []]);
  });

  it('gives each workload of a pull request its own preview, and removes all when that closes', async () => {
    const first = await run('main', workload(12));
    const second = await run('main', workload(12, { inputs: { workload: 'orders' } }));
    const again = await run('main', workload(12, { action: 'synchronize' }));
    expect(new Set(await ofPull(12)).size).toBe(2);
    expect(second.outputs['url']).not.toBe(first.outputs['url']);
    expect(again.outputs['url']).toBe(first.outputs['url']);
    // A step ends its own earlier deployments only.
    expect(statesOf().map((states) => states.at(-1))).toEqual(['inactive', 'success', 'success']);
    // The number of another pull request begins the same.
    const other = await run('main', workload(120));
    await run('main', { number: 12, action: 'closed' });
    expect(await ofPull(12)).toEqual([]);
    expect([other.code, (await ofPull(120)).length]).toEqual([0, 1]);
    await run('main', { number: 120, action: 'closed' });
  });

  it('replaces a preview of the given name whose workload is another one', async () => {
    const inputs = { name: 'shop-preview' };
    await run('main', workload(13, { inputs }));
    const { code } = await run('main', workload(13, { inputs: { ...inputs, workload: 'orders' } }));
    const { items } = await ci.deployment.api<{ items: { intercept: object }[] }>('GET', '/previews');
    expect([code, items.map(({ intercept }) => intercept)]).toMatchObject([
      0,
      [{ name: 'shop-preview', workload: 'orders' }],
    ]);
    await run('main', { number: 13, action: 'closed', inputs });
    expect(await ci.previewNames()).toEqual([]);
  });

  it('gives flags of create only to a preview that it creates', async () => {
    const inputs = { 'create-arguments': '--qr' };
    const runs = [await run('main', workload(14, { inputs })), await run('main', workload(14, { inputs }))];
    expect(runs.map(({ code, log }) => [code, log])).toEqual(runs.map(({ log }) => [0, log]));
    await run('main', { number: 14, action: 'closed' });
  });

  it('reports a failure at the end of a job whose step was canceled', async () => {
    const job = workload(15, { inputs: { 'wait-status': '204', 'wait-timeout': '1m' } });
    const state = await cancel(job);
    expect(statesOf()).toEqual([['in_progress']]);
    const post = await run('post', job, state);
    expect([post.code, post.log, statesOf()]).toEqual([0, '', [['in_progress', 'failure']]]);
    await run('main', { number: 15, action: 'closed' });
  });

  it('refuses to run code of a fork with the permissions of the repository', async () => {
    const { code, log } = await run(
      'main',
      workload(7, { head: 'mallory/shop', event: 'pull_request_target' }),
    );
    expect([code, log]).toEqual([1, expect.stringContaining('use the event pull_request')]);
  });

  it.each([
    ['another event', { event: 'push' }, 'not for the event push'],
    ['no workload', { inputs: { workload: '' } }, 'the input workload is missing'],
    ['another mode', { inputs: { mode: 'proxy' } }, 'mode must be workload or expose'],
    ['a flag that is not one', { inputs: { wait: 'maybe' } }, 'wait must be true or false'],
    ['an access that does not exist', { inputs: { access: 'all' } }, 'access'],
  ])('says what is wrong with %s', async (_name, change, expected) => {
    const { code, log } = await run('main', workload(8, change));
    expect([code, log]).toEqual([1, expect.stringContaining(expected)]);
    expect(await ofPull(8)).toEqual([]);
  });

  it('says which permission deployments need', async () => {
    github.failure = 403;
    const { code, log } = await run('main', workload(9));
    expect([code, log]).toEqual([1, expect.stringContaining('"deployments: write"')]);
    expect(await ofPull(9)).toEqual([]);
  });

  it('exposes a port of the job, and ends that and no other deployment with the job', async () => {
    await run('main', workload(10));
    const job: Job = {
      number: 10,
      inputs: { mode: 'expose', port: String(ci.servicePort), access: 'public', comment: 'false' },
    };
    const main = await run('main', job);
    expect([main.code, main.log]).toEqual([0, expect.stringContaining('Preview: http')]);
    const host = new URL(main.outputs['url'] ?? '').host;
    expect((await visit(ci.deployment.port, host, '/::set-output')).body.toString()).toBe(
      'Hello from the service',
    );
    const post = await run('post', job, main.state);
    expect([post.code, post.log]).toEqual([0, 'The preview ended with the job.\n']);
    expect(await ofPull(10)).toHaveLength(1);
    expect((await visit(ci.deployment.port, host, '/')).status).not.toBe(200);
    expect(statesOf()).toEqual([
      ['in_progress', 'success'],
      ['in_progress', 'success', 'inactive'],
    ]);
    await run('main', { number: 10, action: 'closed' });
    expect(statesOf()[0]).toEqual(['in_progress', 'success', 'inactive']);
  });
});

/** Returns the text of all files below a folder. */
function textBelow(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8'))
    .join('\n');
}
