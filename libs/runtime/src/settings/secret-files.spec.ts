import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigurationError, type ConfigurationProblem } from './configuration-error.js';
import { secretsWithFiles } from './secret-files.js';
import { loadSettings, type Settings } from './settings.js';
import { VARIABLES } from './variables.js';

const folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string): string {
  writeFileSync(join(folder, name), content, { mode: 0o600 });
  return join(folder, name);
}

function problemsOf(env: Record<string, string>): readonly ConfigurationProblem[] {
  try {
    loadSettings('standalone', env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

describe('secrets in files', () => {
  // Secrets whose value loadSettings() returns as it is.
  it.each<[string, string, (settings: Settings) => string | null | undefined]>([
    ['DATABASE_URL', 'postgresql://culvert:p%40ss@db/culvert', ({ databaseUrl }) => databaseUrl],
    ['REDIS_URL', 'redis://:secret@redis:6379', ({ redisUrl }) => redisUrl],
    ['CULVERT_BOOTSTRAP_API_KEY', 'cvt_0123456789', ({ bootstrap }) => bootstrap.apiKey],
    ['CULVERT_BOOTSTRAP_PASSWORD', ' spaces count ', ({ bootstrap }) => bootstrap.password],
    ['SMTP_URL', 'smtps://user:secret@mail.example.com', ({ mail }) => mail.smtpUrl],
    ['PULL_REQUEST_GITHUB_TOKEN', 'ghp_secret', ({ pullRequests }) => pullRequests.github?.token],
  ])('%s is the content of its file without the last line break', (variable, secret, valueOf) => {
    for (const ending of ['', '\n', '\r\n']) {
      const path = file('secret', secret + ending);
      expect(valueOf(loadSettings('standalone', { [`${variable}_FILE`]: path }))).toBe(secret);
    }
  });

  it('are possible for every secret', () => {
    expect(secretsWithFiles(VARIABLES)).toEqual(
      expect.arrayContaining([
        'DATABASE_URL',
        'REDIS_URL',
        'CULVERT_BOOTSTRAP_API_KEY',
        'CULVERT_BOOTSTRAP_PASSWORD',
        'SMTP_URL',
        'OIDC_CLIENT_SECRET',
        'GITHUB_CLIENT_SECRET',
        'PULL_REQUEST_GITHUB_TOKEN',
        'PULL_REQUEST_GITLAB_TOKEN',
        'PULL_REQUEST_BITBUCKET_TOKEN',
        'PULL_REQUEST_GITEA_TOKEN',
      ]),
    );
  });

  it('count as set where a setting is required', () => {
    const env = {
      DATABASE_URL_FILE: file('database', 'postgresql://culvert@db/culvert\n'),
      REDIS_URL: 'redis://redis:6379',
    };
    expect(loadSettings('edge', env).databaseUrl).toBe('postgresql://culvert@db/culvert');
  });

  it('are refused beside the same secret in the environment', () => {
    const env = { SMTP_URL: 'smtp://mail', SMTP_URL_FILE: file('smtp', 'smtp://other') };
    expect(problemsOf(env)).toEqual([{ variable: 'SMTP_URL', expected: 'absent when SMTP_URL_FILE is set' }]);
  });

  it.each([
    ['a missing file', () => join(folder, 'missing')],
    ['a folder', () => folder],
    ['an empty file', () => file('empty', '\n')],
    ['a file that is too large', () => file('large', 'x'.repeat(65_537))],
  ])('are refused for %s, whose path is shown', (_what, path) => {
    const expected = 'the path of a readable file with a secret of 1 to 65536 bytes';
    expect(problemsOf({ OIDC_CLIENT_SECRET_FILE: path() })).toEqual([
      { variable: 'OIDC_CLIENT_SECRET_FILE', expected, got: path() },
    ]);
  });

  it('are not shown when they are wrong', () => {
    const problems = problemsOf({ DATABASE_URL_FILE: file('wrong', 'mysql://root:hunter2@db/x') });
    expect(problems.map(({ variable }) => variable)).toEqual(['DATABASE_URL']);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });
});
