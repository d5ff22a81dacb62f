import type { Request } from 'express';
import * as oauth from 'openid-client';
import { Strategy } from 'openid-client/passport';

/** Who a provider says somebody is. */
export interface ProvenIdentity {
  readonly issuer: string;
  readonly subject: string;
  /** Lower-case, proved to the provider. */
  readonly email: string;
  readonly name: string;
  /** Groups (OpenID Connect) or organisations (GitHub), for the rules of SIGN_IN_TEAMS. */
  readonly groups: readonly string[];
}

/** The provider answered, but does not vouch for this person. The message is shown to them. */
export class NotVouchedForError extends Error {
  readonly code = 'NOT_VOUCHED_FOR';
}

/** Where people can prove who they are. */
export interface Provider {
  readonly id: 'oidc' | 'github';
  /** What the button says. */
  readonly name: string;
  /** A strategy for Passport that succeeds with a `ProvenIdentity`. Rejects while the provider cannot be reached. */
  strategy(): Promise<ProviderStrategy>;
}

/** For one request to a provider. */
export const PROVIDER_TIMEOUT_SECONDS = 10;
/** For providers on this machine, the only ones that the settings let be reached without TLS. */
// oxlint-disable-next-line typescript/no-deprecated -- marked so only to make it stand out
export const allowPlainHttp = oauth.allowInsecureRequests;

/** Where the strategy keeps what it expects of the answer, in what it takes for a session. */
export const EXPECTED = 'expected';

/** The authorization code flow with PKCE and `state`, and with `nonce` where there are ID tokens. */
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

  /** As people see it: what the request says of its host is not asked. */
  override currentUrl(request: Request): URL {
    return new URL(request.originalUrl, this.options.appUrl);
  }

  override shouldInitiateAuthRequest(_request: Request, currentUrl: URL): boolean {
    return !currentUrl.pathname.endsWith('/callback');
  }
}

export type Tokens = oauth.TokenEndpointResponse & oauth.TokenEndpointResponseHelpers;
