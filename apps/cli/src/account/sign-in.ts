/** Signing in through a browser: authorization code with PKCE, and a redirect to this machine (RFC 8252). */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { asFetch, type HttpClient } from '@culvert/outbound';
import * as oauth from 'openid-client';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import { unreachable } from '../http.js';
import type { StoredTokens } from '../settings/credential-file.js';

/** As Culvert knows this program (apps/api/src/people/programs/known-programs.ts). */
const CLIENT_ID = 'culvert';
const CALLBACK = '/callback';
/** How long a person may take: to find their password, or the person who has it. */
const CONSENT_TIMEOUT_MS = 10 * 60_000;
const TOKEN_TIMEOUT_SECONDS = 30;

export class SignIn {
  private readonly config: oauth.Configuration;

  constructor(
    private readonly url: string,
    http: HttpClient,
  ) {
    const server = {
      issuer: url,
      authorization_endpoint: `${url}/auth`,
      token_endpoint: `${url}/token`,
      revocation_endpoint: `${url}/revoke`,
    };
    this.config = new oauth.Configuration(server, CLIENT_ID, undefined, oauth.None());
    this.config[oauth.customFetch] = asFetch(http);
    this.config.timeout = TOKEN_TIMEOUT_SECONDS;
    // Whether plain http is acceptable is for whoever named the address.
    // oxlint-disable-next-line typescript/no-deprecated -- marked so only to make it stand out
    if (url.startsWith('http:')) oauth.allowInsecureRequests(this.config);
  }

  /**
   * Waits for a person to agree in their browser.
   * @param show is given the address to open
   * @throws CliError
   */
  async withBrowser(show: (address: string) => void, signal: AbortSignal): Promise<StoredTokens> {
    const verifier = oauth.randomPKCECodeVerifier();
    const state = oauth.randomState();
    const callback = await CallbackServer.start(state, `${this.url}/completion`);
    try {
      const address = oauth.buildAuthorizationUrl(this.config, {
        redirect_uri: callback.redirectUri,
        response_type: 'code',
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state,
      });
      show(address.href);
      const answer = await callback.answer(
        AbortSignal.any([signal, AbortSignal.timeout(CONSENT_TIMEOUT_MS)]),
      );
      const checks = { pkceCodeVerifier: verifier, expectedState: state };
      return toStored(await oauth.authorizationCodeGrant(this.config, answer, checks));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw this.explain(error);
    } finally {
      callback.close();
    }
  }

  /** New tokens; null when the sign-in has ended. @throws CliError */
  async renew(refreshToken: string): Promise<StoredTokens | null> {
    try {
      return toStored(await oauth.refreshTokenGrant(this.config, refreshToken));
    } catch (error) {
      if (error instanceof oauth.ResponseBodyError && error.error === 'invalid_grant') return null;
      throw this.explain(error);
    }
  }

  /** Ends the sign-in at the server, with all its tokens. @throws CliError */
  async revoke(refreshToken: string): Promise<void> {
    try {
      await oauth.tokenRevocation(this.config, refreshToken);
    } catch (error) {
      throw this.explain(error);
    }
  }

  private explain(error: unknown): CliError {
    if (error instanceof CliError) return error;
    if (error instanceof oauth.AuthorizationResponseError) {
      return error.error === 'access_denied'
        ? new CliError(EXIT.refused, 'you did not let culvert sign in', { cause: error })
        : new CliError(EXIT.failure, `the sign-in was refused: ${error.error_description ?? error.error}`, {
            cause: error,
          });
    }
    if (error instanceof oauth.ResponseBodyError) {
      const text = error.error_description ?? error.error;
      const isPassing = error.status >= 500;
      return new CliError(isPassing ? EXIT.unreachable : EXIT.notSignedIn, `${this.url} refused: ${text}`, {
        hint: isPassing ? 'Try again in a minute.' : 'Run "culvert login" again.',
        cause: error,
      });
    }
    const { code } = error as { code?: string };
    if (
      error instanceof Error &&
      (error.name === 'TimeoutError' || code === undefined || code === 'OAUTH_TIMEOUT')
    )
      return unreachable(this.url, error);
    return new CliError(EXIT.unreachable, `${this.url} does not answer as Culvert does`, {
      hint: 'Check that this is the address of Culvert.',
      cause: error,
    });
  }
}

function toStored(response: oauth.TokenEndpointResponse): StoredTokens {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds = 0 } = response;
  if (refreshToken === undefined) {
    throw new CliError(EXIT.unreachable, 'Culvert gave no refresh token', {
      hint: 'Run "culvert login" again.',
    });
  }
  const expiresAt = new Date(Date.now() + seconds * 1000).toISOString();
  return { kind: 'tokens', accessToken, refreshToken, expiresAt };
}

/** Where the browser brings the answer: one port of this machine, for one answer. */
class CallbackServer {
  private accept!: (answer: URL) => void;
  private readonly answered = new Promise<URL>((resolve) => (this.accept = resolve));

  private constructor(
    readonly redirectUri: string,
    private readonly servers: readonly Server[],
  ) {}

  /** @param completionUrl where the browser goes in the end */
  static async start(state: string, completionUrl: string): Promise<CallbackServer> {
    let callback: CallbackServer | undefined;
    const handle = (request: IncomingMessage, response: ServerResponse): void =>
      callback?.handle(request, response, state, completionUrl);
    const first = await listen(createServer(handle), '127.0.0.1', 0);
    const { port } = first.address() as AddressInfo;
    // Browsers may take `localhost` for either.
    const second = await listen(createServer(handle), '::1', port).catch(() => null);
    const servers = second === null ? [first] : [first, second];
    return (callback = new CallbackServer(`http://localhost:${port}${CALLBACK}`, servers));
  }

  /** Rejects with a CliError when it takes too long. */
  async answer(signal: AbortSignal): Promise<URL> {
    const given = new AbortController();
    try {
      const aborted = once(signal, 'abort', { signal: given.signal });
      const answer = await Promise.race([this.answered, aborted.then(() => null)]);
      if (answer !== null) return answer;
    } finally {
      given.abort();
    }
    throw new CliError(EXIT.localTarget, 'nobody agreed in the browser in time', {
      hint: 'Run "culvert login" again; on a machine without a browser, "culvert login --apikey -".',
    });
  }

  close(): void {
    for (const server of this.servers) {
      server.close();
      // The browser still reads the answer that sends it away.
      server.closeIdleConnections();
      server.unref();
    }
  }

  /** What is not the answer to our own question changes nothing: any page can have a browser ask here. */
  private handle(
    request: IncomingMessage,
    response: ServerResponse,
    state: string,
    completionUrl: string,
  ): void {
    response.setHeader('Connection', 'close');
    response.setHeader('Cache-Control', 'no-store');
    const target = new URL(request.url ?? '', this.redirectUri);
    if (target.pathname !== CALLBACK || request.method !== 'GET') {
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('Nothing is here.\n');
    } else if (target.searchParams.get('state') !== state) {
      const text = 'This is not the sign-in that culvert waits for.\n';
      response.writeHead(400, { 'Content-Type': 'text/plain; charset=utf-8' }).end(text);
    } else if (target.searchParams.has('error')) {
      const text = 'culvert was not let in. You can close this tab.\n';
      response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' }).end(text);
      this.accept(new URL(target.pathname + target.search, this.redirectUri));
    } else {
      response.writeHead(303, { Location: completionUrl }).end();
      this.accept(new URL(target.pathname + target.search, this.redirectUri));
    }
  }
}

async function listen(server: Server, host: string, port: number): Promise<Server> {
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}
