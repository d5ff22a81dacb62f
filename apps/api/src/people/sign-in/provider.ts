import type { Request } from 'express';
import * as oauth from 'openid-client';
import { Strategy } from 'openid-client/passport';

/** A person's identity as a provider confirmed it. */
export interface ProvenIdentity {
  readonly issuer: string;
  readonly subject: string;
  /** Lower-case, verified by the provider. */
  readonly email: string;
  readonly name: string;
  /** Groups (OpenID Connect) or organizations (GitHub), for the rules of SIGN_IN_TEAMS. */
  readonly groups: readonly string[];
}

/** The provider answered, but does not confirm this person. The message is shown to them. */
export class NotVouchedForError extends Error {
  readonly code = 'NOT_VOUCHED_FOR';
}

/** An identity provider. */
export interface Provider {
  readonly id: 'oidc' | 'github';
  /** Name on the button. */
  readonly name: string;
  /**
   * Returns a strategy for Passport that succeeds with a `ProvenIdentity`. Rejects while the provider cannot be
   * reached.
   */
  strategy(): Promise<ProviderStrategy>;
}

/** Timeout of one request to a provider. */
export const PROVIDER_TIMEOUT_SECONDS = 10;
/** For providers on this machine, the only ones that the settings allow without TLS. */
// oxlint-disable-next-line typescript/no-deprecated -- marked so only to make it stand out
export const allowPlainHttp = oauth.allowInsecureRequests;

/** Key under which the strategy stores the expected values in its session. */
export const EXPECTED = 'expected';

/** The authorization code flow with PKCE and `state`, and with `nonce` if there are ID tokens. */
export class ProviderStrategy extends Strategy {
  constructor(
    private readonly options: {
      readonly id: string;
      readonly config: oauth.Configuration;
      readonly scope: string;
      readonly appUrl: string;
      readonly usesIdTokens: boolean;
    },
    identify: (tokens: Tokens) => Promise<ProvenIdentity>,
  ) {
    super(
      {
        name: options.id,
        config: options.config,
        scope: options.scope,
        sessionKey: EXPECTED,
        callbackURL: `${options.appUrl}/sign-in/${options.id}/callback`,
      },
      (tokens, verified) => {
        identify(tokens).then(
          (identity) => verified(null, identity),
          (error: unknown) => verified(error),
        );
      },
    );
  }

  override authorizationRequestParams(): Record<string, string> {
    const state = oauth.randomState();
    return this.options.usesIdTokens ? { state, nonce: oauth.randomNonce() } : { state };
  }

  /** Returns the URL as people see it. The host in the request is ignored. */
  override currentUrl(request: Request): URL {
    return new URL(request.originalUrl, this.options.appUrl);
  }

  override shouldInitiateAuthRequest(_request: Request, currentUrl: URL): boolean {
    return !currentUrl.pathname.endsWith('/callback');
  }
}

export type Tokens = oauth.TokenEndpointResponse & oauth.TokenEndpointResponseHelpers;
