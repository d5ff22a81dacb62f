import * as oauth from 'openid-client';

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
  /** Returns the flow by which people sign in there. Rejects while the provider cannot be reached. */
  flow(): Promise<AuthorizationFlow>;
}

/** Timeout of one request to a provider. */
export const PROVIDER_TIMEOUT_SECONDS = 10;
/** For providers on this machine, the only ones that the settings allow without TLS. */
// oxlint-disable-next-line typescript/no-deprecated -- marked so only to make it stand out
export const allowPlainHttp = oauth.allowInsecureRequests;

/** Values that the response of a provider has to fit. The browser that began the sign-in keeps them. */
export interface Expectations {
  readonly state: string;
  /** Set if there are ID tokens. */
  readonly nonce?: string | undefined;
  /** Code verifier of PKCE (RFC 7636). */
  readonly verifier: string;
}

export interface FlowOptions {
  readonly id: Provider['id'];
  readonly config: oauth.Configuration;
  readonly scope: string;
  readonly appUrl: string;
  readonly usesIdTokens: boolean;
  /** Returns the identity that the tokens prove. Rejects with a NotVouchedForError if the provider does not confirm it. */
  readonly identify: (tokens: Tokens) => Promise<ProvenIdentity>;
}

/** The authorization code flow with PKCE and `state`, and with `nonce` if there are ID tokens. */
export class AuthorizationFlow {
  private readonly callbackUrl: string;

  constructor(private readonly options: FlowOptions) {
    this.callbackUrl = `${options.appUrl}/sign-in/${options.id}/callback`;
  }

  /** Returns the URL to send the browser to, and the values that its response has to fit. */
  async begin(): Promise<{ readonly location: URL; readonly expected: Expectations }> {
    const { config, scope, usesIdTokens } = this.options;
    const verifier = oauth.randomPKCECodeVerifier();
    const state = oauth.randomState();
    const nonce = usesIdTokens ? oauth.randomNonce() : undefined;
    const location = oauth.buildAuthorizationUrl(config, {
      redirect_uri: this.callbackUrl,
      scope,
      state,
      ...(nonce !== undefined && { nonce }),
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    return { location, expected: { state, nonce, verifier } };
  }

  /**
   * Returns the identity that the provider confirms; null if the person did not agree.
   * @param query query of the request to the callback
   */
  async finish(
    query: URLSearchParams,
    { state, nonce, verifier }: Expectations,
  ): Promise<ProvenIdentity | null> {
    const { config, identify } = this.options;
    const current = new URL(this.callbackUrl);
    current.search = query.toString();
    try {
      const checks = {
        pkceCodeVerifier: verifier,
        expectedState: state,
        ...(nonce !== undefined && { expectedNonce: nonce }),
      };
      return await identify(await oauth.authorizationCodeGrant(config, current, checks));
    } catch (error) {
      if (error instanceof oauth.AuthorizationResponseError && error.error === 'access_denied') return null;
      throw error;
    }
  }
}

export type Tokens = oauth.TokenEndpointResponse & oauth.TokenEndpointResponseHelpers;
