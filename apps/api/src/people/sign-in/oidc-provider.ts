import { asFetch, type HttpClient } from '@culvert/outbound';
import { appUrl, type Settings } from '@culvert/runtime';
import * as oidc from 'openid-client';
import {
  allowPlainHttp,
  AuthorizationFlow,
  NotVouchedForError,
  PROVIDER_TIMEOUT_SECONDS,
  type Provider,
  type ProvenIdentity,
  type Tokens,
} from './provider.js';

/** Any OpenID provider, configured by discovery. */
export class OidcProvider implements Provider {
  readonly id = 'oidc';
  readonly name: string;
  private discovered: Promise<AuthorizationFlow> | null = null;

  constructor(
    private readonly settings: Settings,
    private readonly wanted: NonNullable<Settings['signIn']['oidc']>,
    private readonly http: HttpClient,
  ) {
    this.name = wanted.name;
  }

  /** Asks the provider once; a failure is forgotten, so that the next person asks again. */
  flow(): Promise<AuthorizationFlow> {
    return (this.discovered ??= this.discover().catch((error: unknown) => {
      this.discovered = null;
      throw error;
    }));
  }

  private async discover(): Promise<AuthorizationFlow> {
    const { issuer, clientId, clientSecret, scope } = this.wanted;
    const isLocal = issuer.startsWith('http:');
    const config = await oidc.discovery(
      new URL(issuer),
      clientId,
      undefined,
      clientSecret === undefined ? oidc.None() : authenticateBy(clientSecret),
      {
        timeout: PROVIDER_TIMEOUT_SECONDS,
        [oidc.customFetch]: asFetch(this.http),
        ...(isLocal ? { execute: [allowPlainHttp] } : {}),
      },
    );
    return new AuthorizationFlow({
      id: this.id,
      config,
      scope,
      appUrl: appUrl(this.settings),
      usesIdTokens: true,
      identify: (tokens) => this.identify(config, tokens),
    });
  }

  private async identify(config: oidc.Configuration, tokens: Tokens): Promise<ProvenIdentity> {
    const idToken = tokens.claims();
    if (idToken === undefined) throw new Error('the provider sent no ID token');
    const { userinfo_endpoint: hasUserInfo, issuer } = config.serverMetadata();
    // Providers can put claims into either; the ID token is signed, so it takes precedence.
    const more =
      hasUserInfo === undefined ? {} : await oidc.fetchUserInfo(config, tokens.access_token, idToken.sub);
    const claims: Readonly<Record<string, unknown>> = { ...more, ...idToken };

    const { email, email_verified: isVerified, name } = claims;
    if (typeof email !== 'string' || email === '') {
      throw new NotVouchedForError(`${this.name} did not send your email address`);
    }
    const isProved =
      isVerified === undefined ? this.wanted.trustEmail : isVerified === true || isVerified === 'true';
    if (!isProved)
      throw new NotVouchedForError(
        `your email address is not verified at ${this.name}: verify it there, then try again`,
      );
    const groups = claims[this.wanted.groupsClaim];
    return {
      issuer,
      subject: idToken.sub,
      email,
      name: typeof name === 'string' ? name : '',
      groups: [groups].flat().filter((group) => typeof group === 'string'),
    };
  }
}

/** Returns the authentication that the provider prefers, or the default of OpenID Connect Core §9. */
function authenticateBy(secret: string): oidc.ClientAuth {
  const basic = oidc.ClientSecretBasic(secret);
  const post = oidc.ClientSecretPost(secret);
  return (server, client, body, headers) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    (methods.includes('client_secret_basic') ? basic : post)(server, client, body, headers);
  };
}
