import { mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestServer } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../spec/test-terminal.js';

const NOTE = 'culvert 99.0.0 is available: npm install --global culvert@99.0.0\n';

describe('the update check', () => {
  let server: TestServer;
  let directory: string;
  let asked: number;
  let clientVersion: unknown;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    server = await TestServer.start();
    asked = 0;
    clientVersion = '99.0.0';
    server.answer = ({ path }, response) => {
      const isAboutServer = path === '/api/v1/server';
      if (isAboutServer) asked += 1;
      const body = isAboutServer ? { version: '0.1.0', clientVersion } : { items: [], nextCursor: null };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    await server.close();
  });

  /** Returns what a command prints on stderr. */
  const notesOf = async (env: NodeJS.ProcessEnv = {}, argv: string[] = [], isTTY = true) => {
    const { stderr } = await runCommand([...argv, 'intercepts', 'list'], {
      env: { CULVERT_URL: server.url, CULVERT_API_KEY: 'key-12345', CULVERT_CONFIG_DIR: directory, ...env },
      isTTY,
    });
    return stderr;
  };

  it('notes a newer version on stderr, at most once a day', async () => {
    expect(await notesOf()).toContain(NOTE);
    expect(await notesOf()).not.toContain('available');
    expect(asked).toBe(1);
    const yesterday = Date.now() / 1000 - 25 * 60 * 60;
    utimesSync(join(directory, 'update-check'), yesterday, yesterday);
    expect(await notesOf()).toContain(NOTE);
    expect(asked).toBe(2);
  });

  it.each([['0.0.1'], [null], [undefined], ['99.0.0; rm -rf'], ['\u001b[2J']])(
    'notes nothing when the server recommends %j',
    async (version) => {
      clientVersion = version;
      expect(await notesOf()).not.toContain('available');
      expect(asked).toBe(1);
    },
  );

  it.each([
    ['in CI', { CI: 'true' }, [], true],
    ['when it is turned off', { CULVERT_NO_UPDATE_CHECK: '1' }, [], true],
    ['for programs that read the result', {}, ['--output', 'json'], true],
    ['without a terminal', {}, [], false],
  ])('does not ask the server %s', async (_name, env, argv, isTTY) => {
    expect(await notesOf(env, argv, isTTY)).not.toContain('available');
    expect(asked).toBe(0);
  });

  it('does not fail a command whose server has no answer', async () => {
    const { answer } = server;
    server.answer = (request, response) => {
      if (request.path === '/api/v1/server') response.writeHead(500).end('broken');
      else answer(request, response);
    };
    expect(await notesOf()).toBe('Culvert knows no intercepts of the team.\n');
  });
});
