import {
  ACCESS_TOKEN_LIFETIME_MS,
  generateOAuthSecret,
  hashOAuthSecret,
  type IssuedTokens,
} from '@culvert/domain';

/** The response to an exchange (RFC 8693 §2.2.1). It has no refresh token: the platform issues the next token. */
export interface ExchangedTokenResponse {
  readonly access_token: string;
  readonly issued_token_type: string;
  readonly token_type: 'Bearer';
  /** Lifetime in seconds. */
  readonly expires_in: number;
  /** Scopes of Culvert, separated by spaces. */
  readonly scope: string;
}

/** RFC 6749 §5.1. */
export interface TokenResponse {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  /** Lifetime in seconds. */
  readonly expires_in: number;
  readonly refresh_token: string;
  /** Sent because programs also ask for `openid`, which they do not use. */
  readonly scope: string;
}

/** Creates a pair of tokens: the hashes to store, and the response that takes the tokens to the program. */
export function newTokens(): { readonly hashes: IssuedTokens; readonly response: TokenResponse } {
  const accessToken = generateOAuthSecret('access');
  const refreshToken = generateOAuthSecret('refresh');
  const hashes = {
    accessTokenHash: hashOAuthSecret(accessToken),
    refreshTokenHash: hashOAuthSecret(refreshToken),
  };
  const response: TokenResponse = {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: ACCESS_TOKEN_LIFETIME_MS / 1000,
    refresh_token: refreshToken,
    scope: 'profile email',
  };
  return { hashes, response };
}
