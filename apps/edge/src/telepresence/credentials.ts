import {
  type Actor,
  actorOfKey,
  type Scope,
  hashApiKeySecret,
  hashOAuthSecret,
  isAccessTokenShaped,
  isApiKeyUsable,
  scopesOfProgram,
  type Store,
  type TunnelCredential,
} from '@culvert/domain';
import type { ApiKeyUse } from '@culvert/nest';
import { GrpcStatus } from '@culvert/telepresence';

/** Credentials of a call, as they were sent. */
export interface Credentials {
  /** `x-ambassador-api-key`, from Telepresence 2.1.4. */
  readonly apiKey: string | undefined;
  /** `authorization`. */
  readonly authorization: string | undefined;
}

/** Caller of a gRPC call. */
export interface GrpcCaller {
  readonly teamId: string;
  readonly credential: TunnelCredential;
  readonly actor: Actor;
}

/** Ends a call with a status and a sentence that people read in their terminal. */
export class CallError extends Error {
  constructor(
    readonly status: GrpcStatus,
    message: string,
  ) {
    super(message);
  }
}

const SECRET = /^[\x21-\x7e]{8,512}$/;
const BEARER = /^Bearer +(\S+) *$/i;

/** Authenticates Telepresence's programs. */
export class CallAuthenticator {
  constructor(
    private readonly store: Store,
    private readonly apiKeyUse: Pick<ApiKeyUse, 'record'>,
  ) {}

  /** @throws CallError `UNAUTHENTICATED`, or `PERMISSION_DENIED` if a scope of `scopes` is missing */
  async authenticate(
    { apiKey, authorization }: Credentials,
    address: string,
    scopes: readonly Scope[],
  ): Promise<GrpcCaller> {
    const secret = apiKey ?? BEARER.exec(authorization ?? '')?.[1];
    if (secret === undefined || !SECRET.test(secret))
      throw new CallError(GrpcStatus.UNAUTHENTICATED, 'an API key is needed: run "telepresence login"');
    return isAccessTokenShaped(secret)
      ? this.byAccessToken(secret, address, scopes)
      : this.byApiKey(secret, address, scopes);
  }

  private async byApiKey(secret: string, address: string, scopes: readonly Scope[]): Promise<GrpcCaller> {
    const key = await this.store.apiKeys.findByHash(hashApiKeySecret(secret));
    if (key === null)
      throw new CallError(GrpcStatus.UNAUTHENTICATED, 'the API key does not exist on this server');
    const now = new Date();
    if (!isApiKeyUsable(key, now))
      throw new CallError(GrpcStatus.UNAUTHENTICATED, 'the API key is expired or revoked');
    const missing = scopes.find((scope) => !key.scopes.includes(scope));
    if (missing !== undefined)
      throw new CallError(GrpcStatus.PERMISSION_DENIED, `the API key lacks the scope ${missing}`);
    this.apiKeyUse.record(key, address, now);
    return {
      teamId: key.teamId,
      credential: { kind: 'api-key', apiKeyId: key.id },
      actor: actorOfKey(key, address),
    };
  }

  private async byAccessToken(token: string, address: string, scopes: readonly Scope[]): Promise<GrpcCaller> {
    const owner = await this.store.programs.findByAccessTokenHash(hashOAuthSecret(token), new Date());
    if (owner === null)
      throw new CallError(
        GrpcStatus.UNAUTHENTICATED,
        'the sign-in has expired or was ended: run "telepresence login"',
      );
    const { program, user, role } = owner;
    const permitted = scopesOfProgram(program.clientId, role);
    const missing = scopes.find((scope) => !permitted.includes(scope));
    if (missing !== undefined)
      throw new CallError(GrpcStatus.PERMISSION_DENIED, `your sign-in lacks the scope ${missing}`);
    return {
      teamId: program.teamId,
      credential: { kind: 'program', programId: program.id, userId: user.id },
      actor: { kind: 'user', id: user.id, address },
    };
  }
}
