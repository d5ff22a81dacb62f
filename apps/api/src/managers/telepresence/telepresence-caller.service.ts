import { Inject, Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import {
  hashOAuthSecret,
  scopesOfProgram,
  type Actor,
  type ApiKey,
  type Scope,
  type Authority,
  type Store,
  type User,
} from '@culvert/domain';
import { STORE } from '@culvert/nest';
import { AuthenticationService } from '../../http/auth/authentication.service.js';
import { TeamRate } from '../../http/auth/team-rate.js';
import type { RequestFacts } from '../../http/request-facts.js';

const ACCESS_TOKEN = /^Bearer +([\x21-\x7e]{1,512}) *$/i;
const API_KEY = /^[\x21-\x7e]{8,512}$/;

/** The owner of a Telepresence client, and the team. */
export interface TelepresenceCaller {
  readonly teamId: string;
  readonly scopes: readonly Scope[];
  /** The key that it was given; null if a person signed in with it. */
  readonly apiKey: ApiKey | null;
  readonly user: User | null;
  /** Authority that the store checks again before it creates a key. */
  readonly authority: Authority;
  /** Actor in the audit log. */
  readonly actor: Actor;
}

/** Identifies the owner of the Telepresence client that makes a request. */
@Injectable()
export class TelepresenceCallerService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly authentication: AuthenticationService,
    private readonly rate: TeamRate,
  ) {}

  /**
   * Identifies by the key that was given to `telepresence login --apikey`, which takes precedence, or else by the
   * access token of a sign-in in the browser.
   * @throws ProblemError if the request has no valid credential, or the team sends too many requests
   */
  async identify({ headers, address }: RequestFacts): Promise<TelepresenceCaller> {
    const key = headers['x-ambassador-api-key'];
    const caller =
      key === undefined
        ? await this.byAccessToken(headers.authorization ?? '', address)
        : await this.byApiKey(key, address);
    if (caller === null) throw new ProblemError('unauthenticated');
    const counted = await this.rate.count(caller.teamId);
    if (counted?.isWithin === false)
      throw new ProblemError('too_many_requests', { retryAfterSeconds: counted.resetSeconds });
    return caller;
  }

  private async byApiKey(key: unknown, address: string | null): Promise<TelepresenceCaller | null> {
    if (typeof key !== 'string' || !API_KEY.test(key)) return null;
    return this.authentication.authenticate(key, address);
  }

  private async byAccessToken(
    authorization: string,
    address: string | null,
  ): Promise<TelepresenceCaller | null> {
    const token = ACCESS_TOKEN.exec(authorization)?.[1];
    if (token === undefined) return null;
    const owner = await this.store.programs.findByAccessTokenHash(hashOAuthSecret(token), new Date());
    if (owner === null) return null;
    return {
      teamId: owner.program.teamId,
      scopes: scopesOfProgram(owner.program.clientId, owner.role),
      apiKey: null,
      user: owner.user,
      authority: { kind: 'program', userId: owner.user.id, programId: owner.program.id },
      actor: { kind: 'user', id: owner.user.id, address },
    };
  }
}
