import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CredentialFile } from '@culvert/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandContext, GlobalFlags } from '../command-context.js';
import { runCommand } from '../spec/test-terminal.js';
import { withFileSettings } from './file-settings.js';

const MINE = 'https://mine.example.com';
const THEIRS = 'https://theirs.example.com';
const KEY = 'key-of-environment';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Signs in at these servers, the last one at the latest. */
function signIn(...servers: string[]): void {
  const entries = servers.map((server) => [server, { kind: 'api-key', apiKey: 'key-of-sign-in' }] as const);
  const content = { version: 1, current: servers.at(-1) ?? null, servers: Object.fromEntries(entries) };
  writeFileSync(join(home, 'credentials.json'), JSON.stringify(content), { mode: 0o600 });
}

/** Returns the server of a run and the key that it gets. */
async function used(
  file: { readonly url?: string; readonly apiKey?: string },
  env: Readonly<Record<string, string>> = {},
  flags: Pick<GlobalFlags, 'url' | 'caFile'> = {},
): Promise<readonly [string, string]> {
  const context = { env: { CULVERT_CONFIG_DIR: home, ...env } } as unknown as CommandContext;
  const given = { url: undefined, apiKey: undefined, ...file };
  const upFile = { path: 'culvert.yaml', isNamed: false, name: 'shop', endpoints: [], ...given };
  const { settings, bearer } = withFileSettings(context, upFile, flags);
  return [settings.url, await bearer.secret()];
}

// The fault: a file with the URL of another server received the key of the person who ran "culvert up" on it.
describe('the key that a run of a file sends', () => {
  it('is not that of the environment for a URL that only the file names', async () => {
    for (const name of ['CULVERT_API_KEY', 'AMBASSADOR_CLOUD_APIKEY'])
      await expect(used({ url: THEIRS }, { [name]: KEY })).rejects.toThrow(
        `${name} is not sent to ${THEIRS}, which only culvert.yaml names`,
      );
    signIn(MINE);
    await expect(used({ url: THEIRS }, { CULVERT_API_KEY: KEY })).rejects.toThrow(/is not sent to/);
  });

  it('is not that of the environment for the URL of a file after the sign-in there has ended', async () => {
    signIn(THEIRS);
    await new CredentialFile(home).remove(THEIRS);
    await expect(used({ url: THEIRS }, { CULVERT_API_KEY: KEY })).rejects.toThrow(/is not sent to/);
  });

  it('is that of the environment for a URL of a flag, of the environment or of the latest sign-in', async () => {
    const env = { CULVERT_API_KEY: KEY };
    expect(await used({ url: THEIRS }, { ...env, CULVERT_URL: MINE })).toEqual([MINE, KEY]);
    expect(await used({ url: THEIRS }, env, { url: THEIRS })).toEqual([THEIRS, KEY]);
    signIn(THEIRS, MINE);
    expect(await used({ url: MINE }, env)).toEqual([MINE, KEY]);
    expect(await used({}, env)).toEqual([MINE, KEY]);
  });

  it('is that of the file, or of a sign-in at the server of the file, in place of that of the environment', async () => {
    const env = { CULVERT_API_KEY: KEY };
    expect(await used({ url: THEIRS, apiKey: 'key-of-file' }, env)).toEqual([THEIRS, 'key-of-file']);
    signIn(THEIRS, MINE);
    expect(await used({ url: THEIRS }, env)).toEqual([THEIRS, 'key-of-sign-in']);
    expect(await used({ url: THEIRS })).toEqual([THEIRS, 'key-of-sign-in']);
  });

  it('is that of the file only for the server of the file', async () => {
    signIn(MINE);
    const file = { url: THEIRS, apiKey: 'key-of-file' };
    expect(await used(file)).toEqual([THEIRS, 'key-of-file']);
    expect(await used(file, { CULVERT_URL: `${THEIRS}/` })).toEqual([THEIRS, 'key-of-file']);
    expect(await used(file, { CULVERT_URL: MINE })).toEqual([MINE, 'key-of-sign-in']);
    expect(await used({ apiKey: 'key-of-file' })).toEqual([MINE, 'key-of-file']);
  });

  it.each(['up', 'down'])('lets "culvert %s" contact no server that only the file names', async (command) => {
    const seen: unknown[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers);
      response.writeHead(401).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const file = join(home, 'culvert.yaml');
    writeFileSync(file, `url: ${url}\nendpoints: { web: { target: 3000 } }\n`);
    mkdirSync(join(home, 'running'));
    const kept = {
      version: 1,
      kind: 'up',
      name: 'shop/web',
      server: url,
      pid: 0,
      startedAt: new Date().toISOString(),
      target: 'localhost:3000',
      url: 'https://heron.example.com',
      previewId: 'p1',
      trafficManagerId: null,
      file,
    };
    writeFileSync(join(home, 'running', 'up-0.json'), JSON.stringify(kept));
    const args = command === 'up' ? [] : ['--remove'];
    const { exitCode, stderr } = await runCommand([command, '--file', file, ...args], {
      env: { CULVERT_CONFIG_DIR: home, CULVERT_API_KEY: KEY },
    });
    server.close();
    expect(stderr).toContain('CULVERT_API_KEY is not sent to');
    expect([exitCode, seen]).toEqual([2, []]);
  });
});
