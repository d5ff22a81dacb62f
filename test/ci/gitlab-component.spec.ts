import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { visit } from '../support/deployment.js';
import { type CiDeployment, listen, startCiDeployment } from './ci-deployment.js';

/** The scripts of the component as a runner executes them: in one shell, with the variables of GitLab. */
const COMPONENT = 'infra/ci/gitlab/templates/preview.yml';
const PROJECT = 'acme/shop';

interface Header {
  readonly spec: { readonly inputs: Readonly<Record<string, { readonly default?: string | boolean }>> };
}

interface Job {
  readonly extends?: string;
  readonly before_script?: readonly string[];
  readonly script?: readonly string[];
  readonly variables?: Readonly<Record<string, string>>;
}

let ci: CiDeployment;
let identity: string;
let folder: string;
/** Serves the npm package of `culvert`, as the downloads of a release do. */
let downloads: http.Server;
let packageUrl: string;
let packageHash: string;

beforeAll(async () => {
  const [started, bytes] = await Promise.all([startCiDeployment(), packCulvert()]);
  ci = started;
  downloads = http.createServer(({ url }, response) =>
    url === '/culvert.tgz' ? response.end(bytes) : response.writeHead(404).end(),
  );
  packageUrl = `http://127.0.0.1:${await listen(downloads)}/culvert.tgz`;
  packageHash = createHash('sha256').update(bytes).digest('hex');
  identity = await ci.createIdentity({
    platform: 'gitlab',
    conditions: [{ claim: 'project_path', values: [PROJECT] }],
  });
}, 120_000);
afterAll(async () => {
  downloads?.closeAllConnections();
  downloads?.close();
  await ci?.stop();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Returns the npm package as a release has it. It is made inside the repository, whose packages it bundles. */
async function packCulvert(): Promise<Buffer> {
  const cache = 'node_modules/.cache';
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(join(cache, 'culvert-test-'));
  try {
    const made = join(scratch, 'cli');
    await promisify(execFile)(process.execPath, ['infra/scripts/pack.mjs', 'cli', made]);
    const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', '..'];
    await promisify(execFile)('npm', args, {
      cwd: made,
      env: { ...process.env, npm_config_cache: join(process.cwd(), scratch, 'npm-cache') },
    });
    const name = readdirSync(scratch).find((each) => each.endsWith('.tgz')) ?? '';
    return readFileSync(join(scratch, name));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Returns the jobs of the component with these inputs, as GitLab includes them. */
function jobsWith(given: Readonly<Record<string, string>>): Record<string, Job> {
  const text = readFileSync(COMPONENT, 'utf8');
  const [header] = parseAllDocuments(text).map((document) => document.toJS() as Header);
  const inputs = header?.spec.inputs ?? {};
  const fill = (value: string): string =>
    value.replace(
      /\$\[\[ inputs\.([\w-]+) \]\]/g,
      (_all, name: string) => given[name] ?? `${inputs[name]?.default}`,
    );
  // GitLab fills in the values of the document and not its text, so that a value can have several lines.
  return parseAllDocuments(text)[1]?.toJS({
    reviver: (_key: unknown, value: unknown) => (typeof value === 'string' ? fill(value) : value),
  }) as Record<string, Job>;
}

async function run(name: string, inputs: Readonly<Record<string, string>>, iid: number) {
  const jobs = jobsWith({
    url: ci.url,
    'workload-identity': identity,
    workload: 'web',
    comment: 'false',
    arguments: `--ingress-host=127.0.0.1\n--ingress-port=${ci.servicePort}`,
    'package-url': packageUrl,
    'package-sha256': packageHash,
    ...inputs,
  });
  const job = jobs[name];
  const base = jobs[job?.extends ?? ''];
  const predefined: Record<string, string> = {
    CI_MERGE_REQUEST_IID: String(iid),
    CI_PROJECT_ID: '42',
    CI_MERGE_REQUEST_PROJECT_URL: `https://gitlab.example.com/${PROJECT}`,
  };
  const variables = Object.entries({ ...base?.variables, ...job?.variables }).map(([key, value]) => [
    key,
    value.replace(/\$(CI_\w+)/g, (_all, variable: string) => predefined[variable] ?? ''),
  ]);
  const script = [...(base?.before_script ?? []), ...(job?.script ?? [])].join('\n');
  const child = spawn('sh', ['-c', script], {
    cwd: folder,
    env: {
      PATH: `${folder}/global/bin:${process.env['PATH'] ?? ''}`,
      HOME: folder,
      npm_config_prefix: join(folder, 'global'),
      npm_config_cache: join(folder, 'npm-cache'),
      // A job that asks a registry fails.
      npm_config_registry: 'http://127.0.0.1:1',
      ...predefined,
      ...Object.fromEntries(variables),
      CULVERT_ID_TOKEN: await ci.issuer.sign({
        sub: `project_path:${PROJECT}:ref_type:branch:ref:feature`,
        aud: ci.url,
        project_path: PROJECT,
      }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (log += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, log };
}

const reportedUrl = () =>
  /^CULVERT_PREVIEW_URL=(.+)\n$/.exec(readFileSync(join(folder, 'culvert-preview.env'), 'utf8'))?.[1];

describe('the GitLab component', () => {
  it('creates the preview of a merge request, keeps it in later pipelines unless the workload changes, and removes it', async () => {
    const inputs = { 'create-arguments': '--qr' };
    expect(await run('culvert-preview', inputs, 1)).toMatchObject({ code: 0 });
    const url = reportedUrl() ?? '';
    expect(await ci.previewNames()).toContain('mr-1-42');
    const second = await run('culvert-preview', { ...inputs, access: 'public' }, 1);
    expect([second.code, reportedUrl()]).toEqual([0, url]);
    const answer = await visit(ci.deployment.port, new URL(url).host, '/');
    expect(answer.body.toString()).toBe('Hello from the service');
    const replaced = await run('culvert-preview', { workload: 'orders' }, 1);
    expect([replaced.code, reportedUrl() === url]).toEqual([0, false]);
    const { items } = await ci.deployment.api<{ items: { intercept: object }[] }>('GET', '/previews');
    expect(items.map(({ intercept }) => intercept)).toMatchObject([{ name: 'mr-1-42', workload: 'orders' }]);
    expect(await run('culvert-preview-stop', {}, 1)).toMatchObject({ code: 0 });
    expect(await ci.previewNames()).not.toContain('mr-1-42');
  });

  it('passes each line of the arguments as one flag, which no shell reads', async () => {
    const ran = join(folder, 'ran');
    const flags = [
      '--ingress-host=127.0.0.1',
      `--ingress-port=${ci.servicePort}`,
      '',
      `--add-request-header=x-a=b  $(touch ${ran})`,
      `--add-request-header=x-b='"\``,
    ];
    const { code, log } = await run('culvert-preview', { arguments: flags.join('\n') }, 2);
    expect([code, log]).toEqual([0, expect.stringContaining('CULVERT_PREVIEW_URL=')]);
    const { items } = await ci.deployment.api<{ items: { addRequestHeaders: object }[] }>(
      'GET',
      '/previews?limit=1',
    );
    expect(items[0]?.addRequestHeaders).toEqual({ 'x-a': `b  $(touch ${ran})`, 'x-b': `'"\`` });
    expect(existsSync(ran)).toBe(false);
    await run('culvert-preview-stop', {}, 2);
  });

  it.each([
    ['has other bytes than the release', { 'package-sha256': '0'.repeat(64) }, 'the SHA-256 of http'],
    ['does not exist', { 'package-url': 'DOWNLOADS/other.tgz' }, 'answers with HTTP 404'],
    ['cannot be reached', { 'package-url': 'http://127.0.0.1:1/' }, 'cannot be reached'],
    ['has no known checksum', { 'package-sha256': '' }, 'set the inputs package-url and package-sha256'],
  ])('installs nothing if the package of culvert %s', async (_name, inputs, expected) => {
    const given = Object.entries(inputs).map(([name, value]) => [
      name,
      value.replace('DOWNLOADS', new URL(packageUrl).origin),
    ]);
    const { code, log } = await run('culvert-preview', Object.fromEntries(given), 8);
    expect([code, log]).toEqual([1, expect.stringContaining(expected)]);
    expect(existsSync(join(folder, 'global'))).toBe(false);
  });

  it('fails if the preview does not answer, or Culvert refuses the job', async () => {
    const silent = await run(
      'culvert-preview',
      { arguments: '--ingress-host=127.0.0.1\n--ingress-port=1', 'wait-timeout': '1s' },
      3,
    );
    expect([silent.code, silent.log]).toEqual([
      7,
      expect.stringContaining('did not answer with 200 in time'),
    ]);
    const refused = await run(
      'culvert-preview',
      { 'workload-identity': '00000000-0000-7000-8000-000000000000' },
      4,
    );
    expect([refused.code, refused.log]).toEqual([
      3,
      expect.stringContaining('the workload identity does not exist'),
    ]);
    await run('culvert-preview-stop', {}, 3);
    expect(await ci.previewNames()).toEqual([]);
  });

  it('succeeds in stopping an environment whose preview is gone', async () => {
    expect(await run('culvert-preview-stop', {}, 5)).toMatchObject({ code: 0 });
  });
});
