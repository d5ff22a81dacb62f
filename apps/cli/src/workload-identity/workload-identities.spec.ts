import { TestServer } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../exit-code.js';
import { runCommand } from '../spec/test-terminal.js';

const SHOP = {
  id: '01a22b8d-1111-7000-8000-000000000001',
  name: 'Shop',
  platform: 'github',
  issuer: 'https://token.actions.githubusercontent.com',
  audience: 'https://culvert.example.com',
  conditions: [{ claim: 'repository', values: ['acme/shop'] }],
  scopes: ['previews:write'],
  tokenLifetimeSeconds: 3600,
  enabled: true,
  lastUsedAt: null,
  lastUsedSubject: null,
  createdByUserId: null,
  createdAt: '2030-01-01T00:00:00.000Z',
};

describe('the commands for workload identities', () => {
  let server: TestServer;
  let tested: object;
  beforeEach(async () => {
    server = await TestServer.start();
    server.answer = ({ method, path }, response) => {
      const isList = method === 'GET' && /\/workload-identities(\?|$)/.test(path);
      const body = isList ? { items: [SHOP], nextCursor: null } : path.endsWith('/test') ? tested : SHOP;
      response.statusCode = method === 'DELETE' ? 204 : 200;
      response.end(method === 'DELETE' ? '' : JSON.stringify(body));
    };
  });
  afterEach(() => server.close());

  const run = (argv: readonly string[], stdin?: string) =>
    runCommand(['workload-identity', ...argv], {
      env: { CULVERT_URL: server.url, CULVERT_API_KEY: 'key-12345' },
      ...(stdin !== undefined && { stdin }),
    });
  const change = () => {
    const [sent] = server.seen.filter(({ method }) => method !== 'GET');
    return sent && [sent.method, sent.path, sent.body === '' ? null : JSON.parse(sent.body)];
  };
  const create = (...flags: string[]) => run(['create', '--name', 'Shop', ...flags]);

  it('turns what people restrict into conditions of the platform, and prints only the id', async () => {
    const flags = [
      '--repository',
      'acme/shop',
      '--branch',
      'main',
      '--event',
      'push',
      '--claim',
      'actor=ann',
    ];
    const { exitCode, stdout } = await create('--platform', 'github', ...flags);
    expect([exitCode, stdout]).toEqual([EXIT.ok, `${SHOP.id}\n`]);
    expect(change()).toEqual([
      'POST',
      '/api/v1/workload-identities',
      {
        name: 'Shop',
        platform: 'github',
        conditions: [
          { claim: 'repository', values: ['acme/shop'] },
          { claim: 'ref', values: ['refs/heads/main'] },
          { claim: 'event_name', values: ['push'] },
          { claim: 'actor', values: ['ann'] },
        ],
      },
    ]);
  });

  it('uses the claims of GitLab for GitLab', async () => {
    await create(
      '--platform',
      'gitlab',
      '--repository',
      'acme/shop',
      '--branch',
      'main',
      '--lifetime',
      '10m',
    );
    expect(change()?.[2]).toMatchObject({
      tokenLifetimeSeconds: 600,
      conditions: [
        { claim: 'project_path', values: ['acme/shop'] },
        { claim: 'ref', values: ['main'] },
        { claim: 'ref_type', values: ['branch'] },
      ],
    });
  });

  it('collects several values of a claim', async () => {
    const claims = ['--claim', 'sub=a:*', '--claim', 'sub=b=c'];
    await create('--platform', 'other', '--issuer', 'https://id.example.com', ...claims);
    expect(change()?.[2]).toMatchObject({ conditions: [{ claim: 'sub', values: ['a:*', 'b=c'] }] });
  });

  it.each([
    [['--platform', 'other', '--repository', 'acme/shop'], 'are for GitHub and GitLab'],
    [['--platform', 'bitbucket'], 'Allowed choices'],
    [['--platform', 'github', '--claim', 'repository'], 'name=value'],
    [['--platform', 'github', '--scope', 'keys:write'], 'Use one of'],
  ])('refuses %j', async (flags, expected) => {
    const { exitCode, stderr } = await create(...flags);
    expect([exitCode, stderr]).toEqual([EXIT.usage, expect.stringContaining(expected)]);
    expect(change()).toBeUndefined();
  });

  it('changes what is given, of the identity with a name', async () => {
    await run(['update', 'Shop', '--disable']);
    expect(change()).toEqual(['PATCH', `/api/v1/workload-identities/${SHOP.id}`, { enabled: false }]);
    const { exitCode } = await run(['update', 'Shop']);
    expect(exitCode).toBe(EXIT.usage);
  });

  it('deletes none if one of the names is mistyped', async () => {
    expect((await run(['delete', 'Shop', 'Shpo'])).exitCode).toBe(EXIT.notFound);
    expect(change()).toBeUndefined();
    expect((await run(['delete', 'Shop'])).stdout).toBe(`Deleted Shop (${SHOP.id})\n`);
  });

  it('shows what does not match, and fails then', async () => {
    const conditions = [{ ...SHOP.conditions[0], actual: 'acme/x', matches: false }];
    tested = { accepted: false, problem: 'the claim repository is "acme/x"', subject: 's', conditions };
    const refused = await run(['test', 'Shop'], 'the-token\n');
    expect([refused.exitCode, refused.stdout]).toEqual([EXIT.failure, expect.stringMatching(/acme\/x +no/)]);
    expect(change()?.[2]).toEqual({ token: 'the-token' });
    tested = { accepted: true, problem: null, subject: 's', conditions: [] };
    expect(await run(['test', 'Shop'], 'the-token')).toMatchObject({
      exitCode: EXIT.ok,
      stdout: 'The token is accepted.\n',
    });
  });

  it('lists them with their conditions', async () => {
    expect((await run(['list'])).stdout).toContain('repository = acme/shop');
  });
});
