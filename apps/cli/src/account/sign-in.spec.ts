import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HttpClient, type HttpClientOptions } from '@culvert/outbound';
import { ConnectProxy, TestServer } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import { createHttpClient } from '../http.js';
import { createBearer } from '../settings/bearer.js';
import { CredentialFile, type StoredTokens } from '../settings/credential-file.js';
import { readSettings } from '../settings/settings.js';
import { SignIn } from './sign-in.js';

const http = createHttpClient(undefined);
const never = new AbortController().signal;
const tokenAnswer = (name: string, seconds = 3600) => ({
  access_token: `access-${name}`,
  refresh_token: `refresh-${name}`,
  token_type: 'Bearer',
  expires_in: seconds,
});
const failure = (pending: Promise<unknown>): Promise<CliError> =>
  pending.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as CliError,
  );

describe('signing in', () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await TestServer.start();
  });
  afterEach(() => server.close());

  /** Starts a sign-in. Resolves with the URL for the browser and the outcome. */
  async function begin(signal = never) {
    let show!: (address: URL) => void;
    const shown = new Promise<URL>((resolve) => (show = resolve));
    const outcome = new SignIn(server.url, http).withBrowser((address) => show(new URL(address)), signal);
    outcome.catch(() => {});
    const asked = await shown;
    const redirectUri = asked.searchParams.get('redirect_uri') ?? '';
    const answer = (query: Record<string, string>, path = '/callback') =>
      fetch(`${new URL(redirectUri).origin}${path}?${new URLSearchParams(query).toString()}`, {
        redirect: 'manual',
      });
    return { asked, outcome, answer, redirectUri, state: asked.searchParams.get('state') ?? '' };
  }

  it('asks with PKCE for a redirect to this machine, and exchanges the code', async () => {
    server.always(200, tokenAnswer('1'));
    const { asked, outcome, answer, state, redirectUri } = await begin();
    expect(asked.origin + asked.pathname).toBe(`${server.url}/auth`);
    expect(Object.fromEntries(asked.searchParams)).toMatchObject({
      client_id: 'culvert',
      response_type: 'code',
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      redirect_uri: expect.stringMatching(/^http:\/\/localhost:\d+\/callback$/),
    });
    const shown = await answer({ code: 'the-code', state });
    expect([shown.status, shown.headers.get('location')]).toEqual([303, `${server.url}/completion`]);
    expect(await outcome).toMatchObject({
      kind: 'tokens',
      accessToken: 'access-1',
      refreshToken: 'refresh-1',
    });
    const form = new URLSearchParams(server.seen[0]?.body);
    expect(Object.fromEntries(form)).toMatchObject({
      grant_type: 'authorization_code',
      code: 'the-code',
      client_id: 'culvert',
      redirect_uri: redirectUri,
      code_verifier: expect.stringMatching(/^[\w-]{43}$/),
    });
    await expect(answer({ code: 'again', state })).rejects.toThrow('fetch failed');
  });

  it('keeps waiting when a page other than Culvert’s makes the browser call back', async () => {
    server.always(200, tokenAnswer('1'));
    const { outcome, answer, state } = await begin();
    expect((await answer({ code: 'planted', state: 'guessed' })).status).toBe(400);
    expect((await answer({ code: 'planted' })).status).toBe(400);
    expect((await answer({ code: 'planted', state }, '/other')).status).toBe(404);
    expect(server.seen).toEqual([]);
    await answer({ code: 'the-code', state });
    expect((await outcome).accessToken).toBe('access-1');
  });

  it('ends when the person does not agree', async () => {
    const { outcome, answer, state } = await begin();
    await answer({ error: 'access_denied', error_description: 'the person did not agree', state });
    expect(await failure(outcome)).toMatchObject({
      exitCode: EXIT.refused,
      message: 'you did not let culvert sign in',
    });
  });

  it('ends when the code is refused, and when the person interrupts it', async () => {
    server.always(400, { error: 'invalid_grant', error_description: 'the code is unknown' });
    const { outcome, answer, state } = await begin();
    await answer({ code: 'the-code', state });
    expect(await failure(outcome)).toMatchObject({
      exitCode: EXIT.notSignedIn,
      message: expect.stringContaining('the code is unknown'),
    });
    const interruption = new AbortController();
    const interrupted = await begin(interruption.signal);
    interruption.abort(new Error('interrupted'));
    expect((await failure(interrupted.outcome)).message).toBe('interrupted');
  });
});

describe('signing in, and renewing tokens, when Culvert cannot be reached', () => {
  // openid-client wraps the errors of the HTTP client: people read "something went wrong".
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
    vi.unstubAllEnvs();
  });

  /** A server that accepts connections and never sends a byte. */
  async function startSilentServer(): Promise<number> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => void sockets.push(socket.on('error', () => {})));
    server.listen(0, 'localhost');
    await once(server, 'listening');
    closers.push(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return (server.address() as AddressInfo).port;
  }

  async function startProxy(status: number): Promise<ConnectProxy> {
    const proxy = await ConnectProxy.start();
    proxy.status = status;
    closers.push(() => void proxy.stop().catch(() => {}));
    vi.stubEnv('HTTPS_PROXY', proxy.url);
    vi.stubEnv('NO_PROXY', '');
    return proxy;
  }

  /** Signs in, and renews, over a client with short limits. */
  async function failures(url: string, limits: Partial<HttpClientOptions> = {}): Promise<CliError[]> {
    const client = new HttpClient({
      connectTimeoutMs: 10_000,
      timeoutMs: 10_000,
      maxResponseBytes: 1000,
      allowPrivateAddresses: true,
      ...limits,
    });
    closers.push(() => client.close());
    const signIn = new SignIn(url, client);
    let show!: (address: URL) => void;
    const shown = new Promise<URL>((resolve) => (show = resolve));
    const outcome = failure(signIn.withBrowser((address) => show(new URL(address)), never));
    const { searchParams } = await shown;
    const callback = new URL(searchParams.get('redirect_uri') ?? '');
    callback.search = new URLSearchParams({
      code: 'the-code',
      state: searchParams.get('state') ?? '',
    }).toString();
    await fetch(callback, { redirect: 'manual' });
    return [await outcome, await failure(signIn.renew('refresh-1'))];
  }

  function expectAll(errors: readonly CliError[], message: string, hint: string): void {
    for (const error of errors)
      expect([error.exitCode, error.message, error.hint]).toEqual([EXIT.unreachable, message, hint]);
  }

  it.each([
    ['connection', 'https', { connectTimeoutMs: 100 }],
    ['response', 'http', { timeoutMs: 100 }],
  ] as const)('says that no %s came in time', async (_what, scheme, limits) => {
    const url = `${scheme}://localhost:${await startSilentServer()}`;
    expectAll(
      await failures(url, limits),
      `${url} does not answer in time`,
      'Check the URL, or try again later.',
    );
  });

  it.each([407, 502])('names the proxy that answers %i', async (status) => {
    await startProxy(status);
    const url = 'https://culvert.example';
    expectAll(
      await failures(url),
      `${url} cannot be reached: the proxy answered ${status} to CONNECT`,
      'Check the proxy in HTTPS_PROXY or HTTP_PROXY.',
    );
  });

  it('names the proxy that is not there', async () => {
    await (await startProxy(200)).stop();
    const url = 'https://culvert.example';
    for (const { message, hint } of await failures(url)) {
      expect(message).toContain(
        `${url} cannot be reached: ${url}: the proxy cannot be reached: connect ECONNREFUSED`,
      );
      expect(hint).toBe('Check the proxy in HTTPS_PROXY or HTTP_PROXY.');
    }
  });
});

describe('stored tokens', () => {
  let server: TestServer;
  let directory: string;
  let file: CredentialFile;
  const stored = (name: string, leftMs: number): StoredTokens => ({
    kind: 'tokens',
    accessToken: `access-${name}`,
    refreshToken: `refresh-${name}`,
    expiresAt: new Date(Date.now() + leftMs).toISOString(),
  });
  const bearer = () => createBearer(readSettings({}, { CULVERT_CONFIG_DIR: directory }), http);
  beforeEach(async () => {
    server = await TestServer.start();
    directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    file = new CredentialFile(directory);
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    await server.close();
  });

  it('are used while they are good', async () => {
    await file.store(server.url, stored('1', 3_600_000));
    expect(await bearer().secret()).toBe('access-1');
    expect(server.seen).toEqual([]);
  });

  it('are renewed before they expire, once for all waiting calls, and stored', async () => {
    await file.store(server.url, stored('1', 30_000));
    server.always(200, tokenAnswer('2'));
    const one = bearer();
    expect(await Promise.all([one.secret(), one.secret()])).toEqual(['access-2', 'access-2']);
    expect(server.seen).toHaveLength(1);
    expect(Object.fromEntries(new URLSearchParams(server.seen[0]?.body))).toEqual({
      client_id: 'culvert',
      grant_type: 'refresh_token',
      refresh_token: 'refresh-1',
    });
    expect(file.find(server.url)).toMatchObject({ refreshToken: 'refresh-2' });
    expect(await bearer().secret()).toBe('access-2');
  });

  it('are renewed when the server refuses them before they expire', async () => {
    await file.store(server.url, stored('1', 3_600_000));
    server.always(200, tokenAnswer('2'));
    const one = bearer();
    expect(await one.renew('access-1')).toBe(true);
    expect(await one.secret()).toBe('access-2');
    // Tokens that another process already renewed are not renewed again.
    expect(await one.renew('access-1')).toBe(true);
    expect(server.seen).toHaveLength(1);
  });

  it('are taken from another process that renewed them first', async () => {
    await file.store(server.url, stored('1', 0));
    server.answer = (_seen, response) => {
      void file.store(server.url, stored('quick', 3_600_000)).then(() => {
        response.writeHead(400, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ error: 'invalid_grant' }));
      });
    };
    expect(await bearer().secret()).toBe('access-quick');
  });

  it('report that the sign-in has ended, and survive a server that is unreachable', async () => {
    await file.store(server.url, stored('1', 0));
    server.always(503, { error: 'server_error' });
    expect((await failure(bearer().secret())).exitCode).toBe(EXIT.unreachable);
    server.always(400, { error: 'invalid_grant' });
    expect(await failure(bearer().secret())).toMatchObject({
      exitCode: EXIT.notSignedIn,
      message: `the sign-in at ${server.url} has ended`,
      hint: 'Run "culvert login".',
    });
    expect(file.find(server.url)).not.toBeNull();
  });

  it('are sent only to their own server', async () => {
    await file.store('https://other.example', stored('1', 3_600_000));
    await file.store(server.url, stored('2', 3_600_000));
    const settings = readSettings({ url: 'third.example' }, { CULVERT_CONFIG_DIR: directory });
    expect(() => createBearer(settings, http)).toThrow('you are not signed in at https://third.example');
  });
});
