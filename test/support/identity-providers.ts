/** External sign-in for tests: a real OpenID provider, and a server that implements GitHub's OAuth and API. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

export interface TestProvider {
  /** On 127.0.0.1, a host of its own beside the `localhost` of the app. */
  readonly url: string;
  close(): Promise<void>;
}

export interface OpenIdAccount {
  readonly email: string;
  readonly email_verified: boolean;
  readonly groups?: readonly string[];
}

/** Listens at once; answers once it has its client. */
export interface OpenIdTestProvider extends TestProvider {
  /** People sign in with their name and any password. */
  serve(
    client: { id: string; secret: string; redirectUri: string },
    accounts: Record<string, OpenIdAccount>,
  ): void;
}

export async function listenForOpenId(): Promise<OpenIdTestProvider> {
  const server = http.createServer();
  const base = await listen(server);
  return {
    ...base,
    serve({ id, secret, redirectUri }, accounts) {
      const provider = new Provider(base.url, {
        clients: [{ client_id: id, client_secret: secret, redirect_uris: [redirectUri] }],
        claims: {
          openid: ['sub'],
          email: ['email', 'email_verified'],
          profile: ['name'],
          groups: ['groups'],
        },
        cookies: { keys: [randomBytes(16).toString('hex')] },
        findAccount: (_context: unknown, name: string) => ({
          accountId: name,
          claims: () => ({ sub: name, name: `Name of ${name}`, ...accounts[name] }),
        }),
      });
      const answer = provider.callback();
      server.on('request', (request, response) => void answer(request, response));
    },
  };
}

export interface GithubAccount {
  readonly id: number;
  readonly login: string;
  readonly emails: readonly { email: string; primary: boolean; verified: boolean }[];
  readonly orgs: readonly string[];
}

/** Everyone is `current`. Requires what GitHub requires, and PKCE. */
export interface GithubTestServer extends TestProvider {
  current: GithubAccount;
}

export async function startGithub(
  client: { id: string; secret: string },
  account: GithubAccount,
): Promise<GithubTestServer> {
  const codes = new Map<string, { challenge: string; redirectUri: string; account: GithubAccount }>();
  const tokens = new Map<string, GithubAccount>();
  const server = http.createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  const answer = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://github');
    if (pathname === '/login/oauth/authorize') {
      if (searchParams.get('client_id') !== client.id) return void response.writeHead(404).end();
      const code = randomBytes(10).toString('hex');
      const redirectUri = searchParams.get('redirect_uri') ?? '';
      codes.set(code, {
        challenge: searchParams.get('code_challenge') ?? '',
        redirectUri,
        account: github.current,
      });
      const back = new URL(redirectUri);
      back.searchParams.set('code', code);
      back.searchParams.set('state', searchParams.get('state') ?? '');
      return void response.writeHead(302, { location: back.href }).end();
    }
    if (pathname === '/login/oauth/access_token' && request.method === 'POST') {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      const found = codes.get(form.get('code') ?? '');
      codes.delete(form.get('code') ?? '');
      const challenge = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url');
      const isRight =
        form.get('client_id') === client.id &&
        form.get('client_secret') === client.secret &&
        found?.challenge === challenge &&
        found.redirectUri === form.get('redirect_uri');
      if (!isRight || found === undefined) return json(response, { error: 'bad_verification_code' });
      const token = `gho_${randomBytes(10).toString('hex')}`;
      tokens.set(token, found.account);
      return json(response, { access_token: token, token_type: 'bearer', scope: 'user:email,read:org' });
    }
    const user = tokens.get((request.headers.authorization ?? '').replace('Bearer ', ''));
    if (user === undefined) return void response.writeHead(401).end();
    if (pathname === '/user') return json(response, { id: user.id, login: user.login, name: null });
    if (pathname === '/user/emails') return json(response, user.emails);
    if (pathname === '/user/orgs')
      return json(
        response,
        user.orgs.map((login) => ({ login })),
      );
    response.writeHead(404).end();
  };
  const github: GithubTestServer = { ...(await listen(server)), current: account };
  return github;
}

function json(response: http.ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

async function listen(server: http.Server): Promise<TestProvider> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
