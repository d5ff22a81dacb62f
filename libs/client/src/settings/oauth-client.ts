/** Culvert's OAuth server from the side of a program: its endpoints, and the tokens of a sign-in. */
import { asFetch, type HttpClient } from '@culvert/outbound';
import * as oauth from 'openid-client';
import { unreachable } from '../api/http.js';
import { ClientError } from '../client-error.js';
import type { StoredTokens } from './credential-file.js';

/** Client id under which Culvert knows this program (apps/api/src/people/programs/known-programs.ts). */
const CLIENT_ID = 'culvert';
const TOKEN_TIMEOUT_SECONDS = 30;

export class OauthClient {
  readonly config: oauth.Configuration;

  constructor(
    private readonly url: string,
    http: HttpClient,
  ) {
    const server = {
      issuer: url,
      authorization_endpoint: `${url}/auth`,
      device_authorization_endpoint: `${url}/device_authorization`,
      token_endpoint: `${url}/token`,
      revocation_endpoint: `${url}/revoke`,
    };
    this.config = new oauth.Configuration(server, CLIENT_ID, undefined, oauth.None());
    this.config[oauth.customFetch] = asFetch(http);
    this.config.timeout = TOKEN_TIMEOUT_SECONDS;
    // The person who entered the URL decides whether plain http is acceptable.
    // oxlint-disable-next-line typescript/no-deprecated -- marked so only to make it stand out
    if (url.startsWith('http:')) oauth.allowInsecureRequests(this.config);
  }

  /** Returns new tokens, or null if the sign-in has ended. @throws ClientError */
  async renew(refreshToken: string): Promise<StoredTokens | null> {
    try {
      return toStoredTokens(await oauth.refreshTokenGrant(this.config, refreshToken));
    } catch (error) {
      if (error instanceof oauth.ResponseBodyError && error.error === 'invalid_grant') return null;
      throw this.explain(error);
    }
  }

  /** Ends the sign-in and all its tokens at the server. @throws ClientError */
  async revoke(refreshToken: string): Promise<void> {
    try {
      await oauth.tokenRevocation(this.config, refreshToken);
    } catch (error) {
      throw this.explain(error);
    }
  }

  /** Returns the error for a person of a failed request to the OAuth server. */
  explain(error: unknown): ClientError {
    if (error instanceof ClientError) return error;
    if (error instanceof oauth.AuthorizationResponseError) {
      return error.error === 'access_denied'
        ? new ClientError('refused', 'you did not let culvert sign in', { cause: error })
        : new ClientError('failure', `the sign-in was refused: ${error.error_description ?? error.error}`, {
            cause: error,
          });
    }
    if (error instanceof oauth.ResponseBodyError) {
      if (error.error === 'access_denied')
        return new ClientError('refused', 'you did not let culvert sign in', { cause: error });
      const text = error.error_description ?? error.error;
      const isLimit = error.status === 429;
      return new ClientError(isLimit ? 'conflict' : 'not_signed_in', `${this.url} refused: ${text}`, {
        hint: isLimit ? 'Try again later.' : 'Run "culvert login" again.',
        cause: error,
      });
    }
    const status = statusOf(error);
    if (status !== null && status >= 500) {
      return new ClientError('unreachable', `${this.url} answers with HTTP ${status}`, {
        hint: 'Try again in a minute.',
        cause: error,
      });
    }
    const { code } = error as { code?: string };
    if (
      error instanceof Error &&
      (error.name === 'TimeoutError' || code === undefined || code === 'OAUTH_TIMEOUT')
    )
      return unreachable(this.url, error);
    return new ClientError('unreachable', `${this.url} does not answer like Culvert`, {
      hint: 'Check that this is the URL of Culvert.',
      cause: error,
    });
  }
}

/**
 * Returns the status of a response of the OAuth server whose failure is not in the form of OAuth; null for any other
 * error.
 */
export function statusOf(error: unknown): number | null {
  const { cause } = error as { cause?: unknown };
  return cause instanceof Response ? cause.status : null;
}

/** Returns the tokens of a response as the credential file stores them. @throws ClientError without a refresh token */
export function toStoredTokens(response: oauth.TokenEndpointResponse): StoredTokens {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds = 0 } = response;
  if (refreshToken === undefined) {
    throw new ClientError('unreachable', 'Culvert sent no refresh token', {
      hint: 'Run "culvert login" again.',
    });
  }
  const expiresAt = new Date(Date.now() + seconds * 1000).toISOString();
  return { kind: 'tokens', accessToken, refreshToken, expiresAt };
}
