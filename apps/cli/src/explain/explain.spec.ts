import { ERROR_CODES, ProblemError, toProblem } from '@culvert/contract';
import { RELAY_ERROR_CODES } from '@culvert/relay';
import { TestServer } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../exit-code.js';
import { runCommand } from '../spec/test-terminal.js';

describe('culvert explain', () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await TestServer.start();
    server.always(404, toProblem(new ProblemError('not_found'), '01890000-0000-7000-8000-000000000000'));
  });
  afterEach(() => server.close());

  it.each([
    ['insuficient_scope', 'Did you mean insufficient_scope?'],
    ['ingres_dns', 'Did you mean ingress_dns?'],
    ['foo', 'such as insufficient_scope'],
  ])('suggests a code for %s, which does not exist', async (code, hint) => {
    const env = { CULVERT_URL: server.url, CULVERT_API_KEY: 'key-12345' };
    const { exitCode, stderr } = await runCommand(['explain', code], { env });
    expect(exitCode).toBe(EXIT.notFound);
    expect(stderr).toContain(`there is no error code ${code}`);
    expect(stderr).toContain(hint);
    expect(stderr).not.toContain('whoami');
  });

  it.each(RELAY_ERROR_CODES.filter((code) => !(ERROR_CODES as string[]).includes(code)))(
    'explains %s, which pages of previews have',
    async (code) => {
      const env = { CULVERT_URL: server.url, CULVERT_API_KEY: 'key-12345' };
      const { exitCode, stdout } = await runCommand(['explain', code, '-o', 'json'], { env });
      expect(exitCode).toBe(EXIT.ok);
      const explained = JSON.parse(stdout) as { description: string };
      expect(explained).toMatchObject({ code, status: expect.any(Number), title: expect.any(String) });
      expect(explained.description).toMatch(/^[A-Z].{20,}\.$/);
    },
  );
});
