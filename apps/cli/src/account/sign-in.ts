/** Signing in through a browser: authorization code with PKCE, and a redirect to this machine (RFC 8252). */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { OauthClient, type StoredTokens, toStoredTokens } from '@culvert/client';
import type { HttpClient } from '@culvert/outbound';
import * as oauth from 'openid-client';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';

const CALLBACK = '/callback';
/** How long a person may take to agree, for example to find a password or a colleague who has it. */
const CONSENT_TIMEOUT_MS = 10 * 60_000;

export class SignIn {
  private readonly oauth: OauthClient;

  constructor(
    private readonly url: string,
    http: HttpClient,
  ) {
    this.oauth = new OauthClient(url, http);
  }

  /**
   * Waits for a person to agree in their browser.
   * @param show receives the URL to open
   * @throws ClientError
   */
  async withBrowser(show: (address: string) => void, signal: AbortSignal): Promise<StoredTokens> {
    const { config } = this.oauth;
    const verifier = oauth.randomPKCECodeVerifier();
    const state = oauth.randomState();
    const callback = await CallbackServer.start(state, `${this.url}/completion`);
    try {
      const address = oauth.buildAuthorizationUrl(config, {
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
      return toStoredTokens(await oauth.authorizationCodeGrant(config, answer, checks));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw this.oauth.explain(error);
    } finally {
      callback.close();
    }
  }
}

/** Receives the browser's redirect: one local port, for one answer. */
class CallbackServer {
  private accept!: (answer: URL) => void;
  private readonly answered = new Promise<URL>((resolve) => (this.accept = resolve));

  private constructor(
    readonly redirectUri: string,
    private readonly servers: readonly Server[],
  ) {}

  /** @param completionUrl where the browser ends up */
  static async start(state: string, completionUrl: string): Promise<CallbackServer> {
    let callback: CallbackServer | undefined;
    const handle = (request: IncomingMessage, response: ServerResponse): void =>
      callback?.handle(request, response, state, completionUrl);
    const first = await listen(createServer(handle), '127.0.0.1', 0);
    const { port } = first.address() as AddressInfo;
    // Browsers may resolve `localhost` to either address family.
    const second = await listen(createServer(handle), '::1', port).catch(() => null);
    const servers = second === null ? [first] : [first, second];
    return (callback = new CallbackServer(`http://localhost:${port}${CALLBACK}`, servers));
  }

  /** Rejects with a CliError when the time is up. */
  async answer(signal: AbortSignal): Promise<URL> {
    const given = new AbortController();
    try {
      const aborted = once(signal, 'abort', { signal: given.signal });
      const answer = await Promise.race([this.answered, aborted.then(() => null)]);
      if (answer !== null) return answer;
    } finally {
      given.abort();
    }
    throw new CliError(EXIT.localTarget, 'the sign-in was not completed in the browser within 10 minutes', {
      hint: 'Run "culvert login" again. If this machine has no browser, add --device.',
    });
  }

  close(): void {
    for (const server of this.servers) {
      server.close();
      // The browser still reads the response that redirects it.
      server.closeIdleConnections();
      server.unref();
    }
  }

  /** Ignores requests that do not answer our own question: any page can make a browser send one. */
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
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('Not found.\n');
    } else if (target.searchParams.get('state') !== state) {
      const text = 'This is not the sign-in that culvert is waiting for.\n';
      response.writeHead(400, { 'Content-Type': 'text/plain; charset=utf-8' }).end(text);
    } else if (target.searchParams.has('error')) {
      const text = 'You did not let culvert sign in. You can close this tab.\n';
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
