import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CULVERT } from '../support/cli.js';
import { visit } from '../support/deployment.js';
import { type CiDeployment, startCiDeployment } from './ci-deployment.js';

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
/** Holds `culvert`, which jobs install from npm. */
let programs: string;

beforeAll(async () => {
  ci = await startCiDeployment();
  programs = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  chmodSync(CULVERT, 0o755);
  symlinkSync(CULVERT, join(programs, 'culvert'));
  identity = await ci.createIdentity({
    platform: 'gitlab',
    conditions: [{ claim: 'project_path', values: [PROJECT] }],
  });
}, 120_000);
afterAll(async () => {
  await ci?.stop();
  rmSync(programs, { recursive: true, force: true });
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Returns the jobs of the component with these inputs, as GitLab includes them. */
function jobsWith(given: Readonly<Record<string, string>>): Record<string, Job> {
  const text = readFileSync(COMPONENT, 'utf8');
  const [header] = parseAllDocuments(text).map((document) => document.toJS() as Header);
  const inputs = header?.spec.inputs ?? {};
  const filled = text.replace(
    /\$\[\[ inputs\.([\w-]+) \]\]/g,
    (_all, name: string) => given[name] ?? `${inputs[name]?.default}`,
  );
  return parseAllDocuments(filled)[1]?.toJS() as Record<string, Job>;
}

async function run(name: string, inputs: Readonly<Record<string, string>>, iid: number) {
  const jobs = jobsWith({
    url: ci.url,
    'workload-identity': identity,
    workload: 'web',
    comment: 'false',
    arguments: `--ingress-host 127.0.0.1 --ingress-port ${ci.servicePort}`,
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
  const before = (base?.before_script ?? []).filter((line) => !line.startsWith('npm install'));
  const child = spawn('sh', ['-c', [...before, ...(job?.script ?? [])].join('\n')], {
    cwd: folder,
    env: {
      PATH: `${programs}:${process.env['PATH'] ?? ''}`,
      HOME: folder,
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
  it('creates the preview of a merge request, keeps it in later pipelines, and removes it', async () => {
    expect(await run('culvert-preview', {}, 1)).toMatchObject({ code: 0 });
    const url = reportedUrl() ?? '';
    expect(await ci.previewNames()).toContain('mr-1-42');
    const second = await run('culvert-preview', { access: 'public' }, 1);
    expect([second.code, reportedUrl()]).toEqual([0, url]);
    const answer = await visit(ci.deployment.port, new URL(url).host, '/');
    expect(answer.body.toString()).toBe('Hello from the service');
    expect(await run('culvert-preview-stop', {}, 1)).toMatchObject({ code: 0 });
    expect(await ci.previewNames()).not.toContain('mr-1-42');
  });

  it('passes arguments as a shell reads them', async () => {
    const flags = `--ingress-host 127.0.0.1 --ingress-port ${ci.servicePort} --add-request-header 'x-a=b c'`;
    const { code, log } = await run('culvert-preview', { arguments: flags }, 2);
    expect([code, log]).toEqual([0, expect.stringContaining('CULVERT_PREVIEW_URL=')]);
    const { items } = await ci.deployment.api<{ items: { addRequestHeaders: object }[] }>(
      'GET',
      '/previews?limit=1',
    );
    expect(items[0]?.addRequestHeaders).toEqual({ 'x-a': 'b c' });
    await run('culvert-preview-stop', {}, 2);
  });

  it('fails if the preview does not answer, or Culvert refuses the job', async () => {
    const silent = await run(
      'culvert-preview',
      { arguments: '--ingress-host 127.0.0.1 --ingress-port 1', 'wait-timeout': '1s' },
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
