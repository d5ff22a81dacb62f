import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type ClientError, createHttpClient, CredentialFile } from '@culvert/client';
import { ProblemError, toProblem } from '@culvert/contract';
import { TestServer } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CliError } from '../cli-error.js';
import { runCulvert } from '../command.js';
import { EXIT } from '../exit-code.js';
import { runCommand, TestStream } from '../spec/test-terminal.js';
import { DeviceSignIn } from './device-sign-in.js';

const never = new AbortController().signal;
/** Seconds: short, so that the tests are fast. */
const INTERVAL = 0.02;

type Answer = readonly [status: number, body: object];
const pending: Answer = [400, { error: 'authorization_pending' }];
const issued: Answer = [
  200,
  { access_token: 'access-1', refresh_token: 'refresh-1', token_type: 'Bearer', expires_in: 3600 },
];
const refused = (error: string): Answer => [400, { error, error_description: 'because' }];

const UNAUTHENTICATED = toProblem(new ProblemError('unauthenticated'), '1');

describe('signing in on a machine without a browser', () => {
  let server: TestServer;
  let directory: string;
  /** Answers to the polls; the last one repeats. */
  let polls: Answer[];
  let codes: object;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    server = await TestServer.start();
    codes = {
      device_code: 'cvtd_secret',
      user_code: 'WDJB-MJHT',
      verification_uri: `${server.url}/device`,
      verification_uri_complete: `${server.url}/device?user_code=WDJB-MJHT`,
      expires_in: 600,
      interval: INTERVAL,
    };
    polls = [issued];
    server.answer = ({ path, authorization }, response) => {
      const [status, body] = answerTo(path, authorization);
      const type =
        path.startsWith('/api/') && status !== 200 ? 'application/problem+json' : 'application/json';
      response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body));
    };
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    await server.close();
  });

  function answerTo(path: string, authorization: string | undefined): Answer {
    if (path === '/device_authorization') return [200, codes];
    if (path === '/token') return (polls.length > 1 ? polls.shift() : polls[0]) ?? pending;
    if (path === '/api/v1/me' && authorization === 'Bearer access-1') {
      const user = { id: '1', email: 'ada@example.test', name: '' };
      const team = { id: '2', name: 'Shop' };
      return [200, { user, team, apiKey: null, role: 'owner', scopes: [], teams: [], mayCreateTeam: false }];
    }
    return [401, UNAUTHENTICATED];
  }

  const bodies = (path: string) =>
    server.seen
      .filter((seen) => seen.path === path)
      .map(({ body }) => Object.fromEntries(new URLSearchParams(body)));
  const login = (args: readonly string[], options: { isTTY?: boolean; env?: NodeJS.ProcessEnv } = {}) =>
    runCommand(['login', '--url', server.url, ...args], {
      ...options,
      env: { CULVERT_CONFIG_DIR: directory, NO_COLOR: '1', ...options.env },
    });
  /** Signs in over SSH until stderr contains `pattern`, and then interrupts it. Resolves with stderr. */
  const untilPrinted = async (pattern: RegExp, args: readonly string[]): Promise<string> => {
    const interruption = new AbortController();
    const [stdout, stderr] = [new TestStream(), new TestStream()];
    const run = runCulvert(['login', '--url', server.url, ...args], {
      env: { CULVERT_CONFIG_DIR: directory, SSH_CONNECTION: 'x' },
      stdin: new PassThrough().end(),
      stdout,
      stderr,
      signal: interruption.signal,
    });
    await expect.poll(() => stderr.text, { timeout: 10_000 }).toMatch(pattern);
    interruption.abort(new CliError(EXIT.interrupted, 'interrupted'));
    expect(await run).toBe(EXIT.interrupted);
    return stderr.text;
  };
  const stored = () => new CredentialFile(directory).find(server.url);
  const waitFor = async (signal: AbortSignal = never, onOutage = (): void => {}) => {
    const device = new DeviceSignIn(server.url, createHttpClient(undefined));
    const begun = await device.begin('build-7', signal);
    if (begun === null) throw new Error('no codes');
    return device.wait(begun, signal, onOutage);
  };
  const failure = (waiting: Promise<unknown>): Promise<ClientError> =>
    waiting.then(
      () => Promise.reject(new Error('it did not fail')),
      (error: unknown) => error as ClientError,
    );

  it('shows where to enter which code, waits for the person, and stores the sign-in', async () => {
    polls = [pending, pending, issued];
    const { exitCode, stdout, stderr } = await login(['--device']);
    expect([exitCode, stdout]).toEqual([
      EXIT.ok,
      `Signed in at ${server.url} as ada@example.test, team Shop.\n`,
    ]);
    expect(stderr).toContain(`  ${server.url}/device\n`);
    expect(stderr).toContain('  WDJB-MJHT\n');
    expect(stderr).toContain('works for 10 minutes');
    expect(stderr).not.toMatch(/[▀▄█]|cvtd_/);
    expect(stored()).toMatchObject({ kind: 'tokens', accessToken: 'access-1', refreshToken: 'refresh-1' });
    expect(bodies('/token')).toEqual(
      [1, 2, 3].map(() => ({
        client_id: 'culvert',
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        device_code: 'cvtd_secret',
      })),
    );
  });

  it('draws a QR code beside the result, for a person at a terminal only', async () => {
    const { stdout, stderr } = await login(['--device'], { isTTY: true });
    expect(stderr).toMatch(/[▀▄█]{10}/);
    expect(stdout).not.toMatch(/[▀▄█]/);
    const asJson = await login(['--device', '--output', 'json'], { isTTY: true });
    expect(asJson.stderr).not.toMatch(/[▀▄█]/);
    expect(JSON.parse(asJson.stdout)).toMatchObject({ user: { email: 'ada@example.test' } });
  });

  it.each([
    ['over SSH', { SSH_CONNECTION: '192.0.2.1 1 192.0.2.2 22', DISPLAY: ':0' }],
    ['in continuous integration', { CI: 'true', DISPLAY: ':0' }],
  ])('is chosen %s', async (_where, env) => {
    expect((await login([], { env })).exitCode).toBe(EXIT.ok);
    expect(bodies('/device_authorization')).toHaveLength(1);
  });

  it('is not chosen when the person asks for a URL or a key', async () => {
    await untilPrinted(/\/auth\?/, ['--no-browser']);
    expect(bodies('/device_authorization')).toEqual([]);
    const both = await login(['--device', '--apikey', '-']);
    expect([both.exitCode, both.stderr]).toEqual([
      EXIT.usage,
      expect.stringContaining("'--device' cannot be used with option '--apikey <key>'"),
    ]);
  });

  it('names the machine, with nothing that the server would refuse', async () => {
    const device = new DeviceSignIn(server.url, createHttpClient(undefined));
    for (const name of ['build-7.example', 'Ann’s Mac', '__x', '', 'x'.repeat(100)])
      await device.begin(name, never);
    expect(bodies('/device_authorization')).toEqual([
      { client_id: 'culvert', device_name: 'build-7.example' },
      { client_id: 'culvert', device_name: 'Ann-s-Mac' },
      { client_id: 'culvert', device_name: 'x' },
      { client_id: 'culvert' },
      { client_id: 'culvert', device_name: 'x'.repeat(64) },
    ]);
    await login(['--device']);
    expect(bodies('/device_authorization').at(-1)?.['device_name']).toBe(hostname());
  });

  it.each([
    ['refuses', 'access_denied', EXIT.refused, 'you did not let culvert sign in'],
    ['enters nothing in time', 'expired_token', EXIT.localTarget, 'no one entered the code in time'],
    ['enters a code that is then used twice', 'invalid_grant', EXIT.notSignedIn, 'refused: because'],
  ])('ends, and stores nothing, when the person %s', async (_what, error, code, message) => {
    polls = [pending, refused(error)];
    const { exitCode, stdout, stderr } = await login(['--device']);
    expect([exitCode, stdout, stderr]).toEqual([code, '', expect.stringContaining(message)]);
    expect(stored()).toBeNull();
  });

  it('ends at once when the person interrupts it', async () => {
    const interruption = new AbortController();
    codes = { ...codes, interval: 600 };
    const waiting = failure(waitFor(interruption.signal));
    await expect.poll(() => bodies('/device_authorization')).toHaveLength(1);
    interruption.abort(new CliError(EXIT.interrupted, 'interrupted'));
    expect((await waiting).message).toBe('interrupted');
  });

  it('polls less often when the server asks for it', async () => {
    polls = [refused('slow_down'), pending];
    const interruption = new AbortController();
    const waiting = failure(waitFor(interruption.signal));
    await expect.poll(() => bodies('/token')).toHaveLength(1);
    // Without the longer interval, ten more polls would have come by then.
    await new Promise((resolve) => setTimeout(resolve, 10 * INTERVAL * 1000));
    expect(bodies('/token')).toHaveLength(1);
    interruption.abort(new Error('enough'));
    await waiting;
  });

  it('survives an outage of the server, which it reports once', async () => {
    const broken: Answer = [503, { error: 'server_error' }];
    polls = [broken, broken, pending, broken, issued];
    let outages = 0;
    expect(await waitFor(never, () => outages++)).toMatchObject({ accessToken: 'access-1' });
    expect(outages).toBe(2);
  });

  it('says that the server is away when the code expires meanwhile', async () => {
    codes = { ...codes, expires_in: 0.1 };
    polls = [[503, { error: 'server_error' }]];
    expect(await failure(waitFor())).toMatchObject({
      code: 'unreachable',
      message: `${server.url} answers with HTTP 503`,
    });
  });

  it('ends when the code expires, also if the server never says so', async () => {
    codes = { ...codes, expires_in: 0.1 };
    polls = [pending];
    expect(await failure(waitFor())).toMatchObject({
      code: 'local',
      message: 'no one entered the code in time',
    });
  });

  describe('at a server of a version without codes', () => {
    beforeEach(() => {
      const { answer } = server;
      server.answer = (seen, response) => {
        if (seen.path !== '/device_authorization') answer(seen, response);
        else
          response
            .writeHead(404, { 'content-type': 'application/problem+json' })
            .end(JSON.stringify({ code: 'route_not_found', title: 'Not found', status: 404 }));
      };
    });

    it('says so when the person asked for a code', async () => {
      const { exitCode, stderr } = await login(['--device']);
      expect([exitCode, stderr]).toEqual([
        EXIT.failure,
        `culvert: ${server.url} is too old to sign in by a code\n  Sign in with an API key: culvert login --apikey -\n`,
      ]);
    });

    it('prints the URL of the usual sign-in otherwise', async () => {
      const stderr = await untilPrinted(/\/auth\?/, []);
      expect(bodies('/device_authorization')).toHaveLength(1);
      expect(stderr).toContain('sign in with a key: culvert login --apikey -');
    });
  });
});
