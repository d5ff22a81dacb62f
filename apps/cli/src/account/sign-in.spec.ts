import { type ClientError, createHttpClient, OauthClient } from '@culvert/client';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { HttpClient, type HttpClientOptions } from '@culvert/outbound';
import { ConnectProxy, TestServer } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SignIn } from './sign-in.js';

const http = createHttpClient(undefined);
const never = new AbortController().signal;
const tokenAnswer = (name: string, seconds = 3600) => ({
  access_token: `access-${name}`,
  refresh_token: `refresh-${name}`,
  token_type: 'Bearer',
  expires_in: seconds,
});
const failure = (pending: Promise<unknown>): Promise<ClientError> =>
  pending.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as ClientError,
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
      code: 'refused',
      message: 'you did not let culvert sign in',
    });
  });

  it('ends when the code is refused, and when the person interrupts it', async () => {
    server.always(400, { error: 'invalid_grant', error_description: 'the code is unknown' });
    const { outcome, answer, state } = await begin();
    await answer({ code: 'the-code', state });
    expect(await failure(outcome)).toMatchObject({
      code: 'not_signed_in',
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
  async function failures(url: string, limits: Partial<HttpClientOptions> = {}): Promise<ClientError[]> {
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
    return [await outcome, await failure(new OauthClient(url, client).renew('refresh-1'))];
  }

  function expectAll(errors: readonly ClientError[], message: string, hint: string): void {
    for (const error of errors)
      expect([error.code, error.message, error.hint]).toEqual(['unreachable', message, hint]);
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
