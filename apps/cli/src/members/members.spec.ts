import { TestServer } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../exit-code.js';
import { runCommand } from '../spec/test-terminal.js';

const ANN = {
  userId: '01a22b8d-1111-7000-8000-000000000001',
  email: 'ann@example.com',
  name: 'Ann',
  role: 'member',
  joinedAt: '2030-01-01T00:00:00.000Z',
};
const BOB = { ...ANN, userId: '01a22b8d-2222-7000-8000-000000000002', email: 'bob@example.com' };
const FORMER = '01a22b8d-3333-7000-8000-000000000003';

describe('the commands for members', () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await TestServer.start();
    server.answer = ({ method, path }, response) => {
      const isList = method === 'GET' && path.endsWith('/members');
      const credentials = path.endsWith('/credentials') ? { items: [], isComplete: true } : ANN;
      response.statusCode = method === 'DELETE' ? 204 : 200;
      response.end(method === 'DELETE' ? '' : JSON.stringify(isList ? { items: [ANN, BOB] } : credentials));
    };
  });
  afterEach(() => server.close());

  const run = (...argv: string[]) =>
    runCommand(argv, { env: { CULVERT_URL: server.url, CULVERT_API_KEY: 'key-12345' } });
  const changes = () =>
    server.seen
      .filter(({ method }) => method !== 'GET')
      .map(({ method, path, body }) => [method, path.replace('/api/v1/team/members/', ''), body]);

  it('changes the role of the member with an address, whatever its case', async () => {
    const { exitCode, stdout } = await run('members', 'set-role', 'ANN@example.com', 'admin');
    expect([exitCode, stdout]).toEqual([EXIT.ok, 'ann@example.com has the role member.\n']);
    expect(changes()).toEqual([['PATCH', ANN.userId, '{"role":"admin"}']]);
  });

  it('removes no one if one of the addresses is mistyped', async () => {
    const { exitCode, stderr } = await run('members', 'remove', 'ann@example.com', 'bib@example.com');
    expect([exitCode, stderr]).toEqual([EXIT.notFound, expect.stringContaining('no member bib@example.com')]);
    expect(changes()).toEqual([]);
  });

  it('shows who was removed if a later removal fails, and whose credentials keep working', async () => {
    const answer = server.answer;
    let failing = BOB.userId;
    server.answer = (request, response) => {
      if (request.method !== 'DELETE' || !request.path.endsWith(failing)) return answer(request, response);
      response.writeHead(403, { 'content-type': 'application/problem+json' });
      response.end(
        JSON.stringify({ type: '/x', title: 'No', status: 403, code: 'insufficient_scope', instance: 'i' }),
      );
    };
    const both = await run('members', 'remove', 'ann@example.com', 'bob@example.com');
    expect([both.exitCode, both.stdout]).toEqual([EXIT.refused, `Removed ann@example.com (${ANN.userId})\n`]);
    failing = 'credentials';
    const one = await run('members', 'remove', 'ann@example.com', '--revoke-credentials');
    expect([one.exitCode, one.stdout]).toEqual([EXIT.refused, '']);
    expect(one.stderr).toContain(`culvert members revoke-credentials ${ANN.userId}`);
  });

  it('removes members, and their credentials only if asked to', async () => {
    const { stderr } = await run('members', 'remove', 'ann@example.com');
    expect(stderr).toContain('keep working');
    await run('members', 'remove', BOB.userId.slice(0, 13), '--revoke-credentials');
    expect(changes()).toEqual([
      ['DELETE', ANN.userId, ''],
      ['DELETE', BOB.userId, ''],
      ['DELETE', `${BOB.userId}/credentials`, ''],
    ]);
  });

  it('revokes the credentials of a former member by the id', async () => {
    const { exitCode } = await run('members', 'revoke-credentials', FORMER);
    expect(exitCode).toBe(EXIT.ok);
    expect(changes()).toEqual([['DELETE', `${FORMER}/credentials`, '']]);
  });
});
