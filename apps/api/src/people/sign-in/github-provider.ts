import { asFetch, type HttpClient } from '@culvert/outbound';
import { appUrl, type Settings } from '@culvert/runtime';
import * as oauth from 'openid-client';
import { z } from 'zod';
import {
  allowPlainHttp,
  AuthorizationFlow,
  NotVouchedForError,
  PROVIDER_TIMEOUT_SECONDS,
  type Provider,
  type ProvenIdentity,
  type Tokens,
} from './provider.js';

const account = z.object({ id: z.int(), login: z.string(), name: z.string().nullish() });
const addresses = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }));
const organisations = z.array(z.object({ login: z.string() }));

/** GitHub, or a GitHub Enterprise Server. Uses OAuth without OpenID: its API identifies the person. */
export class GithubProvider implements Provider {
  readonly id = 'github';
  readonly name = 'GitHub';
  private readonly url: string;
  private readonly apiUrl: string;
  private readonly usesOrganisations: boolean;
  private readonly builtFlow: AuthorizationFlow;

  constructor(
    settings: Settings,
    wanted: NonNullable<Settings['signIn']['github']>,
    private readonly http: HttpClient,
  ) {
    this.url = wanted.url.replace(/\/+$/, '');
    this.apiUrl = wanted.apiUrl.replace(/\/+$/, '');
    this.usesOrganisations = settings.signIn.teams.some(({ kind }) => kind === 'org');
    const config = new oauth.Configuration(
      {
        issuer: `${this.url}/login/oauth`,
        authorization_endpoint: `${this.url}/login/oauth/authorize`,
        token_endpoint: `${this.url}/login/oauth/access_token`,
        code_challenge_methods_supported: ['S256'],
      },
      wanted.clientId,
      undefined,
      oauth.ClientSecretPost(wanted.clientSecret),
    );
    config.timeout = PROVIDER_TIMEOUT_SECONDS;
    config[oauth.customFetch] = asFetch(http);
    // oxlint-disable-next-line typescript/no-deprecated -- marked so only to make it stand out
    if (this.url.startsWith('http:')) allowPlainHttp(config);
    const scope = this.usesOrganisations ? 'user:email read:org' : 'user:email';
    this.builtFlow = new AuthorizationFlow({
      id: this.id,
      config,
      scope,
      appUrl: appUrl(settings),
      usesIdTokens: false,
      identify: (tokens) => this.identify(tokens),
    });
  }

  flow(): Promise<AuthorizationFlow> {
    return Promise.resolve(this.builtFlow);
  }

  private async identify({ access_token: token }: Tokens): Promise<ProvenIdentity> {
    const [user, emails, orgs] = await Promise.all([
      this.get('/user', token, account),
      this.get('/user/emails?per_page=100', token, addresses),
      this.usesOrganisations ? this.get('/user/orgs?per_page=100', token, organisations) : [],
    ]);
    const email = emails.find(({ primary, verified }) => primary && verified)?.email;
    if (email === undefined) {
      throw new NotVouchedForError(
        'your primary email address is not verified at GitHub: verify it there, then try again',
      );
    }
    return {
      issuer: this.url,
      // A login can be renamed and taken by another person; the number stays.
      subject: String(user.id),
      email,
      name: user.name ?? user.login,
      groups: orgs.map(({ login }) => login.toLowerCase()),
    };
  }

  private async get<Schema extends z.ZodType>(
    path: string,
    token: string,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    const response = await this.http.send({
      url: this.apiUrl + path,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/vnd.github+json',
        'x-github-api-version': '2022-11-28',
        'user-agent': 'culvert',
      },
      maxRedirects: 0,
    });
    if (!response.isSuccess) throw new Error(`GitHub answered ${response.status} to ${path}`);
    return schema.parse(JSON.parse(response.text));
  }
}
