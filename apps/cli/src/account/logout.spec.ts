import { CredentialFile } from '@culvert/client';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestServer } from '@culvert/testkit';
import { EXIT } from '../exit-code.js';
import { runCommand } from '../spec/test-terminal.js';

describe('culvert logout', () => {
  let directory: string;
  let server: TestServer;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    server = await TestServer.start();
    await new CredentialFile(directory).store(server.url, {
      kind: 'tokens',
      accessToken: 'access',
      refreshToken: 'refresh',
      expiresAt: '2030-01-01T00:00:00.000Z',
    });
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    await server.close();
  });
  const logout = () => runCommand(['logout'], { env: { CULVERT_CONFIG_DIR: directory } });

  it('ends the sign-in at the server', async () => {
    expect(await logout()).toEqual({
      exitCode: EXIT.ok,
      stdout: `Signed out at ${server.url}.\n`,
      stderr: '',
    });
    const [{ path, body } = { path: '', body: '' }] = server.seen;
    expect([path, Object.fromEntries(new URLSearchParams(body))]).toEqual([
      '/revoke',
      { client_id: 'culvert', token: 'refresh' },
    ]);
  });

  it('keeps the URL, so that later commands report that no one is signed in', async () => {
    await logout();
    const env = { CULVERT_CONFIG_DIR: directory };
    const { exitCode, stderr } = await runCommand(['whoami'], { env });
    expect(exitCode).toBe(EXIT.notSignedIn);
    expect(stderr).toContain('not signed in');
    expect(stderr).not.toContain('is not set');
  });

  it('forgets the sign-in locally when the server is unreachable, and reports that it still exists there', async () => {
    server.always(503, '');
    const { exitCode, stdout, stderr } = await logout();
    expect([exitCode, stdout]).toEqual([EXIT.unreachable, '']);
    expect(stderr).toContain('your dashboard profile');
    expect(new CredentialFile(directory).find(server.url)).toBeNull();
  });
});
