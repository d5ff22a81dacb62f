/**
 * The cloud-facing half of Telepresence's user daemon, 2.0 to 2.8, as far as a server can observe it: what it sends, what it
 * accepts, and how it handles unexpected responses. Keeps its files in memory.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';

export interface TelepresenceClientOptions {
  /** Version of the client, without `v`: decides what it sends. */
  readonly version: string;
  /** Scheme, host and port of the login domain and of the cloud's host. */
  readonly url: string;
  /** Certificates to trust in addition to the system's authorities. */
  readonly ca?: string;
  readonly clientId?: 'telepresence-cli' | 'docker-desktop';
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Token {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Infinity: no `expires_in` was received. */
  readonly expiresAt: number;
}

/** The OAuth library refreshes this long before the expiry. */
const EXPIRY_DELTA_MS = 10_000;
const USER_INFO_FIELDS = [
  'id',
  'name',
  'avatarUrl',
  'accountId',
  'accountName',
  'accountAvatarUrl',
  'email',
] as const;
export type TelepresenceUserInfo = Partial<Record<(typeof USER_INFO_FIELDS)[number], string>>;

export class TelepresenceClient {
  /** tokens.json. */
  token: Token | null = null;
  /** user-info.json. */
  userInfo: TelepresenceUserInfo | null = null;
  /** apikeys.json: key by description; the key of `login --apikey` has an empty one. */
  readonly apiKeys = new Map<string, string>();
  /** Number of requests to the token endpoint so far. */
  tokenRequests = 0;
  /** How the client's credentials are sent; determined by trying. */
  private clientStyle: 'basic' | 'body' | null = null;

  constructor(private readonly options: TelepresenceClientOptions) {}

  private get clientId(): string {
    return this.options.clientId ?? 'telepresence-cli';
  }

  /** Reports whether the version is this one or later. */
  private since(version: string): boolean {
    const [mine, theirs] = [this.options.version, version].map((text) => text.split('.').map(Number));
    for (let i = 0; i < 3; i++) {
      const difference = (mine?.[i] ?? 0) - (theirs?.[i] ?? 0);
      if (difference !== 0) return difference > 0;
    }
    return true;
  }

  /** `telepresence login`. `openBrowser` receives the URL and need not wait for the end of the flow. */
  async login(openBrowser: (url: string) => void): Promise<void> {
    const verifier = randomBytes(32).toString('base64url');
    const callback = await CallbackServer.start(this.options);
    try {
      const query = new URLSearchParams({
        client_id: this.clientId,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        redirect_uri: callback.redirectUri,
        response_type: 'code',
        scope: 'openid profile email',
        state: randomUUID(),
      });
      openBrowser(`${this.options.url}/auth?${query.toString()}`);
      const { code, error, description } = await callback.received;
      if (error !== '') throw new Error(`${error} error returned on OAuth2 callback: ${description}`);
      await this.exchange(code, callback.redirectUri, verifier);
      await this.retrieveUserInfo({ authorization: `Bearer ${this.token?.accessToken}` }).catch(
        (failure: unknown) => {
          if (this.since('2.3.7')) throw failure;
        },
      );
    } finally {
      await callback.stop();
    }
  }

  /** The part of `login` after the callback. */
  async exchange(code: string, redirectUri: string, verifier: string): Promise<void> {
    await this.retrieveToken({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    });
  }

  /** `telepresence login --apikey`, 2.3.7 and later. */
  async loginWithApiKey(key: string): Promise<void> {
    await this.retrieveUserInfo({ 'x-ambassador-api-key': key });
    this.apiKeys.clear();
    this.apiKeys.set('', key);
  }

  logout(): void {
    this.token = null;
    this.userInfo = null;
    this.apiKeys.clear();
  }

  /** Returns the access token, refreshed if it is about to expire. */
  async accessToken(): Promise<string> {
    if (this.token === null) throw new Error('not logged in');
    if (this.token.expiresAt - EXPIRY_DELTA_MS < this.now()) {
      const { refreshToken } = this.token;
      await this.retrieveToken({ grant_type: 'refresh_token', refresh_token: refreshToken });
    }
    return this.token.accessToken;
  }

  /** Returns the key of one component, from the cache or else from the cloud. */
  async apiKey(part: 'workstation' | 'traffic-manager' | 'agent-http'): Promise<string> {
    const old = { workstation: 'laptop', 'traffic-manager': 'manager', 'agent-http': 'agent-http' };
    const description = this.since('2.3.7') ? `telepresence:${part}` : old[part];
    const cached = this.apiKeys.get(description);
    if (cached !== undefined) return cached;
    const content = this.since('2.3.7') ? { description } : { body: { description } };
    const { status, headers, body } = await this.request('POST', '/sso/api/apikeys', {
      headers: { 'content-type': 'application/json', ...(await this.credentials()) },
      body: JSON.stringify(content),
    });
    const type = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
    if (type !== 'application/json') throw new Error(`http ${status}: response body is not json: "${type}"`);
    const answer = JSON.parse(body.toString()) as Record<string, unknown>;
    for (const field of [
      'id',
      'accountId',
      'creatorUserId',
      'creationDate',
      'description',
      'key',
      'message',
    ]) {
      if (answer[field] !== undefined && typeof answer[field] !== 'string')
        throw new Error(`${field} is not text`);
    }
    const { message, key = '' } = answer as { message?: string; key?: string };
    if (message !== undefined) throw new Error(`http ${status}: ${message}`);
    this.apiKeys.set(description, key);
    return key;
  }

  /** `telepresence status` and other commands that ask again. */
  async refreshUserInfo(): Promise<TelepresenceUserInfo | null> {
    await this.retrieveUserInfo(await this.credentials());
    return this.userInfo;
  }

  /** The enhanced user daemon, without which 2.5.0 to 2.8.5 do not sign in. */
  async downloadEnhancedDaemon(system: string, architecture: string): Promise<Buffer> {
    const name = system === 'windows' ? 'telepresence-pro.exe' : 'telepresence-pro';
    const path = `/download/tel-pro/${system}/${architecture}/${this.options.version}/latest/${name}`;
    const { status, body } = await this.request('GET', path);
    if (status !== 200) throw new Error(`unable to download the enhanced free client: ${status}`);
    return body;
  }

  async license(id: string): Promise<string> {
    const { status, headers, body } = await this.request('GET', `/api/licenses/${id}/formats/jwt`, {
      headers: { authorization: `Bearer ${await this.accessToken()}` },
    });
    if (status === 404 || status === 500) throw new Error(`no licence: ${status}`);
    if (!(headers['content-type'] ?? '').startsWith('text/plain')) throw new Error('not a license');
    if (body.length === 0) throw new Error('an empty license');
    return body.toString();
  }

  request(
    method: string,
    path: string,
    options: { readonly headers?: Record<string, string>; readonly body?: string } = {},
  ): Promise<Answer> {
    const { url, ca } = this.options;
    const { body = '', headers = {} } = options;
    return new Promise((resolve, reject) => {
      const target = new URL(path, url);
      const sent = (target.protocol === 'https:' ? https : http).request(
        target,
        {
          method,
          ...(ca === undefined ? {} : { ca }),
          headers: { ...headers, ...(body === '' ? {} : { 'content-length': Buffer.byteLength(body) }) },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(chunks),
            }),
          );
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  private now(): number {
    return this.options.now?.() ?? Date.now();
  }

  private async credentials(): Promise<Record<string, string>> {
    const root = this.apiKeys.get('');
    if (root !== undefined) return { 'x-ambassador-api-key': root };
    return { authorization: `Bearer ${await this.accessToken()}` };
  }

  /** Tries HTTP Basic for the client first, then the body, and keeps to what worked. */
  private async retrieveToken(form: Record<string, string>): Promise<void> {
    const style = this.clientStyle ?? 'basic';
    try {
      this.keep(await this.requestToken(form, style));
      this.clientStyle = style;
    } catch (error) {
      if (this.clientStyle !== null) throw this.forgetIfRefused(form, error);
      try {
        this.keep(await this.requestToken(form, 'body'));
        this.clientStyle = 'body';
      } catch (second) {
        throw this.forgetIfRefused(form, second);
      }
    }
  }

  private async requestToken(form: Record<string, string>, style: 'basic' | 'body'): Promise<Answer> {
    this.tokenRequests++;
    const credentials = Buffer.from(`${encodeURIComponent(this.clientId)}:`).toString('base64');
    const answer = await this.request('POST', '/token', {
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(style === 'basic' ? { authorization: `Basic ${credentials}` } : {}),
      },
      body: new URLSearchParams(style === 'basic' ? form : { ...form, client_id: this.clientId }).toString(),
    });
    if (answer.status < 200 || answer.status > 299) throw new TokenRefusal(answer);
    return answer;
  }

  private keep({ body, headers }: Answer): void {
    if (!(headers['content-type'] ?? '').startsWith('application/json')) throw new Error('not JSON');
    const answer = JSON.parse(body.toString()) as Record<string, unknown>;
    const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresIn } = answer;
    if (typeof accessToken !== 'string' || accessToken === '') throw new Error('no access_token');
    this.token = {
      accessToken,
      refreshToken: typeof refreshToken === 'string' ? refreshToken : (this.token?.refreshToken ?? ''),
      expiresAt: expiresIn === undefined ? Infinity : this.now() + Number(expiresIn) * 1000,
    };
  }

  /** To 2.2.1 and later, a 4xx on refresh means that the login has ended. */
  private forgetIfRefused(form: Record<string, string>, error: unknown): unknown {
    const isRefusal = error instanceof TokenRefusal && Math.floor(error.answer.status / 100) === 4;
    if (isRefusal && form['grant_type'] === 'refresh_token' && this.since('2.2.1')) this.token = null;
    return error;
  }

  private async retrieveUserInfo(credentials: Record<string, string>): Promise<void> {
    const { status, body } = await this.request('GET', '/api/userinfo', { headers: credentials });
    if (status === 401 || status === 403) throw new Error(`permission denied: ${status}`);
    if (status !== 200) throw new Error(`unexpected status ${status} from user info endpoint`);
    const answer = JSON.parse(body.toString()) as Record<string, unknown>;
    for (const field of USER_INFO_FIELDS) {
      if (answer[field] !== undefined && typeof answer[field] !== 'string')
        throw new Error(`${field} is not text`);
    }
    this.userInfo = answer;
  }
}

/** The token endpoint's response when it is not tokens. */
export class TokenRefusal extends Error {
  constructor(readonly answer: Answer) {
    super(`oauth2: cannot fetch token: ${answer.status} ${answer.body.toString()}`);
  }
}

interface Callback {
  readonly code: string;
  readonly error: string;
  readonly description: string;
}

/** The listener on the person's machine while they are in the browser. */
class CallbackServer {
  private constructor(
    private readonly server: http.Server,
    readonly redirectUri: string,
    readonly received: Promise<Callback>,
  ) {}

  static async start({ url, clientId }: TelepresenceClientOptions): Promise<CallbackServer> {
    const completion = new URL('/completion', url);
    if (clientId === 'docker-desktop') completion.searchParams.set('client', clientId);
    const server = http.createServer();
    const received = new Promise<Callback>((resolve) => {
      server.on('request', (request, response) => {
        const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
        if (pathname !== '/callback') {
          response.writeHead(404).end();
          return;
        }
        const [code, error, description] = ['code', 'error', 'error_description'].map(
          (name) => searchParams.get(name) ?? '',
        ) as [string, string, string];
        const isSuccess = error === '' && code !== '';
        response.writeHead(isSuccess ? 307 : 500, {
          'content-type': 'text/html',
          connection: 'close',
          ...(isSuccess ? { location: completion.href } : {}),
        });
        response.once('close', () => resolve({ code, error, description }));
        response.end(`<h1>Authentication ${isSuccess ? 'Successful' : 'Error'}</h1>`);
      });
    });
    server.listen(0);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return new CallbackServer(server, `http://localhost:${port}/callback`, received);
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    // The answer has been sent. Node does not count connections as idle that browsers opened in advance, without a request.
    this.server.closeAllConnections();
    await closed;
  }
}
